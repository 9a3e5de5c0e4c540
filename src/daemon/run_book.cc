// run_book.cc - who may write when, and what a process left behind that did not come back.
#include "sidefridge/daemon/run_book.h"

#include <iterator>
#include <optional>
#include <utility>

#include "sidefridge/text/time_format.h"

namespace sidefridge::daemon {
namespace {

// More records than these are not kept in memory while the disk refuses them.
constexpr std::size_t most_kept = 100;

std::string process(pid_t pid) {
  return pid == 0 ? "a process in another container" : "process " + std::to_string(pid);
}

Error daemon_is_there(pid_t pid, const std::string& state_dir) {
  return Error{ErrorCode::busy, "a sidefridge daemon has the state folder " + state_dir + " already: " + process(pid)};
}

Error run_goes_on(pid_t pid, const std::string& state_dir) {
  return Error{ErrorCode::busy, "a run is going on in the state folder " + state_dir + ": " + process(pid) +
                                    "; try again when it is over"};
}

// Everybody takes the run lock first, so that nobody starts while somebody else does, and leaves with it.
Result<void> take_locks(os::FileLock& lock, RunBook::Owner owner, const std::string& state_dir) {
  auto run_lock = lock.try_lock(store::run_lock_byte);
  if (!run_lock) return std::move(run_lock).error();
  const auto* running = std::get_if<os::FileLock::HeldBy>(&*run_lock);
  if (owner == RunBook::Owner::daemon) {
    // Refused either way, but a daemon in the middle of a run is told as what it is.
    auto daemon_lock = lock.try_lock(store::daemon_lock_byte);
    if (!daemon_lock) return std::move(daemon_lock).error();
    const auto* daemon = std::get_if<os::FileLock::HeldBy>(&*daemon_lock);
    if (daemon != nullptr) return daemon_is_there(daemon->pid, state_dir);
  }
  if (running != nullptr) return run_goes_on(running->pid, state_dir);
  return {};
}

// What a lost run noted on its way, when that can be trusted: within one boot of the kernel all that was written is
// there, but after a crash of the machine the file may hold anything, since it is never synced.
std::vector<core::StepRecord> steps_left_by(const core::RunRecord& run, const store::StateFolder& folder,
                                            const std::string& boot_id) {
  if (boot_id.empty() || run.boot_id != boot_id) return {};
  auto left = store::Variables::join(folder);
  if (!left) return {};
  auto steps = left->steps(run.run_id);
  if (!steps) return {};
  return std::move(*steps);
}

std::string why_lost(const core::RunRecord& run, const std::string& boot_id) {
  if (boot_id.empty() || run.boot_id.empty()) return "the process that ran it was killed, or the machine went down";
  return run.boot_id == boot_id ? "the process that ran it was killed" : "the machine went down while it ran";
}

// Records the runs that nobody is left to finish, and makes the variables anew. Appends a line for the log each.
// Requires: the run lock; this process does not have open what lies under the variables' name.
Result<store::Variables> take_over(store::History& history, const store::StateFolder& folder,
                                   const RunBook::Settings& settings, std::vector<std::string>& notices) {
  auto unfinished = history.unfinished();
  if (!unfinished) return std::move(unfinished).error();
  for (core::RunRecord& run : *unfinished) {
    run.outcome = core::Outcome::lost;
    run.reason = why_lost(run, settings.boot_id);
    run.steps = steps_left_by(run, folder, settings.boot_id);
    if (auto stored = history.finish(run); !stored) return std::move(stored).error();
    notices.push_back("run " + run.run_id + ", begun at " + text::format_rfc3339(run.started_at) +
                      ", was lost: " + run.reason);
  }
  return store::Variables::create_anew(folder, settings.store_limit_bytes);
}

}  // namespace

Result<RunBook> RunBook::open(Settings settings, Owner owner) {
  auto folder = store::StateFolder::open(settings.state_dir);
  if (!folder) return std::move(folder).error();
  auto lock = os::FileLock::open(folder->lock_path());
  if (!lock) return std::move(lock).error();
  if (auto taken = take_locks(*lock, owner, settings.state_dir); !taken) return std::move(taken).error();

  auto history = store::History::open(*folder, {.limit = settings.history_limit});
  if (!history) return std::move(history).error();
  std::vector<std::string> notices;
  auto variables = take_over(*history, *folder, settings, notices);
  if (!variables) return std::move(variables).error();
  if (owner == Owner::daemon) lock->unlock(store::run_lock_byte);

  RunBook book(std::move(settings), owner, std::move(*folder), std::move(*lock), std::move(*history),
               std::move(*variables));
  book.notices_ = std::move(notices);
  return book;
}

std::variant<RunBook::Begun, RunBook::Busy, Error> RunBook::begin(const core::RunRecord& run) {
  if (owner_ == Owner::daemon) {
    auto attempt = lock_.try_lock(store::run_lock_byte);
    if (!attempt) return std::move(attempt).error();
    if (const auto* held = std::get_if<os::FileLock::HeldBy>(&*attempt)) return Busy{held->pid};
  }
  auto sequence = store_intent(run);
  if (!sequence) return std::move(sequence).error();
  return Begun{*sequence};
}

Result<std::uint64_t> RunBook::store_intent(const core::RunRecord& run) {
  history_.clear_stale_readers();
  variables_.clear_stale_readers();
  if (auto written = write_kept(); !written) return std::move(written).error();
  // Another process had its turn since; it may have been killed in the middle.
  if (!variables_.is_current()) {
    auto anew = take_over(history_, folder_, settings_, notices_);
    if (!anew) return std::move(anew).error();
    variables_ = std::move(*anew);
  }
  // Before the intent: a namespace without a run harms nobody, a run recorded without its namespace would be lost.
  if (auto begun = variables_.begin(run.run_id); !begun) return std::move(begun).error();
  core::RunRecord intent = run;
  intent.boot_id = settings_.boot_id;
  return history_.begin(intent);
}

Result<void> RunBook::save_steps(std::string_view run_id, std::size_t first, std::span<const core::StepRecord> steps) {
  return variables_.save_steps(run_id, first, steps);
}

Result<void> RunBook::finish(const core::RunRecord& run) {
  auto written = write(run);
  // To forget a namespace takes some room, too; where there is none left, an empty file does it.
  auto dropped = variables_.drop(run.run_id);
  if (!dropped) {
    auto anew = store::Variables::create_anew(folder_, settings_.store_limit_bytes);
    if (anew) variables_ = std::move(*anew);
    dropped = anew ? Result<void>() : std::move(anew).error();
  }
  if (owner_ == Owner::daemon) lock_.unlock(store::run_lock_byte);
  return written ? std::move(dropped) : std::move(written);
}

Result<void> RunBook::record_skip(const core::RunRecord& run) {
  return write(run);
}

Result<void> RunBook::write(const core::RunRecord& run) {
  kept_.push_back(run);
  auto written = write_kept();
  if (kept_.size() > most_kept) {
    // The one whose intent is stored, if there is one, stays: it would else be taken for lost.
    const auto oldest = kept_.front().sequence == 0 ? kept_.begin() : std::next(kept_.begin());
    notices_.push_back("the record of a " + std::string(core::name_of(oldest->outcome)) +
                       " run is given up: the state folder has refused it for too long");
    kept_.erase(oldest);
  }
  return written;
}

Result<void> RunBook::write_kept() {
  while (!kept_.empty()) {
    auto stored = history_.finish(kept_.front());
    if (!stored) return std::move(stored).error();
    kept_.erase(kept_.begin());
  }
  return {};
}

Result<void> RunBook::note_daemon(const core::DaemonRecord& daemon) {
  return history_.note_daemon(daemon);
}

Result<core::ScheduleRecord> RunBook::schedule() {
  return history_.schedule();
}

std::vector<std::string> RunBook::take_notices() {
  std::vector<std::string> lines = history_.take_notices();
  lines.insert(lines.end(), std::make_move_iterator(notices_.begin()), std::make_move_iterator(notices_.end()));
  notices_.clear();
  return lines;
}

}  // namespace sidefridge::daemon
