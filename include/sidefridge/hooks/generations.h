// generations.h - the copies of the hooks that are in use.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sidefridge/base/result.h"
#include "sidefridge/core/hook.h"
#include "sidefridge/hooks/hook_tree.h"
#include "sidefridge/hooks/tree_copy.h"

namespace sidefridge::hooks {

/// Numbered copies of the hooks ("generations"), each of one version: the newest, and those that runs still use.
/// Owns:     `folder` and all that is in it, removed on destruction. Not movable.
/// Requires: nobody else uses `folder`.
/// Thread:   one.
class Generations {
public:
  /// Makes `folder` (0700; its parent exists) and removes what an earlier process left in it.
  /// Errors: what the system says.
  static Result<std::unique_ptr<Generations>> open(std::string folder, CopySettings settings);

  Generations(const Generations&) = delete;
  Generations& operator=(const Generations&) = delete;
  ~Generations();

  /// Reads the hooks and copies them: the copy becomes the newest. If nothing has changed, the newest stays what it is,
  /// and its scripts are returned. Removes nothing: the caller may still be about to use the one before.
  /// Errors: as copy_hook_tree(); the newest stays what it is.
  /// Blocks: as copy_hook_tree().
  Result<HookReading> make(const std::string& scripts_dir);

  /// The number of what make() returned last; 0 when that runs from where it is, or there is none.
  std::uint64_t newest() const noexcept { return newest_; }

  /// Keeps a generation until unpin() was called as often. 0 needs no keeping.
  void pin(std::uint64_t generation);
  void unpin(std::uint64_t generation) noexcept;

  /// Removes all that is neither the newest nor pinned.
  void remove_unused() noexcept;

private:
  Generations(std::string folder, CopySettings settings) : folder_(std::move(folder)), settings_(std::move(settings)) {}
  std::string path_of(std::uint64_t generation) const { return folder_ + "/" + std::to_string(generation); }

  std::string folder_;
  CopySettings settings_;
  std::uint64_t last_number_ = 0;
  std::uint64_t newest_ = 0;
  std::optional<core::HookSet> newest_hooks_;
  std::vector<std::uint64_t> present_;  // all that were made and not removed
  std::vector<std::uint64_t> pinned_;   // a number as often as it is pinned
};

}  // namespace sidefridge::hooks
