// fd_watch_test.cc - who hears what, and who is not called any more.
#include "sidefridge/loop/fd_watch.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "../os/namespaces.h"
#include "fixture.h"
#include "sidefridge/os/pipe.h"

namespace sidefridge::loop {
namespace {

os::Pipe make_pipe() {
  return os::open_pipe().value();
}

void put_byte(const os::Pipe& pipe) {
  ASSERT_EQ(::write(pipe.write_end.get(), "x", 1), 1);
}

void take_byte(const os::Pipe& pipe) {
  char byte = 0;
  ASSERT_EQ(::read(pipe.read_end.get(), &byte, 1), 1);
}

TEST(FdWatch, tells_each_turn_while_input_waits) {
  TestLoop test;
  const os::Pipe pipe = make_pipe();
  int calls = 0;
  FdCallback callback(test.loop(), pipe.read_end.get(), [&] {
    if (++calls == 3) take_byte(pipe);
  });
  callback.watch().want(Interest::input);
  put_byte(pipe);
  test.run_until([&] { return calls == 3; });
  test.run_until_idle();
  EXPECT_EQ(calls, 3);
}

TEST(FdWatch, begins_silent) {
  TestLoop test;
  const os::Pipe pipe = make_pipe();
  FdCallback callback(test.loop(), pipe.read_end.get(), [] { ADD_FAILURE(); });
  put_byte(pipe);
  test.run_until_idle();
}

TEST(FdWatch, is_silent_while_nothing_is_wanted_and_loses_nothing_by_it) {
  TestLoop test;
  const os::Pipe pipe = make_pipe();
  int calls = 0;
  std::optional<FdCallback> callback;
  callback.emplace(test.loop(), pipe.read_end.get(), [&] {
    ++calls;
    callback->watch().want(Interest::nothing);
  });
  callback->watch().want(Interest::input);
  put_byte(pipe);
  test.run_until_idle();
  EXPECT_EQ(calls, 1);
  callback->watch().want(Interest::input);
  test.run_until([&] { return calls == 2; });
}

TEST(FdWatch, tells_once_that_a_list_of_the_kernel_changed) {
  os::in_own_namespaces([] {
    TestLoop test;
    const os::UniqueFd mounts(::open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC));
    int calls = 0;
    FdCallback callback(test.loop(), mounts.get(), [&] { ++calls; });
    callback.watch().want(Interest::news);
    test.run_until_idle();
    EXPECT_EQ(calls, 0) << "that there is a list is no news";
    ASSERT_EQ(::mount("none", "/proc", "tmpfs", 0, nullptr), 0);
    test.run_until([&] { return calls > 0; });
    test.run_until_idle();
    EXPECT_EQ(calls, 1);
    ASSERT_EQ(::umount("/proc"), 0);
    test.run_until([&] { return calls > 1; });
  });
}

TEST(FdWatch, misses_no_news_from_the_first_turn_on) {
  os::in_own_namespaces([] {
    TestLoop test;
    const os::UniqueFd mounts(::open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC));
    bool told = false;
    FdCallback callback(test.loop(), mounts.get(), [&] { told = true; });
    callback.watch().want(Interest::news);
    test.each_turn = [&] {
      if (test.turns() == 1) {
        EXPECT_EQ(::mount("none", "/proc", "tmpfs", 0, nullptr), 0);
      }
    };
    test.run_until([&] { return told; });
  });
}

TEST(FdWatch, takes_the_end_of_a_file_for_input) {
  TestLoop test;
  os::Pipe pipe = make_pipe();
  std::optional<FdCallback> callback;
  callback.emplace(test.loop(), pipe.read_end.get(), [&] { callback.reset(); });
  callback->watch().want(Interest::input);
  pipe.write_end.reset();
  test.run_until([&] { return !callback.has_value(); });
}

TEST(FdWatch, may_be_destroyed_by_its_own_listener) {
  TestLoop test;
  const os::Pipe pipe = make_pipe();
  int calls = 0;
  std::unique_ptr<FdCallback> callback;
  callback = std::make_unique<FdCallback>(test.loop(), pipe.read_end.get(), [&] {
    ++calls;
    callback.reset();
  });
  callback->watch().want(Interest::input);
  put_byte(pipe);
  test.run_until([&] { return calls > 0; });
  test.run_until_idle();
  EXPECT_EQ(calls, 1);
}

TEST(FdWatch, is_not_heard_after_another_listener_of_the_turn_destroyed_it) {
  TestLoop test;
  const os::Pipe one = make_pipe();
  const os::Pipe other = make_pipe();
  int calls = 0;
  std::unique_ptr<FdCallback> hears_one;
  std::unique_ptr<FdCallback> hears_other;
  hears_one = std::make_unique<FdCallback>(test.loop(), one.read_end.get(), [&] {
    ++calls;
    hears_other.reset();
    take_byte(one);
  });
  hears_other = std::make_unique<FdCallback>(test.loop(), other.read_end.get(), [&] {
    ++calls;
    hears_one.reset();
    take_byte(other);
  });
  hears_one->watch().want(Interest::input);
  hears_other->watch().want(Interest::input);
  put_byte(one);
  put_byte(other);
  test.run_until([&] { return calls > 0; });
  test.run_until_idle();
  EXPECT_EQ(calls, 1);
}

TEST(FdWatch, does_not_inherit_readiness_from_a_descriptor_that_had_the_same_number) {
  TestLoop test;
  std::vector<os::Pipe> pipes;
  std::vector<std::unique_ptr<FdCallback>> watched;
  std::unique_ptr<FdCallback> successor;
  std::optional<os::Pipe> successor_pipe;
  int calls = 0;
  // Whichever is heard first replaces the other, which is ready as well, by a silent pipe with its number.
  const auto replace = [&](std::size_t index) {
    ++calls;
    take_byte(pipes[index]);
    const std::size_t other = 1 - index;
    const int number = pipes[other].read_end.get();
    watched[other].reset();
    pipes[other].read_end.reset();
    successor_pipe = make_pipe();
    ASSERT_EQ(successor_pipe->read_end.get(), number);
    successor = std::make_unique<FdCallback>(test.loop(), number, [] { ADD_FAILURE(); });
    successor->watch().want(Interest::input);
  };
  for (std::size_t index = 0; index < 2; ++index) pipes.push_back(make_pipe());
  for (std::size_t index = 0; index < 2; ++index) {
    watched.push_back(
        std::make_unique<FdCallback>(test.loop(), pipes[index].read_end.get(), [&, index] { replace(index); }));
    watched[index]->watch().want(Interest::input);
    put_byte(pipes[index]);
  }
  test.run_until([&] { return calls > 0; });
  test.run_until_idle();
  EXPECT_EQ(calls, 1);
}

TEST(FdWatch, may_be_destroyed_and_made_again_before_the_loop_runs) {
  TestLoop test;
  const os::Pipe pipe = make_pipe();
  for (int round = 0; round < 3; ++round)
    FdCallback(test.loop(), pipe.read_end.get(), [] {}).watch().want(Interest::input);
  bool ready = false;
  FdCallback callback(test.loop(), pipe.read_end.get(), [&] { ready = true; });
  callback.watch().want(Interest::input);
  put_byte(pipe);
  test.run_until([&] { return ready; });
}

TEST(FdWatch, goes_on_after_a_move) {
  TestLoop test;
  const os::Pipe pipe = make_pipe();
  const os::Pipe other = make_pipe();
  struct Listener final : FdListener {
    void on_ready() noexcept override { ++calls; }
    int calls = 0;
  } listener;
  FdWatch first = FdWatch::open(test.loop(), pipe.read_end.get(), listener).value();
  first.want(Interest::input);
  FdWatch second = FdWatch::open(test.loop(), other.read_end.get(), listener).value();
  second = std::move(first);
  FdWatch third = std::move(second);
  put_byte(pipe);
  test.run_until([&] { return listener.calls > 0; });
}

TEST(FdWatch, refuses_what_cannot_be_polled) {
  TestLoop test;
  struct Listener final : FdListener {
    void on_ready() noexcept override {}
  } listener;
  const os::UniqueFd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  const auto watch = FdWatch::open(test.loop(), file.get(), listener);
  ASSERT_FALSE(watch.ok());
  EXPECT_NE(watch.error().text.find("cannot watch descriptor " + std::to_string(file.get())), std::string::npos);
}

}  // namespace
}  // namespace sidefridge::loop
