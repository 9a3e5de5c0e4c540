// tick_ledger.h - which tick comes next, worked out apart from the scheduler: what holds it to one record for each.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
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
/// step back of the wall clock, and with another schedule, which counts from its change on.
class TickLedger {
public:
  using History = std::map<std::uint64_t, core::RunRecord>;
  /// What is wrong, in words; nothing: all is well.
  using Complaint = std::optional<std::string>;

  /// A daemon begins; the folder says that ticks up to `settled_until` are dealt with.
  Complaint begin(cron::Schedule schedule, WallTime now, WallTime settled_until);
  /// The daemon has noticed a step of the wall clock, which had shown up to `highest`: ticks up to a lead later may
  /// have been taken, though their records are still to come.
  void step(Duration by, WallTime now, WallTime highest);
  void change(const cron::Schedule& schedule, WallTime now, WallTime highest);
  /// The daemon deals with a tick, or with several that were missed.
  Complaint deal_with(const core::RunRecord& record);
  /// The daemon serves at `now`: all that was due `longest_delay` ago is dealt with.
  Complaint expect_all_until(WallTime now, Duration longest_delay) const;

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
    std::optional<WallTime> early;  // counts although its schedule has changed: it may have been taken before
    std::optional<WallTime> next(WallTime after) const;
  };

  /// How far each era has come, as far as the records can be understood so. A tick that was taken before the schedule
  /// started over comes to its record later: so there may be several ways to understand them until one is left.
  using Cursors = std::vector<std::optional<WallTime>>;

  static Complaint match(const Era& era, WallTime settled_until, const core::RunRecord& record);
  Complaint follow(Cursors& cursors, const core::RunRecord& record) const;

  std::vector<Era> eras_;            // of the daemon that lives; the last is now
  Cursors settled_until_;            // as it deals with ticks
  std::optional<WallTime> begun_;    // the tick whose run has begun, or is to
  WallTime from_folder_{};           // how far the folder had it when that daemon began
  std::optional<WallTime> reached_;  // by the history of the daemon that is gone
  std::uint64_t read_until_ = 0;     // a sequence
  bool gaps_forgiven_ = false;
};

/// Whether the record stands for ticks: retries, and runs that somebody asked for, do not.
bool stands_for_ticks(const core::RunRecord& record);

}  // namespace sidefridge::sim
