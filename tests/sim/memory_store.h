// memory_store.h - a state folder that lives in memory, so that books are kept, crashed and opened again without a
// disk.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sidefridge/base/result.h"
#include "sidefridge/core/record.h"
#include "sidefridge/core/run_record.h"
#include "sidefridge/core/run_store.h"

namespace sidefridge::sim {

/// What is in the folder, and what becomes of calls to it. Outlives all who work with it.
class MemoryStore {
public:
  enum class Lasts { once, on };
  using Namespace = std::map<std::size_t, core::StepRecord>;  // the steps noted, by index

  MemoryStore() = default;
  MemoryStore(const MemoryStore&) = delete;
  MemoryStore& operator=(const MemoryStore&) = delete;

  /// The folder as a process of this pid has it. As when that process is killed, its locks are free when the object is
  /// gone, and all else stays as it is. 0 stands for a process in another container.
  /// Requires: this store outlives it.
  std::unique_ptr<core::RunStore> open(int pid);

  /// The nth call from now on, of any process, changes nothing and gives `error`; all after it do, too, if that lasts.
  /// A process that is killed within a call of its book: all fail from the nth on, then the book is destroyed.
  void fail_call(int nth, Error error, Lasts lasts = Lasts::once);
  /// From now on no call fails.
  void mend() { countdown_ = 0; }
  /// Whether a call has failed since fail_call().
  bool fault_struck() const { return struck_; }

  /// As somebody does who removes the file of the variables.
  void remove_variables();

  // What is in it.
  const std::map<std::uint64_t, core::RunRecord>& history() const { return history_; }  // by sequence
  const std::map<std::string, Namespace>& namespaces() const;  // of the variables that lie there now
  std::optional<int> holder(core::RunStore::Lock lock) const;  // a pid
  const std::optional<core::DaemonRecord>& daemon() const { return daemon_; }
  const core::ScheduleRecord& schedule() const { return schedule_; }

private:
  class Process;

  std::optional<Error> fault();

  std::map<std::uint64_t, core::RunRecord> history_;
  std::set<std::uint64_t> unfinished_;  // of its runs
  std::optional<core::DaemonRecord> daemon_;
  core::ScheduleRecord schedule_;
  // By how often new ones were made; the last lie there, the others are what some process still has open.
  std::map<int, std::map<std::string, Namespace>> variables_{{0, {}}};
  int made_anew_ = 0;
  std::map<core::RunStore::Lock, const Process*> locks_;

  int countdown_ = 0;  // the call that brings it to zero fails
  Error error_{ErrorCode::io, {}};
  Lasts lasts_ = Lasts::once;
  bool struck_ = false;
};

}  // namespace sidefridge::sim
