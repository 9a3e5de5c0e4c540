// timer_watch.cc - arming and hearing the timers.
#include "sidefridge/daemon/timer_watch.h"

#include <utility>

#include "sidefridge/base/check.h"

namespace sidefridge::daemon {
namespace {

core::Event event_of(os::WallTimer::Wake wake) {
  if (wake == os::WallTimer::Wake::clock_changed) return core::ClockStepped{};
  return core::TimePassed{};
}

core::Event event_of(os::MonoTimer::Wake) {
  return core::TimePassed{};
}

}  // namespace

template <class Timer, class Time>
Result<std::unique_ptr<TimerWatch<Timer, Time>>> TimerWatch<Timer, Time>::open(loop::Loop& loop, EventSink& sink) {
  Result<Timer> timer = Timer::open();
  if (!timer) return std::move(timer).error();
  std::unique_ptr<TimerWatch> self(new TimerWatch(std::move(*timer), sink));
  Result<loop::FdWatch> watch = loop::FdWatch::open(loop, self->timer_.fd(), *self);
  if (!watch) return std::move(watch).error();
  self->watch_ = std::move(*watch);
  self->watch_->want(loop::Interest::input);
  return self;
}

template <class Timer, class Time>
void TimerWatch<Timer, Time>::arm(std::optional<Time> deadline) {
  if (armed_ == deadline) return;
  const Result<void> done = deadline ? timer_.arm(*deadline) : timer_.disarm();
  check(done.ok(), "a timerfd takes any instant");
  armed_ = deadline;
}

template <class Timer, class Time>
void TimerWatch<Timer, Time>::on_ready() noexcept {
  const auto wake = timer_.drain();
  armed_.reset();  // a timer that woke has to be armed again
  if (wake) sink_.post(event_of(*wake));
}

template class TimerWatch<os::WallTimer, WallTime>;
template class TimerWatch<os::MonoTimer, MonoTime>;

}  // namespace sidefridge::daemon
