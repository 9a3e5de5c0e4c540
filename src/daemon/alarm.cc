// alarm.cc - a timerfd in the loop.
#include "sidefridge/daemon/alarm.h"

#include "sidefridge/base/check.h"

namespace sidefridge::daemon {

Result<std::unique_ptr<Alarm>> Alarm::open(loop::Loop& loop, AlarmListener& listener) {
  Result<os::MonoTimer> timer = os::MonoTimer::open();
  if (!timer) return std::move(timer).error();
  std::unique_ptr<Alarm> self(new Alarm(std::move(*timer), listener));
  Result<loop::FdWatch> watch = loop::FdWatch::open(loop, self->timer_.fd(), *self);
  if (!watch) return std::move(watch).error();
  self->watch_ = std::move(*watch);
  self->watch_->want(loop::Interest::input);
  return self;
}

void Alarm::set(std::optional<MonoTime> deadline) {
  if (deadline_ == deadline) return;
  const Result<void> done = deadline ? timer_.arm(*deadline) : timer_.disarm();
  check(done.ok(), "a timerfd takes any instant");
  deadline_ = deadline;
}

void Alarm::on_ready() noexcept {
  const auto wake = timer_.drain();
  if (!wake || *wake == os::MonoTimer::Wake::nothing) return;
  deadline_.reset();
  listener_.on_alarm();
}

}  // namespace sidefridge::daemon
