// state_store.h - a state folder on the disk, as a run book wants it: the lock file and both of LMDB's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "sidefridge/base/result.h"
#include "sidefridge/core/run_store.h"
#include "sidefridge/os/file_lock.h"
#include "sidefridge/store/history.h"
#include "sidefridge/store/state_folder.h"
#include "sidefridge/store/variables.h"

namespace sidefridge::daemon {

/// The files of one state folder.
/// Owns:     the locks, the history and the variables. Requires: one object a folder and process.
/// Thread:   one thread at a time, not always the same one.
/// Blocks:   record() and note_daemon() wait for the disk, every write for the writes of other processes.
class StateStore final : public core::RunStore {
public:
  struct Settings {
    std::string state_dir;
    std::uint64_t store_limit_bytes;
    std::size_t history_limit;
  };

  /// Makes the folder and the lock file where they are missing; touches nothing else.
  static Result<std::unique_ptr<core::RunStore>> open(const Settings& settings);

  Result<std::variant<Acquired, HeldBy>> try_lock(Lock lock) override;
  void unlock(Lock lock) noexcept override;
  Result<void> open_history() override;
  Result<std::uint64_t> record(const core::RunRecord& run) override;
  Result<std::vector<core::RunRecord>> unfinished() override;
  Result<core::ScheduleRecord> schedule() override;
  Result<void> note_daemon(const core::DaemonRecord& daemon) override;
  Result<void> recreate_variables() override;
  bool variables_are_current() const noexcept override;
  Result<void> begin_namespace(std::string_view run_id) override;
  Result<void> drop_namespace(std::string_view run_id) override;
  Result<void> save_steps(std::string_view run_id, std::size_t first, std::span<const core::StepRecord> steps) override;
  Result<std::vector<core::StepRecord>> steps_left(std::string_view run_id) override;
  void clear_stale_readers() noexcept override;
  std::vector<std::string> take_notices() override;

private:
  StateStore(Settings settings, store::StateFolder folder, os::FileLock lock) noexcept
      : settings_(std::move(settings)), folder_(std::move(folder)), lock_(std::move(lock)) {}

  Result<void> make_whole();
  Result<void> need_history();

  Settings settings_;
  store::StateFolder folder_;
  os::FileLock lock_;
  std::array<bool, 2> held_{};  // by Lock
  std::vector<std::string> notices_;
  std::optional<store::History> history_;
  std::optional<store::Variables> variables_;
};

}  // namespace sidefridge::daemon
