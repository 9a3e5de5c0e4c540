// ticks.cc - one search for each tick, and one more for the next where there is a delay.
#include "sidefridge/cron/ticks.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "sidefridge/base/check.h"

namespace sidefridge::cron {

std::optional<Tick> Ticks::after(WallTime instant) const noexcept {
  const std::optional<WallTime> at = cron::next(schedule_, instant);
  if (!at) return std::nullopt;
  if (delay_ == Duration::zero()) return Tick{*at, *at};
  const std::optional<WallTime> following = cron::next(schedule_, *at);
  return Tick{*at, *at + (following ? delay_ % (*following - *at) : delay_)};
}

void Ticks::await_untaken(WallTime now) noexcept {
  next_ = after(std::max(now, last_taken_at_.value_or(now)));
}

Tick Ticks::take(WallTime now) noexcept {
  check(next_.has_value(), "there is a tick to take");
  const Tick taken = *next_;
  last_taken_at_ = taken.at;
  await_untaken(now);
  return taken;
}

void Ticks::on_clock_stepped(Duration step, WallTime now) noexcept {
  if (std::chrono::abs(step) >= clock_step_limit) {
    last_taken_at_.reset();
    next_ = after(now);
  } else if (next_ && next_->at > now) {
    await_untaken(now);
  }
}

void Ticks::change(Schedule schedule, WallTime now) {
  schedule_ = std::move(schedule);
  await_untaken(now);
}

std::optional<WallTime> Ticks::first_between(WallTime begin, WallTime end) const noexcept {
  const std::optional<WallTime> first = cron::next(schedule_, begin);
  return first && *first <= end ? first : std::nullopt;
}

std::string Ticks::describe_coming() const {
  std::string text;
  int told = 0;
  for (std::optional<Tick> tick = next_; tick && told < 3; tick = after(tick->at), ++told) {
    text += (told == 0 ? "next runs at " : ", ") + format_local(schedule_.zone, tick->due_at);
  }
  return told == 0 ? "the schedule has no further tick" : text;
}

}  // namespace sidefridge::cron
