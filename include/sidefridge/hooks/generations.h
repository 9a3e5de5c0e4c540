// generations.h - the copies of the hooks that are in use.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "sidefridge/base/result.h"
#include "sidefridge/base/time.h"
#include "sidefridge/core/hook.h"
#include "sidefridge/hooks/hook_tree.h"
#include "sidefridge/hooks/tree_copy.h"
#include "sidefridge/hooks/tree_snapshot.h"

namespace sidefridge::hooks {

/// Numbered copies of the hooks ("generations"), each of one version. Which of them are in use is for others to know
/// (GenerationPins).
/// Owns:     `folder` and all that is in it, removed on destruction. Not movable.
/// Requires: nobody else uses `folder`. What runs in a copy may change it: is_intact() and make() find that out.
/// Thread:   one at a time: the lane of the hooks, between open() and destruction.
class Generations {
public:
  /// What make() found.
  struct Made {
    HookReading reading;
    std::uint64_t generation = 0;  // 0: the scripts run from where they are
  };

  /// Makes `folder` (0700; its parent exists) and removes what an earlier process left in it.
  /// Errors: what the system says.
  static Result<std::unique_ptr<Generations>> open(std::string folder, CopySettings settings);

  Generations(const Generations&) = delete;
  Generations& operator=(const Generations&) = delete;
  ~Generations();

  /// Reads the hooks and copies them: the copy becomes the newest. If the newest still is what the hooks are, it is
  /// returned; so it is as long as neither the hooks, nor the names of what lies beside them, nor the copy itself have
  /// changed. Removes none that was returned before: the caller may still be about to use it.
  /// `now` was sampled before: hooks that were changed just before it are read in full the next time, too.
  /// Errors: as copy_hook_tree(); the newest stays what it is.
  /// Blocks: for a look at each file, when all are as they were; else as copy_hook_tree().
  Result<Made> make(const std::string& scripts_dir, WallTime now);

  /// Whether the newest copy is as it was made: nothing in it was written, removed or added since. Others are not asked
  /// for: they serve no new run.
  /// Blocks: for a look at each file of the copy.
  bool is_intact(std::uint64_t generation) const;

  /// Removes generations. Requires: none is the one that make() returned last. Blocks: for the removing of their files.
  void remove(std::span<const std::uint64_t> generations) const noexcept;

private:
  /// The copy that make() returned last, and how everything stood then.
  struct Newest {
    std::uint64_t number = 0;
    core::HookSet hooks;
    std::vector<std::string> neighbours;
    std::optional<TreeSnapshot> source;  // only if a later change is sure to differ from it
    TreeSnapshot copy;
  };

  Generations(std::string folder, CopySettings settings) : folder_(std::move(folder)), settings_(std::move(settings)) {}
  std::string path_of(std::uint64_t generation) const { return folder_ + "/" + std::to_string(generation); }
  bool newest_is_intact() const;
  bool source_is_unchanged(const std::string& scripts_dir) const;

  const std::string folder_;
  const CopySettings settings_;
  std::uint64_t last_number_ = 0;
  std::optional<Newest> newest_;
};

}  // namespace sidefridge::hooks
