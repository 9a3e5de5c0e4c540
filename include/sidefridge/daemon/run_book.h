// run_book.h - the books of one state folder: locks, history and variables behind one face.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "sidefridge/base/result.h"
#include "sidefridge/core/record.h"
#include "sidefridge/core/run_record.h"
#include "sidefridge/os/file_lock.h"
#include "sidefridge/store/history.h"
#include "sidefridge/store/state_folder.h"
#include "sidefridge/store/variables.h"

namespace sidefridge::daemon {

/// One daemon a state folder, and one run at a time in it, whoever started it.
///
/// Whoever holds the run lock may make the variables anew; all others notice that at their next begin(). Runs that
/// their process left unfinished are recorded as lost by the next that takes the run lock.
/// Owns:   the locks, both stores, and final records that could not be written yet. Movable, not copyable.
/// Thread: loop thread only.  Blocks: begin(), finish() and record_skip() wait for the disk.
class RunBook {
public:
  struct Settings {
    std::string state_dir;
    std::uint64_t store_limit_bytes;
    std::size_t history_limit;
    std::string boot_id;  // empty when unknown: then nothing saved on the way is trusted
  };

  enum class Owner {
    daemon,  // holds the daemon lock for life, the run lock while a run goes on
    once,    // holds the run lock for life; may work beside an idle daemon
  };

  /// Errors: busy, with the pid of who holds the lock; what making the files met.
  static Result<RunBook> open(Settings settings, Owner owner);

  /// The intent is on the disk under this sequence.
  struct Begun {
    std::uint64_t sequence;
  };
  /// Another process runs one in this state folder; nothing was stored or locked. 0: it is in another container.
  struct Busy {
    pid_t holder;
  };

  /// Takes the run lock, records lost runs, makes the namespace, stores the intent (synced).
  /// Errors: the run is ours but could not be stored; the run lock is held and finish() must still be called.
  std::variant<Begun, Busy, Error> begin(const core::RunRecord& run);

  /// Notes how the steps from index `first` on stand; not synced.
  Result<void> save_steps(std::string_view run_id, std::size_t first, std::span<const core::StepRecord> steps);

  /// Stores the final record (synced), drops the namespace, releases the run lock whatever happens.
  /// Errors: what could not be written; the record is kept and written by a later call.
  Result<void> finish(const core::RunRecord& run);

  /// Stores the record of a tick that did not become a run. Errors: as finish().
  Result<void> record_skip(const core::RunRecord& run);

  /// Notes which daemon this is, for `status`.
  Result<void> note_daemon(const core::DaemonRecord& daemon);

  /// How far the schedule has come.
  Result<core::ScheduleRecord> schedule();

  /// Lines for the log, one event each: lost runs recognised, a history moved aside. Emptied by the call.
  std::vector<std::string> take_notices();

private:
  RunBook(Settings settings, Owner owner, store::StateFolder folder, os::FileLock lock, store::History history,
          store::Variables variables) noexcept
      : settings_(std::move(settings)),
        owner_(owner),
        folder_(std::move(folder)),
        lock_(std::move(lock)),
        history_(std::move(history)),
        variables_(std::move(variables)) {}

  Result<std::uint64_t> store_intent(const core::RunRecord& run);
  Result<void> write(const core::RunRecord& run);
  Result<void> write_kept();

  Settings settings_;
  Owner owner_;
  store::StateFolder folder_;
  os::FileLock lock_;
  store::History history_;
  store::Variables variables_;
  std::vector<core::RunRecord> kept_;  // final records that met an error, oldest first
  std::vector<std::string> notices_;
};

}  // namespace sidefridge::daemon
