// loop_test.cc - turns: when they come, and that they do not come by themselves.
#include "sidefridge/loop/loop.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <optional>
#include <utility>

#include "fixture.h"
#include "sidefridge/os/pipe.h"

namespace sidefridge::loop {
namespace {

struct CountTurns final : TurnListener {
  explicit CountTurns(Loop& its_loop) : loop(its_loop) {}
  void on_turn() noexcept override {
    ++turns;
    loop.stop();
  }
  Loop& loop;
  int turns = 0;
};

TEST(Loop, does_not_wait_in_its_first_turn) {
  Loop loop = Loop::open().value();
  CountTurns listener(loop);
  loop.run(listener);  // nothing is watched: it would wait for ever
  EXPECT_EQ(listener.turns, 1);
}

TEST(Loop, runs_again_after_it_was_stopped) {
  Loop loop = Loop::open().value();
  CountTurns listener(loop);
  loop.run(listener);
  loop.run(listener);
  EXPECT_EQ(listener.turns, 2);
}

TEST(Loop, can_be_moved_while_it_is_watched) {
  Loop first = Loop::open().value();
  const os::Pipe pipe = os::open_pipe().value();
  bool ready = false;
  std::optional<FdCallback> callback;
  callback.emplace(first, pipe.read_end.get(), [&] { ready = true; });
  callback->watch().want(Interest::input);
  ASSERT_EQ(::write(pipe.write_end.get(), "x", 1), 1);
  Loop second = std::move(first);
  struct UntilReady final : TurnListener {
    UntilReady(Loop& its_loop, bool& what) : loop(its_loop), ready(what) {}
    void on_turn() noexcept override {
      if (ready) loop.stop();
    }
    Loop& loop;
    bool& ready;
  } listener(second, ready);
  second.run(listener);
  EXPECT_TRUE(ready);
  callback.reset();
}

TEST(Loop, has_one_turn_for_all_that_is_ready_together) {
  TestLoop test;
  const os::Pipe one = os::open_pipe().value();
  const os::Pipe other = os::open_pipe().value();
  int ready = 0;
  FdCallback hears_one(test.loop(), one.read_end.get(), [&] { ++ready; });
  FdCallback hears_other(test.loop(), other.read_end.get(), [&] { ++ready; });
  hears_one.watch().want(Interest::input);
  hears_other.watch().want(Interest::input);
  ASSERT_EQ(::write(one.write_end.get(), "x", 1), 1);
  ASSERT_EQ(::write(other.write_end.get(), "x", 1), 1);
  test.run_until([&] { return ready > 0; });
  EXPECT_EQ(ready, 2);
  EXPECT_EQ(test.turns(), 1) << "what was ready before belongs to the first turn";
}

TEST(Loop, has_no_turn_while_nothing_happens) {
  TestLoop test;
  const os::Pipe silent = os::open_pipe().value();
  FdCallback hears_nothing(test.loop(), silent.read_end.get(), [] { ADD_FAILURE(); });
  hears_nothing.watch().want(Interest::input);
  os::MonoTimer timer = os::MonoTimer::open().value();
  bool expired = false;
  FdCallback hears_timer(test.loop(), timer.fd(), [&] { expired = true; });
  hears_timer.watch().want(Interest::input);
  ASSERT_TRUE(timer.arm(os::sample_now().mono + std::chrono::milliseconds(150)).ok());
  test.run_until([&] { return expired; });
  EXPECT_EQ(test.turns(), 2);
}

TEST(LoopDeathTest, aborts_when_a_watch_outlives_it) {
  EXPECT_DEATH(
      {
        std::optional<Loop> loop(Loop::open().value());
        const os::Pipe pipe = os::open_pipe().value();
        FdCallback callback(*loop, pipe.read_end.get(), [] {});
        loop.reset();
      },
      "gone before its loop");
}

}  // namespace
}  // namespace sidefridge::loop
