// record.h - what is remembered, as bytes and back.
//
// A record begins with a byte that says what it is and one that says which layout it has; numbers are big-endian. A
// layout never changes: a new one gets a new number, and readers refuse what they do not know.
//
// Layout 2, which is written: the number of bytes that follow (4 bytes), then fields. A field is a tag (1 byte), the
// number of its bytes (2) and these bytes: a number of its width, an instant (8, nanoseconds since 1970), a text as it
// is, or fields again, as each step of a run is a field of its own. A reader passes over a tag that it does not know,
// and takes the default for one that is not there; empty texts and unknown instants are left out. So a field may be
// added at any time, under a tag that was never used before; none may change its meaning, its width or its default.
// Who stores a record again loses what it passed over.
//
// Layout 1, which is read: the same values in a fixed order, a text behind its length (4 bytes).
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
  std::optional<WallTime> settled_until;  // its ticks up to here have their records, or were before its first daemon
  std::optional<WallTime> last_scheduled_at;  // the newest tick that was run, skipped or missed
  std::optional<WallTime> last_started_at;    // the newest start of a run, install_dependencies aside

  friend bool operator==(const ScheduleRecord&, const ScheduleRecord&) = default;
};

/// How far the schedule has come once `run` is recorded: a run that stands for ticks settles those up to its start, and
/// so does one that was skipped or missed.
ScheduleRecord after_run(ScheduleRecord schedule, const RunRecord& run);

/// The bytes of a record. A long text is cut; of a run with too many steps the oldest are left out and counted in
/// steps_omitted. `sequence` is not among them: it is the record's key.  Returns: at most maximum_record_bytes.
std::string format_record(const RunRecord& run);
std::string format_record(const StepRecord& step);
std::string format_record(const DaemonRecord& daemon);
std::string format_record(const ScheduleRecord& schedule);

/// The value of a record's bytes, whatever these are; enumerators of layout 2 may be ones that have no name yet.
/// Errors: invalid for an unknown layout and for bytes that are not such a record.
Result<RunRecord> parse_run_record(std::string_view bytes);
Result<StepRecord> parse_step_record(std::string_view bytes);
Result<DaemonRecord> parse_daemon_record(std::string_view bytes);
Result<ScheduleRecord> parse_schedule_record(std::string_view bytes);

}  // namespace sidefridge::core
