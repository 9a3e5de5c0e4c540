// run_store.h - what a run book needs of a state folder: two locks, a history and the variables of the run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sidefridge/base/result.h"
#include "sidefridge/core/record.h"
#include "sidefridge/core/run_record.h"

namespace sidefridge::core {

/// One process's hold on a state folder that it may share with others. Does what it is told and decides nothing: the
/// rules are RunBook's. What was removed since, the folder and its locks too, is made again by the next call that needs
/// it; busy when another process has made the folder its own meanwhile.
/// Owns:   the locks it took; they are free when it is gone.
/// Thread: one thread at a time, not always the same one.
class RunStore {
public:
  enum class Lock {
    daemon,  // held by a daemon for its life
    run,     // held while a run goes on
  };
  struct Acquired {};
  /// Another process has it. 0: its pid cannot be told, as when it is in another container.
  struct HeldBy {
    int pid;
  };

  RunStore(const RunStore&) = delete;
  RunStore& operator=(const RunStore&) = delete;
  virtual ~RunStore() = default;

  /// Takes a lock; at once also when it is ours already. Blocks: never.
  virtual Result<std::variant<Acquired, HeldBy>> try_lock(Lock lock) = 0;
  /// Gives it back; nothing happens when it is not ours.
  virtual void unlock(Lock lock) noexcept = 0;

  /// Opens the history, or makes one. Comes once, before all of the below. Requires: the run lock.
  virtual Result<void> open_history() = 0;

  /// Stores a run in its place, one without a sequence as the newest: an intent while it is running, else its end.
  /// It is on the disk when the call returns.  Returns: its sequence.  Errors: then nothing has changed.
  virtual Result<std::uint64_t> record(const RunRecord& run) = 0;
  /// Runs that are unfinished (is_unfinished), oldest first.
  virtual Result<std::vector<RunRecord>> unfinished() = 0;
  /// How far the schedule has come.
  virtual Result<ScheduleRecord> schedule() = 0;
  /// Notes which daemon this is, for `status`. In a new history the schedule is settled until its start.
  virtual Result<void> note_daemon(const DaemonRecord& daemon) = 0;

  /// Makes new, empty variables in place of what is there; where the disk is full, what is there goes first.
  /// Requires: the run lock.
  virtual Result<void> recreate_variables() = 0;
  /// Whether nobody has made new ones since we did.
  virtual bool variables_are_current() const noexcept = 0;
  /// Makes an empty namespace, and forgets one with the steps noted for it. Requires: we made the variables.
  virtual Result<void> begin_namespace(std::string_view run_id) = 0;
  virtual Result<void> drop_namespace(std::string_view run_id) = 0;
  /// Notes how the steps from index `first` on stand; not synced. Requires: we made the variables.
  virtual Result<void> save_steps(std::string_view run_id, std::size_t first, std::span<const StepRecord> steps) = 0;
  /// The steps that another process noted for a run in the variables that lie there now.
  /// Requires: they are not ours.
  virtual Result<std::vector<StepRecord>> steps_left(std::string_view run_id) = 0;

  /// Frees what readers that were killed still hold.
  virtual void clear_stale_readers() noexcept = 0;

  /// One line each on what happened that nobody asked for. Emptied by the call.
  virtual std::vector<std::string> take_notices() = 0;

protected:
  RunStore() = default;
};

}  // namespace sidefridge::core
