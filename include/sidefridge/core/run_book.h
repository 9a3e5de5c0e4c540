// run_book.h - the books of one state folder: who may run, and what is remembered of each run whatever happens.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "sidefridge/base/result.h"
#include "sidefridge/core/record.h"
#include "sidefridge/core/run_record.h"
#include "sidefridge/core/run_store.h"

namespace sidefridge::core {

/// "process 12": who holds a lock of the state folder. 0 stands for a process whose pid cannot be seen from here.
std::string holder_text(int pid);

/// One daemon a state folder, and one run at a time in it, of daemon and `once` alike.
///
/// The holder of the run lock may make new variables; all others notice that at their next begin(). Runs that
/// their process left unfinished are recorded as lost by the next that takes the run lock. What follows from that is
/// the next start's: see take_owed().
/// Owns:   the store with its locks, and final records that could not be written yet. Movable, not copyable.
/// Thread: one thread at a time, not always the same one.  Blocks: as its store does.
class RunBook {
public:
  struct Settings {
    std::string state_dir;  // for messages
    std::string boot_id;    // empty when unknown: then nothing saved on the way is trusted
    /// Ends what a lost run of this boot left running, and returns their names. It may block.
    std::function<std::vector<std::string>(const std::string& run_id)> end_processes{};
  };

  enum class Owner {
    daemon,  // holds the daemon lock for life, the run lock while a run goes on
    once,    // holds the run lock for life; may work beside an idle daemon
  };

  /// A full disk is no error here but a notice: begin() tries again what could not be written.
  /// Errors: busy, with the pid of who holds the lock; what making the files met.
  static Result<RunBook> open(std::unique_ptr<RunStore> store, Settings settings, Owner owner);

  /// The intent is on the disk under this sequence.
  struct Begun {
    std::uint64_t sequence;
  };
  /// Another process runs one in this state folder; nothing was stored or locked. 0: its pid cannot be told.
  struct Busy {
    int holder;
  };

  /// Takes the run lock, records lost runs, makes the namespace, stores the intent (synced).
  /// Errors: the run is ours but could not be stored; the run lock is held and finish() must still be called.
  std::variant<Begun, Busy, Error> begin(const RunRecord& run);

  /// Notes how the steps from index `first` on stand; not synced.
  Result<void> save_steps(std::string_view run_id, std::size_t first, std::span<const StepRecord> steps);

  /// Stores the final record (synced) in the place of its intent, makes new variables in place of those of the run,
  /// releases the run lock whatever happens.
  /// Errors: what could not be written; the record is kept and written by a later call.
  Result<void> finish(const RunRecord& run);

  /// Stores the record of a tick that did not become a run. Errors: as finish().
  Result<void> record_skip(const RunRecord& run);

  /// Notes which daemon this is, for `status`.
  Result<void> note_daemon(const DaemonRecord& daemon);

  /// What earlier processes left owed, oldest first. Of a run that was lost, on_error: it stays owed until finish()
  /// stores it without that. Of a run that SIGTERM ended or withdrew, another one: from now on that is the caller's.
  /// `once` sees to what was lost where no daemon does, and makes up for nothing. Empty after the first call.
  std::vector<RunRecord> take_owed() noexcept { return std::exchange(owed_, {}); }

  /// How far the schedule has come.
  Result<ScheduleRecord> schedule();

  /// Lines for the log, one event each: lost runs recognised, a history moved aside. Emptied by the call.
  std::vector<std::string> take_notices();

private:
  RunBook(std::unique_ptr<RunStore> store, Settings settings, Owner owner) noexcept
      : store_(std::move(store)), settings_(std::move(settings)), owner_(owner) {}

  Result<void> take_locks();
  Result<void> take_over();
  void end_processes_of(const RunRecord& run);
  std::vector<StepRecord> steps_left_by(const RunRecord& run);
  Result<std::uint64_t> store_intent(const RunRecord& run);
  Result<void> write(const RunRecord& run);
  Result<void> write_kept();

  std::unique_ptr<RunStore> store_;
  Settings settings_;
  Owner owner_;
  struct Intent {
    std::string run_id;
    std::uint64_t sequence;
  };
  std::optional<Intent> intent_;  // of the run that began last, until it finishes
  std::vector<RunRecord> kept_;   // final records that met an error, oldest first
  bool beside_a_daemon_ = false;  // which then sees to what is owed
  bool taken_over_ = false;       // since the start: what is found later has run beside us
  std::vector<RunRecord> owed_;
  std::vector<std::string> notices_;
};

}  // namespace sidefridge::core
