// fixture.h - a loop that runs until something is so, and never for ever.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <utility>

#include "sidefridge/loop/fd_watch.h"
#include "sidefridge/loop/loop.h"
#include "sidefridge/os/mono_timer.h"
#include "sidefridge/os/system_clock.h"

namespace sidefridge::loop {

/// Calls a function when its descriptor is ready.
class FdCallback final : public FdListener {
public:
  FdCallback(Loop& loop, int fd, std::function<void()> ready)
      : ready_(std::move(ready)), watch_(FdWatch::open(loop, fd, *this).value()) {}
  FdWatch& watch() { return watch_; }

private:
  void on_ready() noexcept override {
    const auto ready = ready_;  // ready_ may destroy this
    ready();
  }

  std::function<void()> ready_;
  FdWatch watch_;
};

class TestLoop final : private TurnListener {
public:
  TestLoop() : loop_(Loop::open().value()) {}

  Loop& loop() { return loop_; }

  /// Runs until `done()`, which is asked at the end of each turn.
  void run_until(std::function<bool()> done) {
    done_ = std::move(done);
    os::MonoTimer limit = os::MonoTimer::open().value();
    FdCallback late(loop_, limit.fd(), [this] {
      ADD_FAILURE() << "what the loop was waiting for never came";
      loop_.stop();
    });
    late.watch().want(Interest::input);
    ASSERT_TRUE(limit.arm(os::sample_now().mono + std::chrono::seconds(20)).ok());
    loop_.run(*this);
  }

  /// Runs until nothing happens any more that could happen without waiting.
  void run_until_idle() {
    os::MonoTimer soon = os::MonoTimer::open().value();
    bool passed = false;
    FdCallback idle(loop_, soon.fd(), [&] { passed = true; });
    idle.watch().want(Interest::input);
    // What is ready now is heard in the first turns; the timer, being due at once, adds no wait of its own.
    ASSERT_TRUE(soon.arm(os::sample_now().mono).ok());
    int more_turns = 3;
    run_until([&] { return passed && more_turns-- == 0; });
  }

  int turns() const { return turns_; }

  /// What else happens at the end of a turn.
  std::function<void()> each_turn = [] {};

private:
  void on_turn() noexcept override {
    ++turns_;
    each_turn();
    if (done_()) loop_.stop();
  }

  Loop loop_;
  std::function<bool()> done_;
  int turns_ = 0;
};

}  // namespace sidefridge::loop
