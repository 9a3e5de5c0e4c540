// state_store.cc - each wish of a run book, handed to the file that it is about.
#include "sidefridge/daemon/state_store.h"

namespace sidefridge::daemon {
namespace {

unsigned byte_of(core::RunStore::Lock lock) noexcept {
  return lock == core::RunStore::Lock::daemon ? store::daemon_lock_byte : store::run_lock_byte;
}

}  // namespace

Result<std::unique_ptr<core::RunStore>> StateStore::open(const Settings& settings) {
  auto folder = store::StateFolder::open(settings.state_dir);
  if (!folder) return std::move(folder).error();
  auto lock = os::FileLock::open(folder->lock_path());
  if (!lock) return std::move(lock).error();
  return std::unique_ptr<core::RunStore>(new StateStore(settings, std::move(*folder), std::move(*lock)));
}

Result<std::variant<core::RunStore::Acquired, core::RunStore::HeldBy>> StateStore::try_lock(Lock lock) {
  auto attempt = lock_.try_lock(byte_of(lock));
  if (!attempt) return std::move(attempt).error();
  const auto* held = std::get_if<os::FileLock::HeldBy>(&*attempt);
  if (held == nullptr) return std::variant<Acquired, HeldBy>(Acquired{});
  return std::variant<Acquired, HeldBy>(HeldBy{held->pid});
}

void StateStore::unlock(Lock lock) noexcept {
  lock_.unlock(byte_of(lock));
}

Result<void> StateStore::open_history() {
  auto history = store::History::open(folder_, {.limit = history_limit_});
  if (!history) return std::move(history).error();
  history_.emplace(std::move(*history));
  return {};
}

Result<std::uint64_t> StateStore::record(const core::RunRecord& run) {
  return run.outcome == core::Outcome::running ? history_->begin(run) : history_->finish(run);
}

Result<std::vector<core::RunRecord>> StateStore::unfinished() {
  return history_->unfinished();
}

Result<core::ScheduleRecord> StateStore::schedule() {
  return history_->schedule();
}

Result<void> StateStore::note_daemon(const core::DaemonRecord& daemon) {
  return history_->note_daemon(daemon);
}

Result<void> StateStore::recreate_variables() {
  auto fresh = store::Variables::recreate(folder_, store_limit_bytes_);
  if (!fresh) return std::move(fresh).error();
  variables_.emplace(std::move(*fresh));
  return {};
}

bool StateStore::variables_are_current() const noexcept {
  return variables_ && variables_->is_current();
}

Result<void> StateStore::begin_namespace(std::string_view run_id) {
  return variables_->begin(run_id);
}

Result<void> StateStore::drop_namespace(std::string_view run_id) {
  return variables_->drop(run_id);
}

Result<void> StateStore::save_steps(std::string_view run_id, std::size_t first,
                                    std::span<const core::StepRecord> steps) {
  return variables_->save_steps(run_id, first, steps);
}

Result<std::vector<core::StepRecord>> StateStore::steps_left(std::string_view run_id) {
  auto left = store::Variables::open_read_only(folder_);
  if (!left) return std::move(left).error();
  return left->steps(run_id);
}

void StateStore::clear_stale_readers() noexcept {
  history_->clear_stale_readers();
  if (variables_) variables_->clear_stale_readers();
}

std::vector<std::string> StateStore::take_notices() {
  return history_ ? history_->take_notices() : std::vector<std::string>();
}

}  // namespace sidefridge::daemon
