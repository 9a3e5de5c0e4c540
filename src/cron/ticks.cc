// ticks.cc - one search for each tick, and one more for the next where there is a delay.
#include "sidefridge/cron/ticks.h"

#include <algorithm>
#include <utility>

#include "sidefridge/base/check.h"

namespace sidefridge::cron {
namespace {

// The last tick up to `until`, or `from`, which is one. Halves what lies between, so that it takes a few searches.
WallTime last_tick(const Schedule& schedule, WallTime from, WallTime until) noexcept {
  WallTime last = from;
  for (Duration ahead = (until - from) / 2; ahead > Duration::zero(); ahead /= 2) {
    const std::optional<WallTime> tick = next(schedule, last + ahead);
    if (tick && *tick <= until) last = *tick;
  }
  return last;
}

}  // namespace

std::optional<Tick> Ticks::after(WallTime instant) const noexcept {
  const std::optional<WallTime> at = cron::next(schedule_, instant);
  if (!at) return std::nullopt;
  if (delay_ == Duration::zero()) return Tick{*at, *at};
  const std::optional<WallTime> following = cron::next(schedule_, *at);
  return Tick{*at, *at + (following ? delay_ % (*following - *at) : delay_)};
}

void Ticks::settle(WallTime until) noexcept {
  settled_until_ = until;
  next_ = stopped_ ? std::nullopt : after(until);
}

// With what is owed, else with the schedule.
void Ticks::go_on(WallTime settled_until) noexcept {
  if (owed_.empty()) {
    settle(std::max(settled_until, not_before_));
  } else {
    settled_until_ = settled_until;
    next_ = owed_.front();
  }
}

void Ticks::start(WallTime settled_until) noexcept {
  stopped_ = false;
  owed_.clear();
  not_before_ = settled_until;
  settle(settled_until);
}

void Ticks::stop() noexcept {
  stopped_ = true;
  owed_.clear();
  next_.reset();
}

Tick Ticks::take() noexcept {
  check(next_.has_value(), "there is a tick to take");
  const Tick taken = *next_;
  if (!owed_.empty()) owed_.pop_front();
  go_on(taken.at);
  return taken;
}

std::optional<TickSpan> Ticks::pass_over(WallTime now) noexcept {
  if (!next_ || next_->due_at > now) return std::nullopt;
  // Of those that have come, the last alone may be due later.
  TickSpan passed{next_->at, next_->at, 0};
  while (next_ && next_->due_at <= now && passed.count < most_counted_ticks) {
    passed.last = take().at;
    ++passed.count;
  }
  if (passed.count == most_counted_ticks) {
    settle(last_tick(schedule_, passed.last, now - delay_));
    passed.last = settled_until_;
    while (next_ && next_->due_at <= now) passed.last = take().at;
  }
  return passed;
}

void Ticks::change(Schedule schedule, WallTime now) {
  const WallTime settled_until = settled_until_;
  std::deque<Tick> owed;
  while (next_ && next_->at <= now) owed.push_back(take());
  schedule_ = std::move(schedule);
  not_before_ = std::max(settled_until, now);
  owed_ = std::move(owed);
  go_on(settled_until);
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
