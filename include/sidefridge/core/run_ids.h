// run_ids.h - names for runs.
#pragma once

#include <cstdint>
#include <string>

#include "sidefridge/base/time.h"

namespace sidefridge::core {

/// Makes ids such as "20261123-030000-004-7f3a": fit for file names, and sorted by time as far as the wall clock is.
/// The last part differs from each id to the next, whatever the wall clock does, and between processes by their seed.
class RunIds {
public:
  explicit RunIds(std::uint64_t seed) noexcept : next_(static_cast<std::uint16_t>(seed)) {}

  /// For a run that starts at `at`.
  std::string make(WallTime at);

private:
  std::uint16_t next_;
};

}  // namespace sidefridge::core
