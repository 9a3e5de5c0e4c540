// ticks.h - which tick comes next: a schedule, its delay, and a wall clock that may be set.
#pragma once

#include <optional>
#include <string>

#include "sidefridge/base/time.h"
#include "sidefridge/cron/schedule.h"

namespace sidefridge::cron {

/// A wall clock stepped by this much or more starts the schedule anew (cron(8)'s three hours).
inline constexpr Duration clock_step_limit = std::chrono::hours(3);

/// One instant of a schedule.
struct Tick {
  WallTime at;
  WallTime due_at;  // with the delay
};

/// The ticks of a schedule, one after the other; none comes twice.
/// Thread: any one. Reads no clock.
class Ticks {
public:
  /// Every tick is due `delay` later. What does not fit before the tick after it starts anew: 50 s of 20 s are 10 s.
  /// None comes before start().
  Ticks(Schedule schedule, Duration delay) : schedule_(std::move(schedule)), delay_(delay) {}

  const Schedule& schedule() const noexcept { return schedule_; }

  /// From here on.
  void start(WallTime now) noexcept { next_ = after(now); }
  /// No further one.
  void stop() noexcept { next_.reset(); }

  /// The one that comes next.
  const std::optional<Tick>& next() const noexcept { return next_; }

  /// The next one is dealt with, though it may be due only later than `now`. Those between it and now are dealt with,
  /// too. Requires: next().
  Tick take(WallTime now) noexcept;

  /// The wall clock was set by `step`, to `now`. A tick that a smaller step than clock_step_limit jumped over is still
  /// the next; one that was taken does not come again after a step back.
  void on_clock_stepped(Duration step, WallTime now) noexcept;

  /// Goes on with another schedule. One that was taken does not come again.
  void change(Schedule schedule, WallTime now);

  /// The first tick in (begin, end], whether or not it was taken.
  std::optional<WallTime> first_between(WallTime begin, WallTime end) const noexcept;

  /// "next runs at …": when the next three are due, as their zone's clocks show it.
  std::string describe_coming() const;

private:
  std::optional<Tick> after(WallTime instant) const noexcept;
  void await_untaken(WallTime now) noexcept;

  Schedule schedule_;
  Duration delay_;
  std::optional<Tick> next_;
  std::optional<WallTime> last_taken_at_;
};

}  // namespace sidefridge::cron
