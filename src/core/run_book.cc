// run_book.cc - who may write when, and what a process left behind that did not come back.
#include "sidefridge/core/run_book.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "sidefridge/text/join.h"
#include "sidefridge/text/time_format.h"

namespace sidefridge::core {
namespace {

// More records than these are not kept in memory while the disk refuses them.
constexpr std::size_t most_kept = 100;

Error daemon_is_there(int pid, const std::string& state_dir) {
  return Error{ErrorCode::busy, "a sidefridge daemon has the state folder " + state_dir + " already: " +
                                    holder_text(pid) + "; give each daemon a SIDEFRIDGE_STATE_DIR of its own"};
}

Error run_goes_on(int pid, const std::string& state_dir) {
  return Error{ErrorCode::busy, "a run is in progress in the state folder " + state_dir + ": " + holder_text(pid) +
                                    "; try again when it has ended"};
}

std::string why_lost(const RunRecord& run, const std::string& boot_id) {
  if (boot_id.empty() || run.boot_id.empty()) return "the process that ran it was killed, or the machine went down";
  return run.boot_id == boot_id ? "the process that ran it was killed" : "the machine went down while it ran";
}

}  // namespace

std::string holder_text(int pid) {
  return pid == 0 ? "a process in another container" : "process " + std::to_string(pid);
}

Result<RunBook> RunBook::open(std::unique_ptr<RunStore> store, Settings settings, Owner owner) {
  RunBook book(std::move(store), std::move(settings), owner);
  if (auto taken = book.take_locks(); !taken) return std::move(taken).error();
  auto ours = book.store_->open_history();
  if (ours) ours = book.take_over();
  // A full disk may have room again at the next run, which tries all of this again.
  if (!ours && ours.error().code != ErrorCode::full) return std::move(ours).error();
  if (!ours) book.notices_.push_back("runs cannot be recorded: " + ours.error().text);
  if (owner == Owner::daemon) book.store_->unlock(RunStore::Lock::run);
  return book;
}

// Everybody takes the run lock first, so that nobody starts while somebody else does, and leaves with it.
Result<void> RunBook::take_locks() {
  auto run_lock = store_->try_lock(RunStore::Lock::run);
  if (!run_lock) return std::move(run_lock).error();
  const auto* running = std::get_if<RunStore::HeldBy>(&*run_lock);
  if (owner_ == Owner::daemon) {
    // Refused either way, but a daemon in the middle of a run is told as what it is.
    auto daemon_lock = store_->try_lock(RunStore::Lock::daemon);
    if (!daemon_lock) return std::move(daemon_lock).error();
    const auto* daemon = std::get_if<RunStore::HeldBy>(&*daemon_lock);
    if (daemon != nullptr) return daemon_is_there(daemon->pid, settings_.state_dir);
  }
  if (running != nullptr) return run_goes_on(running->pid, settings_.state_dir);
  if (owner_ == Owner::once) {
    auto daemon_lock = store_->try_lock(RunStore::Lock::daemon);
    if (!daemon_lock) return std::move(daemon_lock).error();
    beside_a_daemon_ = std::holds_alternative<RunStore::HeldBy>(*daemon_lock);
    store_->unlock(RunStore::Lock::daemon);
  }
  return {};
}

// Makes new variables, and records the runs that nobody is left to finish: in this order, because on a full disk it is
// the old variables that make room. What is owed for them, and for those that an earlier daemon left owed, is told
// once. Requires: the run lock; the variables that lie there are not ours.
Result<void> RunBook::take_over() {
  auto unfinished = store_->unfinished();
  if (!unfinished) return std::move(unfinished).error();
  const bool sees_to_lost = !beside_a_daemon_ && !taken_over_;
  const bool makes_up = owner_ == Owner::daemon && !taken_over_;
  std::vector<RunRecord> lost;
  for (RunRecord& run : *unfinished) {
    if (run.outcome != Outcome::running) {
      if (run.outcome == Outcome::lost ? sees_to_lost : makes_up) owed_.push_back(std::move(run));
      continue;
    }
    run.outcome = Outcome::lost;
    run.reason = why_lost(run, settings_.boot_id);
    if (run.steps.empty()) run.steps = steps_left_by(run);  // else it was lost before, and on_error was running for it
    // Its intent says when it was to start; the clock may have been set back since.
    for (const StepRecord& step : run.steps) run.started_at = std::min(run.started_at, step.started_at);
    end_processes_of(run);
    // Beside a daemon only `once` runs, and who called it saw it end.
    run.owed = !taken_over_;
    lost.push_back(std::move(run));
  }
  if (auto fresh = store_->recreate_variables(); !fresh) return fresh;
  for (RunRecord& run : lost) {
    notices_.push_back("run " + run.run_id + ", started at " + text::format_rfc3339(run.started_at) +
                       ", was lost: " + run.reason);
    if (sees_to_lost) owed_.push_back(run);
    kept_.push_back(std::move(run));
  }
  if (makes_up) {
    // Of these, what follows is the daemon's from now on; a lost run stays owed until on_error was over.
    for (const RunRecord& run : owed_) {
      if (run.outcome != Outcome::lost) kept_.emplace_back(run).owed = false;
    }
  }
  taken_over_ = true;
  return write_kept();
}

// Before the run is recorded as lost: a daemon that is killed meanwhile leaves that to the next.
void RunBook::end_processes_of(const RunRecord& run) {
  if (!settings_.end_processes || run.boot_id != settings_.boot_id) return;
  const std::vector<std::string> ended = settings_.end_processes(run.run_id);
  if (ended.empty()) return;
  notices_.push_back("what run " + run.run_id + " left running was ended: " + text::join(ended));
}

// What a lost run noted on its way, when that can be trusted: within one boot of the kernel all that was written is
// there, but after a crash of the machine the variables may hold anything, since they are never synced.
std::vector<StepRecord> RunBook::steps_left_by(const RunRecord& run) {
  if (settings_.boot_id.empty() || run.boot_id != settings_.boot_id) return {};
  auto steps = store_->steps_left(run.run_id);
  if (!steps) return {};
  return std::move(*steps);
}

std::variant<RunBook::Begun, RunBook::Busy, Error> RunBook::begin(const RunRecord& run) {
  if (owner_ == Owner::daemon) {
    auto attempt = store_->try_lock(RunStore::Lock::run);
    if (!attempt) return std::move(attempt).error();
    if (const auto* held = std::get_if<RunStore::HeldBy>(&*attempt)) return Busy{held->pid};
  }
  auto sequence = store_intent(run);
  if (!sequence) return std::move(sequence).error();
  return Begun{*sequence};
}

Result<std::uint64_t> RunBook::store_intent(const RunRecord& run) {
  store_->clear_stale_readers();
  if (auto written = write_kept(); !written) return std::move(written).error();
  // Another process had its turn since; it may have been killed in the middle.
  if (!store_->variables_are_current()) {
    if (auto ours = take_over(); !ours) return std::move(ours).error();
  }
  // Before the intent: a namespace without a run harms nobody, a run recorded without its namespace would be lost.
  if (auto begun = store_->begin_namespace(run.run_id); !begun) return std::move(begun).error();
  RunRecord intent = run;
  intent.boot_id = settings_.boot_id;
  auto sequence = store_->record(intent);
  if (sequence) intent_ = Intent{run.run_id, *sequence};
  return sequence;
}

Result<void> RunBook::save_steps(std::string_view run_id, std::size_t first, std::span<const StepRecord> steps) {
  return store_->save_steps(run_id, first, steps);
}

Result<void> RunBook::finish(const RunRecord& run) {
  RunRecord last = run;
  // A caller that did not wait for begin() does not know it.
  if (last.sequence == 0 && intent_ && intent_->run_id == run.run_id) last.sequence = intent_->sequence;
  intent_.reset();
  auto written = write(last);
  // New ones, because what is dropped from a file can still be read in it.
  auto dropped = store_->recreate_variables();
  if (!dropped) dropped = store_->drop_namespace(run.run_id);
  if (owner_ == Owner::daemon) store_->unlock(RunStore::Lock::run);
  return written ? std::move(dropped) : std::move(written);
}

Result<void> RunBook::record_skip(const RunRecord& run) {
  return write(run);
}

Result<void> RunBook::write(const RunRecord& run) {
  kept_.push_back(run);
  auto written = write_kept();
  if (kept_.size() > most_kept) {
    // The one whose intent is stored, if there is one, stays: it would else be taken for lost.
    const auto oldest = kept_.front().sequence == 0 ? kept_.begin() : std::next(kept_.begin());
    notices_.push_back("the record of a " + std::string(name_of(oldest->outcome)) +
                       " run is given up: the state folder has refused it for too long");
    kept_.erase(oldest);
  }
  return written;
}

Result<void> RunBook::write_kept() {
  while (!kept_.empty()) {
    auto stored = store_->record(kept_.front());
    if (!stored) return std::move(stored).error();
    kept_.erase(kept_.begin());
  }
  return {};
}

Result<void> RunBook::note_daemon(const DaemonRecord& daemon) {
  return store_->note_daemon(daemon);
}

Result<ScheduleRecord> RunBook::schedule() {
  return store_->schedule();
}

std::vector<std::string> RunBook::take_notices() {
  std::vector<std::string> lines = store_->take_notices();
  lines.insert(lines.end(), std::make_move_iterator(notices_.begin()), std::make_move_iterator(notices_.end()));
  notices_.clear();
  return lines;
}

}  // namespace sidefridge::core
