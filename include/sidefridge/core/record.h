// record.h - what is remembered, as bytes and back.
//
// A record begins with a byte that says what it is and one that says which layout it has; numbers are big-endian,
// a text is its length and its bytes. A layout never changes: a new one gets a new number, and readers refuse what
// they do not know.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sidefridge/base/result.h"
#include "sidefridge/base/time.h"
#include "sidefridge/core/run_record.h"

namespace sidefridge::core {

/// No record is larger, whatever it is made from.
inline constexpr std::size_t maximum_record_bytes = 64 * 1024;

/// The daemon that last started on a state folder.
struct DaemonRecord {
  std::int64_t pid = 0;
  WallTime started_at{};
  std::string schedule;  // as written
  std::string version;

  friend bool operator==(const DaemonRecord&, const DaemonRecord&) = default;
};

/// How far the schedule of a state folder has come.
struct ScheduleRecord {
  std::optional<WallTime> settled_until;      // its ticks up to here were run, or skipped, or before its first daemon
  std::optional<WallTime> last_scheduled_at;  // the newest tick that was run or skipped
  std::optional<WallTime> last_started_at;    // the newest start of a run, install_dependencies aside

  friend bool operator==(const ScheduleRecord&, const ScheduleRecord&) = default;
};

/// How far the schedule has come once `run` is recorded: a run that stands for ticks settles those up to its start, a
/// skipped one does, too.
ScheduleRecord after_run(ScheduleRecord schedule, const RunRecord& run);

/// The bytes of a record. A long text is cut; of a run with too many steps the oldest are left out and counted in
/// steps_omitted. `sequence` is not among them: it is the record's key.  Returns: at most maximum_record_bytes.
std::string format_record(const RunRecord& run);
std::string format_record(const StepRecord& step);
std::string format_record(const DaemonRecord& daemon);
std::string format_record(const ScheduleRecord& schedule);

/// The value of a record's bytes, whatever these are. Errors: invalid for an unknown layout and for bytes that are not
/// such a record.
Result<RunRecord> parse_run_record(std::string_view bytes);
Result<StepRecord> parse_step_record(std::string_view bytes);
Result<DaemonRecord> parse_daemon_record(std::string_view bytes);
Result<ScheduleRecord> parse_schedule_record(std::string_view bytes);

}  // namespace sidefridge::core
