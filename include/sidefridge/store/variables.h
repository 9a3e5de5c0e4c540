// variables.h - what the scripts of a run tell each other, and what is known of the run while it goes on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sidefridge/base/result.h"
#include "sidefridge/core/run_record.h"
#include "sidefridge/store/environment.h"
#include "sidefridge/store/state_folder.h"

namespace sidefridge::store {

/// Keys are 1 to this many bytes.
inline constexpr std::size_t maximum_key_bytes = 511;

/// variables.mdb: one namespace a run, shared by any number of processes. Never synced: after a crash of the machine
/// its content means nothing, after that of a process all that was committed is there.
/// Owns:   one LMDB environment. Movable, not copyable. Requires: one object a file and process.
/// Thread: one thread at a time, not always the same one: each call is a whole transaction.
/// Blocks: a write waits for the writes of other processes, some microseconds each.
/// Errors: full when the limit or the disk is reached (everything saved before is still there), io.
class Variables {
public:
  /// Makes a new, empty file in place of what is there; on a full disk what is there is removed first. Requires: the
  /// run lock; a process that has the old file open keeps it and does not see the new one.
  static Result<Variables> recreate(const StateFolder& folder, std::uint64_t limit_bytes);

  /// Opens what is there and makes no file. Errors: unavailable when there is none.
  static Result<Variables> join(const StateFolder& folder);

  /// The steps noted for a run, by index, in what lies there now. Locks and changes nothing, and whatever the file
  /// holds, nobody is the worse for it.  Errors: unavailable when there is none; io, for a damaged one, too.
  static Result<std::vector<core::StepRecord>> read_steps(const StateFolder& folder, std::string_view run_id);

  /// Whether the file that is open is still the one under its name.
  bool is_current() const noexcept { return environment_.is_current(); }

  /// Makes an empty namespace, replacing one of that name.
  Result<void> begin(std::string_view run_id);

  /// Forgets a run's namespace and its saved steps. A run that is not there is no error.
  Result<void> drop(std::string_view run_id);

  /// Sets or overwrites. Errors: unavailable when no such run goes on, invalid for a key's length.
  Result<void> save(std::string_view run_id, std::string_view key, std::string_view value);

  /// Returns: nothing when the key is not there. Errors: as save().
  Result<std::optional<std::string>> load(std::string_view run_id, std::string_view key);

  /// Notes how the steps of a run from index `first` on stand, in one transaction; the last note of an index counts.
  Result<void> save_steps(std::string_view run_id, std::size_t first, std::span<const core::StepRecord> steps);

  /// Frees what readers that were killed still hold. Returns: how many.
  int clear_stale_readers() noexcept { return environment_.clear_stale_readers(); }

  /// No value can be larger than this.
  std::uint64_t limit_bytes() const noexcept { return environment_.map_bytes(); }

private:
  explicit Variables(Environment environment) noexcept : environment_(std::move(environment)) {}

  Environment environment_;
};

}  // namespace sidefridge::store
