// generation_pins.h - which copies of the hooks are in use.
#pragma once

#include <cstdint>
#include <vector>

namespace sidefridge::hooks {

/// Keeps count of who uses which generation: the newest that was heard of is kept, and those that are pinned.
/// Thread: one; in the daemon the loop's, which decides what may go. Blocks: never.
class GenerationPins {
public:
  /// Generations::make() told this one: it is the newest from now on. 0, which is no copy, and the one that was the
  /// newest already are fine.
  void note_newest(std::uint64_t generation);
  std::uint64_t newest() const noexcept { return newest_; }

  /// Keeps a generation until unpin() was called as often. 0 needs no keeping.
  void pin(std::uint64_t generation);
  void unpin(std::uint64_t generation) noexcept;

  /// Returns: all that are neither the newest nor pinned, each once: for Generations::remove().
  std::vector<std::uint64_t> take_unused();

private:
  bool is_used(std::uint64_t generation) const noexcept;

  std::uint64_t newest_ = 0;
  std::vector<std::uint64_t> present_;  // heard of and not taken
  std::vector<std::uint64_t> pinned_;   // a number as often as it is pinned
};

}  // namespace sidefridge::hooks
