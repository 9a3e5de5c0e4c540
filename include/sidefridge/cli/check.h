// check.h - `sidefridge check`: would it run, and what?
#pragma once

#include <iosfwd>
#include <span>
#include <string>

#include "sidefridge/base/time.h"
#include "sidefridge/core/config.h"

namespace sidefridge::cli {

/// `sidefridge check [--json]`: validates settings and hooks, prints what would run, in order.
/// Returns: the exit code: 0, 2 when anything would keep a run from succeeding, 74 when `out` cannot be written.
int check(std::span<const std::string> arguments, std::span<const core::Setting> environment, WallTime now,
          std::ostream& out, std::ostream& err);

}  // namespace sidefridge::cli
