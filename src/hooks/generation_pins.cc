// generation_pins.cc - a handful of numbers at most, so lists do.
#include "sidefridge/hooks/generation_pins.h"

#include <algorithm>

namespace sidefridge::hooks {

void GenerationPins::note_newest(std::uint64_t generation) {
  newest_ = generation;
  if (generation == 0 || std::find(present_.begin(), present_.end(), generation) != present_.end()) return;
  present_.push_back(generation);
}

void GenerationPins::pin(std::uint64_t generation) {
  if (generation != 0) pinned_.push_back(generation);
}

void GenerationPins::unpin(std::uint64_t generation) noexcept {
  const auto pin = std::find(pinned_.begin(), pinned_.end(), generation);
  if (pin != pinned_.end()) pinned_.erase(pin);
}

std::vector<std::uint64_t> GenerationPins::take_unused() {
  std::vector<std::uint64_t> unused;
  std::erase_if(present_, [&](std::uint64_t generation) {
    if (is_used(generation)) return false;
    unused.push_back(generation);
    return true;
  });
  return unused;
}

bool GenerationPins::is_used(std::uint64_t generation) const noexcept {
  return generation == newest_ || std::find(pinned_.begin(), pinned_.end(), generation) != pinned_.end();
}

}  // namespace sidefridge::hooks
