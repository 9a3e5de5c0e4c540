// timer_watch.h - deadlines of both clocks as events.
#pragma once

#include <memory>
#include <optional>

#include "sidefridge/base/result.h"
#include "sidefridge/base/time.h"
#include "sidefridge/daemon/event_sink.h"
#include "sidefridge/loop/fd_watch.h"
#include "sidefridge/loop/loop.h"
#include "sidefridge/os/mono_timer.h"
#include "sidefridge/os/wall_timer.h"

namespace sidefridge::daemon {

/// One timer in the loop: posts TimePassed when its deadline comes, ClockStepped when its clock was set.
/// Owns:   the timer and its watch. Lives on the heap: the loop points at it.
/// Thread: loop thread only.
template <class Timer, class Time>
class TimerWatch final : private loop::FdListener {
public:
  /// Requires: loop and sink outlive the object. Errors: no descriptors or memory left.
  static Result<std::unique_ptr<TimerWatch>> open(loop::Loop& loop, EventSink& sink);
  TimerWatch(const TimerWatch&) = delete;
  TimerWatch& operator=(const TimerWatch&) = delete;

  /// Replaces the deadline; nothing: none. Costs no system call where nothing changed.
  void arm(std::optional<Time> deadline);

private:
  TimerWatch(Timer timer, EventSink& sink) : timer_(std::move(timer)), sink_(sink) {}
  void on_ready() noexcept override;

  Timer timer_;
  EventSink& sink_;
  std::optional<Time> armed_;
  std::optional<loop::FdWatch> watch_;
};

using WallTimerWatch = TimerWatch<os::WallTimer, WallTime>;
using MonoTimerWatch = TimerWatch<os::MonoTimer, MonoTime>;

}  // namespace sidefridge::daemon
