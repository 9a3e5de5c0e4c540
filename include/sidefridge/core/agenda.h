// agenda.h - what a job has ahead of it: ticks, a retry, and what was missed.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "sidefridge/base/time.h"
#include "sidefridge/core/job.h"
#include "sidefridge/core/plan.h"
#include "sidefridge/core/run_record.h"
#include "sidefridge/cron/schedule.h"
#include "sidefridge/cron/ticks.h"

namespace sidefridge::core {

/// A wall clock stepped by this much or more starts the schedule over (cron(8)'s three hours).
inline constexpr Duration clock_step_limit = std::chrono::hours(3);

/// The agenda of a job with a schedule. Each tick leaves it once: as a plan, or among those that were missed.
/// Thread: any one. Reads no clock, decides nothing about what runs.
class Agenda {
public:
  /// Every tick is due `delay` later: see Ticks.
  Agenda(cron::Schedule schedule, Duration delay, const JobSettings& settings)
      : ticks_(std::move(schedule), delay), settings_(settings) {}

  /// What passed while nobody looked.
  struct Missed {
    std::optional<cron::TickSpan> ticks;      // for one record
    std::optional<Plan> catch_up;             // one run for all of them, within SIDEFRIDGE_CATCH_UP
    std::optional<WallTime> history_ahead{};  // the history says that ticks up to here are dealt with, which is to come
  };

  /// Begins. Ticks up to `settled_until` are dealt with; nothing: all up to now are, this is the first daemon.
  Missed start(WallTime now, std::optional<WallTime> settled_until);

  /// No further plan.
  void stop() noexcept;

  /// The wall clock was stepped by `step`, to `now`. Less than clock_step_limit: a tick that was jumped over is due,
  /// one that came does not come again. Else the schedule starts over; what was jumped over is missed.
  Missed on_clock_stepped(Duration step, WallTime now);

  /// Goes on with another schedule from `now` on; what has come is still due.
  void change(cron::Schedule schedule, WallTime now) { ticks_.change(std::move(schedule), now); }

  /// A tick that is due, and those that were due since and got no turn.
  struct Due {
    Plan plan;
    std::optional<cron::TickSpan> missed;
  };
  /// Takes the tick that is due at `now`, or will be within `lead`.
  std::optional<Due> take_due(WallTime now, Duration lead);
  /// When the next tick is due; nothing: there is none.
  std::optional<WallTime> due_at() const noexcept;

  /// Another run for the tick that `ended` was for, which was lost, or which SIGTERM ended or withdrew; nothing: its
  /// tick does not count any more (SIDEFRIDGE_CATCH_UP), or it was made up for once, and lost again.
  std::optional<Plan> make_up(const Plan& ended, WallTime now) const;

  /// How often a run is tried again at most if it fails.
  std::uint32_t attempts_left(const Plan& plan) const noexcept;
  /// The same run again later, unless a tick comes first.
  /// Returns: how much later. Requires: attempts_left() > 0.
  Duration retry_later(const Plan& failed, MonoTime now);
  /// A retry could not begin: the same again, after the same wait.
  Duration retry_again(const Plan& refused, MonoTime now);
  /// Takes the retry when its time has come.
  std::optional<Plan> take_retry(MonoTime now);
  std::optional<MonoTime> retry_deadline() const noexcept;
  /// A tick has come first.
  void drop_retry() noexcept { retry_.reset(); }

  const cron::Schedule& schedule() const noexcept { return ticks_.schedule(); }
  std::string describe_coming() const { return ticks_.describe_coming(); }

private:
  struct Retry {
    Plan plan;
    MonoTime deadline;
  };

  Missed pass_over(WallTime now);
  Duration delay_before(std::uint32_t attempt) const noexcept;

  cron::Ticks ticks_;
  JobSettings settings_;
  std::optional<Retry> retry_;
};

/// The record of ticks that no run came of.
RunRecord record_of_missed(const cron::TickSpan& ticks, std::string reason, WallTime now);

}  // namespace sidefridge::core
