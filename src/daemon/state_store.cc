// state_store.cc - each wish of a run book, handed to the file that it is about.
#include "sidefridge/daemon/state_store.h"

#include "sidefridge/core/run_book.h"

namespace sidefridge::daemon {
namespace {

unsigned byte_of(core::RunStore::Lock lock) noexcept {
  return lock == core::RunStore::Lock::daemon ? store::daemon_lock_byte : store::run_lock_byte;
}

std::size_t index_of(core::RunStore::Lock lock) noexcept {
  return static_cast<std::size_t>(lock);
}

Error no_variables() {
  return Error{ErrorCode::unavailable, "there are no variables: they could not be made"};
}

}  // namespace

Result<std::unique_ptr<core::RunStore>> StateStore::open(const Settings& settings) {
  auto folder = store::StateFolder::open(settings.state_dir);
  if (!folder) return std::move(folder).error();
  auto lock = os::FileLock::open(folder->lock_path());
  if (!lock) return std::move(lock).error();
  return std::unique_ptr<core::RunStore>(new StateStore(settings, std::move(*folder), std::move(*lock)));
}

// The locks are on a file that may be gone by now: a process that makes it again must not get them, too.
Result<void> StateStore::make_whole() {
  if (lock_.is_current()) return {};
  auto folder = store::StateFolder::open(settings_.state_dir);
  if (!folder) return std::move(folder).error();
  auto fresh = os::FileLock::open(folder->lock_path());
  if (!fresh) return std::move(fresh).error();
  for (const Lock lock : {Lock::run, Lock::daemon}) {
    if (!held_[index_of(lock)]) continue;
    auto attempt = fresh->try_lock(byte_of(lock));
    if (!attempt) return std::move(attempt).error();
    if (const auto* other = std::get_if<os::FileLock::HeldBy>(&*attempt)) {
      return Error{ErrorCode::busy, "the state folder " + settings_.state_dir + " was removed, and now " +
                                        core::holder_text(other->pid) + " has it"};
    }
  }
  lock_ = std::move(*fresh);
  notices_.push_back("what was in the state folder " + settings_.state_dir +
                     " was removed, or something was mounted over it: it is made again");
  return {};
}

Result<void> StateStore::need_history() {
  if (auto whole = make_whole(); !whole) return whole;
  if (history_) return {};
  auto history = store::History::open(folder_, {.limit = settings_.history_limit});
  if (!history) return std::move(history).error();
  history_.emplace(std::move(*history));
  return {};
}

Result<std::variant<core::RunStore::Acquired, core::RunStore::HeldBy>> StateStore::try_lock(Lock lock) {
  if (auto whole = make_whole(); !whole) return std::move(whole).error();
  auto attempt = lock_.try_lock(byte_of(lock));
  if (!attempt) return std::move(attempt).error();
  const auto* held = std::get_if<os::FileLock::HeldBy>(&*attempt);
  if (held == nullptr) {
    held_[index_of(lock)] = true;
    return std::variant<Acquired, HeldBy>(Acquired{});
  }
  return std::variant<Acquired, HeldBy>(HeldBy{held->pid});
}

void StateStore::unlock(Lock lock) noexcept {
  lock_.unlock(byte_of(lock));
  held_[index_of(lock)] = false;
}

Result<void> StateStore::open_history() {
  return need_history();
}

Result<std::uint64_t> StateStore::record(const core::RunRecord& run) {
  if (auto there = need_history(); !there) return std::move(there).error();
  return run.outcome == core::Outcome::running ? history_->begin(run) : history_->finish(run);
}

Result<std::vector<core::RunRecord>> StateStore::unfinished() {
  if (auto there = need_history(); !there) return std::move(there).error();
  return history_->unfinished();
}

Result<core::ScheduleRecord> StateStore::schedule() {
  if (auto there = need_history(); !there) return std::move(there).error();
  return history_->schedule();
}

Result<void> StateStore::note_daemon(const core::DaemonRecord& daemon) {
  if (auto there = need_history(); !there) return there;
  return history_->note_daemon(daemon);
}

Result<void> StateStore::recreate_variables() {
  if (auto whole = make_whole(); !whole) return whole;
  auto fresh = store::Variables::recreate(folder_, settings_.store_limit_bytes);
  if (!fresh && fresh.error().code == ErrorCode::full && variables_) {
    // As long as we have the old ones open, they take their room.
    variables_.reset();
    fresh = store::Variables::recreate(folder_, settings_.store_limit_bytes);
  }
  if (!fresh) return std::move(fresh).error();
  variables_.emplace(std::move(*fresh));
  return {};
}

bool StateStore::variables_are_current() const noexcept {
  return variables_ && variables_->is_current();
}

Result<void> StateStore::begin_namespace(std::string_view run_id) {
  if (!variables_) return no_variables();
  return variables_->begin(run_id);
}

Result<void> StateStore::drop_namespace(std::string_view run_id) {
  if (!variables_) return no_variables();
  return variables_->drop(run_id);
}

Result<void> StateStore::save_steps(std::string_view run_id, std::size_t first,
                                    std::span<const core::StepRecord> steps) {
  if (!variables_) return no_variables();
  return variables_->save_steps(run_id, first, steps);
}

Result<std::vector<core::StepRecord>> StateStore::steps_left(std::string_view run_id) {
  return store::Variables::read_steps(folder_, run_id);
}

void StateStore::clear_stale_readers() noexcept {
  if (history_) history_->clear_stale_readers();
  if (variables_) variables_->clear_stale_readers();
}

std::vector<std::string> StateStore::take_notices() {
  std::vector<std::string> lines = std::exchange(notices_, {});
  if (!history_) return lines;
  for (std::string& line : history_->take_notices()) lines.push_back(std::move(line));
  return lines;
}

}  // namespace sidefridge::daemon
