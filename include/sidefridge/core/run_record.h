// run_record.h - what is remembered of a run: values only; record.h turns them into bytes.
//
// The numbers of all enumerators are on people's disks: they never change. A record that a newer version wrote may
// hold numbers that have no name here yet; they are kept as they are, and their name is "unknown".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sidefridge/base/time.h"
#include "sidefridge/core/hook.h"

namespace sidefridge::core {

/// What a run is for: see job.h.
enum class JobId : std::uint8_t {
  backup = 1,   // at each tick, and when somebody asks for it
  install = 2,  // install_dependencies: at start, and before a backup once its scripts have changed
};

/// Why a run began.
enum class Trigger : std::uint8_t {
  schedule = 1,  // its tick came
  manual = 2,    // somebody asked for it
  catch_up = 3,  // a tick had been missed while no daemon was there
  install = 4,   // install_dependencies
  start = 5,     // the daemon started (SIDEFRIDGE_RUN_ON_START)
};

/// How a run stands or ended. All but `running` are final.
enum class Outcome : std::uint8_t {
  running = 1,  // begun, not yet ended; found so without a live owner it becomes `lost`
  succeeded = 2,
  failed = 3,       // a script failed, timed out or could not start, or the run could not begin
  interrupted = 4,  // SIGTERM came while it ran
  lost = 5,         // its daemon was killed or the machine went down
  skipped = 6,      // its tick came while no run could begin; it has no steps
  missed = 7,       // its tick passed while no daemon was there, or the clock jumped over it; it has no steps
};

/// How one script stands or ended.
enum class StepOutcome : std::uint8_t {
  running = 1,
  exited = 2,       // `code` is the exit code
  signalled = 3,    // `code` is the signal's number
  not_started = 4,  // `detail` says why
  timed_out = 5,    // ended by us after its time limit
  interrupted = 6,  // ended by us after SIGTERM
};

/// One script of a run.
struct StepRecord {
  Hook hook = Hook::backups;
  std::string script;  // path as the user knows it
  WallTime started_at{};
  Duration elapsed{};  // zero while running
  StepOutcome outcome = StepOutcome::running;
  int code = 0;
  std::string detail;

  friend bool operator==(const StepRecord&, const StepRecord&) = default;
};

/// One run, from its intent to its end.
struct RunRecord {
  std::uint64_t sequence = 0;  // its key in the history, ascending; 0 = not recorded (yet)
  std::string run_id;          // what scripts see as SIDEFRIDGE_RUN_ID; empty when skipped or missed
  JobId job = JobId::backup;
  Trigger trigger = Trigger::schedule;
  std::uint32_t attempt = 1;  // more than one: the run before this one failed, and this is another try
  Outcome outcome = Outcome::running;
  WallTime scheduled_at{};                    // the tick; without one the moment it was asked for
  std::optional<WallTime> last_scheduled_at;  // of several missed ticks: the last
  std::uint64_t ticks = 1;                    // how many the record stands for: more than one only when missed
  WallTime started_at{};
  std::optional<WallTime> finished_at;
  std::string boot_id;              // the kernel's boot it began in: steps saved on the way are trusted within it only
  std::string reason;               // one line on why it did not succeed; empty when it did
  std::vector<StepRecord> steps;    // in the order they ran
  std::uint32_t steps_omitted = 0;  // steps left out of the stored record because it grew too large
  bool owed = false;                // the next daemon has yet to see to it: on_error, or another run (see Plan)

  friend bool operator==(const RunRecord&, const RunRecord&) = default;
};

/// Whether it stands for a tick that did not become a run.
bool never_began(Outcome outcome) noexcept;

/// Whether something of it is still to come: its end, or what is owed for it.
inline bool is_unfinished(const RunRecord& run) noexcept {
  return run.outcome == Outcome::running || run.owed;
}

/// "backup", "install".
std::string_view name_of(JobId job) noexcept;
/// "schedule", "manual", "catch-up", "install", "start": SIDEFRIDGE_TRIGGER.
std::string_view name_of(Trigger trigger) noexcept;
/// "running", "succeeded", …
std::string_view name_of(Outcome outcome) noexcept;
/// "running", "exited", "signalled", "not started", "timed out", "interrupted".
std::string_view name_of(StepOutcome outcome) noexcept;

/// The tick of a run, or of several missed ones how many, the first and the last: "3 ticks from … to …".
std::string ticks_text(const RunRecord& run);

}  // namespace sidefridge::core
