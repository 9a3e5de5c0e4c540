// ticks.h - which tick comes next: a schedule, its delay, and a wall clock that may be set.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "sidefridge/base/time.h"
#include "sidefridge/cron/schedule.h"

namespace sidefridge::cron {

/// One instant of a schedule.
struct Tick {
  WallTime at;
  WallTime due_at;  // with the delay

  friend bool operator==(const Tick&, const Tick&) = default;
};

/// Ticks that nothing came of, one after the other; `first` and `last` are ticks themselves.
struct TickSpan {
  WallTime first;
  WallTime last;
  std::uint64_t count;  // most_counted_ticks: that many or more

  friend bool operator==(const TickSpan&, const TickSpan&) = default;
};

/// A second of a year has fewer; counting them takes less than the blink of an eye.
inline constexpr std::uint64_t most_counted_ticks = 100'000;

/// The ticks of a schedule, one after the other; each is dealt with once: taken, or passed over.
/// Thread: any one. Reads no clock.
class Ticks {
public:
  /// Every tick is due `delay` later. What does not fit before the tick after it starts over: 50 s of 20 s are 10 s.
  /// None comes before start().
  Ticks(Schedule schedule, Duration delay) : schedule_(std::move(schedule)), delay_(delay) {}

  const Schedule& schedule() const noexcept { return schedule_; }

  /// Those up to `settled_until` are dealt with; what was not is forgotten.
  void start(WallTime settled_until) noexcept;
  /// No further one.
  void stop() noexcept;

  /// The one that comes next, or has come and was not dealt with yet.
  const std::optional<Tick>& next() const noexcept { return next_; }

  /// Up to here all are dealt with. Requires: start() was called.
  WallTime settled_until() const noexcept { return settled_until_; }

  /// The next one is dealt with. Requires: next().
  Tick take() noexcept;

  /// Deals with all that are due at `now`: nobody came for them in time.
  std::optional<TickSpan> pass_over(WallTime now) noexcept;

  /// Goes on with another schedule from `now` on. Ticks that have come and were not dealt with yet still come first.
  void change(Schedule schedule, WallTime now);

  /// "next runs at …": when the next three are due, as their zone's clocks show it.
  std::string describe_coming() const;

private:
  std::optional<Tick> after(WallTime instant) const noexcept;
  void settle(WallTime until) noexcept;
  void go_on(WallTime settled_until) noexcept;

  Schedule schedule_;
  Duration delay_;
  bool stopped_ = true;
  std::optional<Tick> next_;
  std::deque<Tick> owed_;  // of schedules before this one; the first is next_
  WallTime settled_until_{};
  WallTime not_before_{};  // where the schedule begins to count: its start, or when it took the place of another
};

}  // namespace sidefridge::cron
