// memory_store.cc - does what a state folder on a disk does, or fails when it was told to.
#include "tests/sim/memory_store.h"

#include <utility>

namespace sidefridge::sim {

class MemoryStore::Process final : public core::RunStore {
public:
  Process(MemoryStore& folder, int pid) : folder_(folder), pid_(pid) {}
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() override {
    unlock(Lock::daemon);
    unlock(Lock::run);
  }

  int pid() const { return pid_; }

  Result<std::variant<Acquired, HeldBy>> try_lock(Lock lock) override {
    if (auto error = folder_.fault()) return std::move(*error);
    const auto [held, free] = folder_.locks_.try_emplace(lock, this);
    if (!free && held->second != this) return std::variant<Acquired, HeldBy>(HeldBy{held->second->pid_});
    return std::variant<Acquired, HeldBy>(Acquired{});
  }

  void unlock(Lock lock) noexcept override {
    const auto held = folder_.locks_.find(lock);
    if (held != folder_.locks_.end() && held->second == this) folder_.locks_.erase(held);
  }

  Result<void> open_history() override {
    if (auto error = folder_.fault()) return std::move(*error);
    return {};
  }

  Result<std::uint64_t> record(const core::RunRecord& run) override {
    if (auto error = folder_.fault()) return std::move(*error);
    std::uint64_t sequence = run.sequence;
    if (sequence == 0) {
      sequence = folder_.history_.empty() ? 1 : folder_.history_.rbegin()->first + 1;
      folder_.schedule_ = core::after_run(folder_.schedule_, run);
    }
    core::RunRecord& stored = folder_.history_[sequence];
    stored = run;
    stored.sequence = sequence;
    if (core::is_unfinished(run)) {
      folder_.unfinished_.insert(sequence);
    } else {
      folder_.unfinished_.erase(sequence);
    }
    return sequence;
  }

  Result<std::vector<core::RunRecord>> unfinished() override {
    if (auto error = folder_.fault()) return std::move(*error);
    std::vector<core::RunRecord> found;
    for (const std::uint64_t sequence : folder_.unfinished_) found.push_back(folder_.history_.at(sequence));
    return found;
  }

  Result<core::ScheduleRecord> schedule() override {
    if (auto error = folder_.fault()) return std::move(*error);
    return folder_.schedule_;
  }

  Result<void> note_daemon(const core::DaemonRecord& daemon) override {
    if (auto error = folder_.fault()) return std::move(*error);
    folder_.daemon_ = daemon;
    if (!folder_.schedule_.settled_until) folder_.schedule_.settled_until = daemon.started_at;
    return {};
  }

  Result<void> recreate_variables() override {
    if (auto error = folder_.fault()) return std::move(*error);
    folder_.variables_.erase(ours_);
    folder_.remove_variables();
    ours_ = folder_.made_anew_;
    return {};
  }

  bool variables_are_current() const noexcept override { return ours_ != 0 && ours_ == folder_.made_anew_; }

  Result<void> begin_namespace(std::string_view run_id) override {
    if (auto error = folder_.fault()) return std::move(*error);
    namespaces()[std::string(run_id)].clear();
    return {};
  }

  Result<void> drop_namespace(std::string_view run_id) override {
    if (auto error = folder_.fault()) return std::move(*error);
    namespaces().erase(std::string(run_id));
    return {};
  }

  Result<void> save_steps(std::string_view run_id, std::size_t first,
                          std::span<const core::StepRecord> steps) override {
    if (auto error = folder_.fault()) return std::move(*error);
    Namespace& noted = namespaces()[std::string(run_id)];
    for (const core::StepRecord& step : steps) noted[first++] = step;
    return {};
  }

  Result<std::vector<core::StepRecord>> steps_left(std::string_view run_id) override {
    if (auto error = folder_.fault()) return std::move(*error);
    std::vector<core::StepRecord> steps;
    const auto& left = folder_.namespaces();
    if (const auto found = left.find(std::string(run_id)); found != left.end()) {
      for (const auto& [index, step] : found->second) steps.push_back(step);
    }
    return steps;
  }

  void clear_stale_readers() noexcept override {}
  std::vector<std::string> take_notices() override { return {}; }

private:
  std::map<std::string, Namespace>& namespaces() { return folder_.variables_[ours_]; }

  MemoryStore& folder_;
  int pid_;
  int ours_ = 0;  // which variables we made; 0: none
};

std::unique_ptr<core::RunStore> MemoryStore::open(int pid) {
  return std::make_unique<Process>(*this, pid);
}

void MemoryStore::fail_call(int nth, Error error, Lasts lasts) {
  countdown_ = nth;
  error_ = std::move(error);
  lasts_ = lasts;
  struck_ = false;
}

std::optional<Error> MemoryStore::fault() {
  if (countdown_ == 0 || --countdown_ > 0) return std::nullopt;
  if (lasts_ == Lasts::on) countdown_ = 1;
  struck_ = true;
  return error_;
}

void MemoryStore::remove_variables() {
  ++made_anew_;
  variables_[made_anew_].clear();
}

const std::map<std::string, MemoryStore::Namespace>& MemoryStore::namespaces() const {
  return variables_.at(made_anew_);
}

std::optional<int> MemoryStore::holder(core::RunStore::Lock lock) const {
  const auto held = locks_.find(lock);
  if (held == locks_.end()) return std::nullopt;
  return held->second->pid();
}

}  // namespace sidefridge::sim
