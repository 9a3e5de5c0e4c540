// tick_ledger.h - which tick comes next, worked out apart from the scheduler: what holds it to one record for each.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sidefridge/base/time.h"
#include "sidefridge/core/run_record.h"
#include "sidefridge/cron/schedule.h"

namespace sidefridge::sim {

/// The ticks of one state folder, from one daemon to the next.
///
/// It follows a daemon twice: as it deals with ticks, and as their records lie in the history once it is gone. Either
/// way each tick comes once, in order, and none is left out. Where the schedule starts over this does too: after a far
/// step of the wall clock, and with another schedule, which counts from its change on.
class TickLedger {
public:
  using History = std::map<std::uint64_t, core::RunRecord>;
  /// What is wrong, in words; nothing: all is well.
  using Complaint = std::optional<std::string>;

  /// A daemon begins; the folder says that ticks up to `settled_until` are dealt with.
  Complaint begin(cron::Schedule schedule, Duration delay, WallTime now, WallTime settled_until);
  /// The clock shows `now`: ticks up to a lead later may have been taken, though their records are still to come.
  void see(WallTime now);
  /// The daemon has noticed a step of the wall clock.
  void step(Duration by, WallTime now);
  void change(const cron::Schedule& schedule, WallTime now);
  /// The daemon deals with a tick, or with several that were missed.
  Complaint deal_with(const core::RunRecord& record);
  /// The run of a tick was refused: its record is still to come.
  void refuse(const core::RunRecord& begun);
  /// The daemon serves at `now`: all that is due is dealt with.
  Complaint expect_all_until(WallTime now) const;

  /// From now on records may be missing: the folder refused so many that some were given up.
  void forgive_gaps() { gaps_forgiven_ = true; }

  /// The daemon is gone: reads the records it left.
  std::vector<std::string> end(const History& history);

private:
  struct Segment {
    cron::Schedule schedule;
    WallTime from;
  };
  /// Ticks that come in order. Of a segment those count that come after `from`, up to that of the next.
  struct Era {
    std::vector<Segment> segments;
    WallTime highest{};          // that the clock has shown in its newest segment
    std::set<WallTime> early{};  // count although their schedule has changed: they may have been taken before
    std::optional<WallTime> next(WallTime after) const;
  };

  /// How far each era has come, as far as the records can be understood so. A tick that was taken before the schedule
  /// started over comes to its record later: so there may be several ways to understand them until one is left.
  using Cursors = std::vector<std::optional<WallTime>>;

  WallTime due(const Era& era, WallTime tick) const;
  /// Up to where ticks have been taken at least, if records say that they are settled up to `reached`.
  WallTime taken(const Era& era, WallTime reached) const;
  static Complaint match(const Era& era, WallTime settled_until, const core::RunRecord& record);
  Complaint follow(Cursors& cursors, const core::RunRecord& record) const;

  std::vector<Era> eras_;  // of the daemon that lives; the last is now
  Duration delay_{};
  Cursors settled_until_;            // as it deals with ticks
  std::optional<WallTime> refused_;  // a tick that it has begun to deal with
  WallTime from_folder_{};           // how far the folder had it when that daemon began
  std::optional<WallTime> reached_;  // by the history of the daemon that is gone
  std::uint64_t read_until_ = 0;     // a sequence
  bool gaps_forgiven_ = false;
};

/// Whether the record stands for ticks: retries, and runs that somebody asked for, do not.
bool stands_for_ticks(const core::RunRecord& record);

}  // namespace sidefridge::sim
