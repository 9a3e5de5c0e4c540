// next.h - `sidefridge next`: when a schedule fires.
#pragma once

#include <iosfwd>
#include <span>
#include <string>

#include "sidefridge/base/time.h"
#include "sidefridge/core/config.h"

namespace sidefridge::cli {

/// `sidefridge next EXPR | --schedule [--count N] [--from TIME] [--json]`: the next instants, one a line.
/// `arguments` are what follows the verb; `now` is where it counts from unless told otherwise.
/// Returns: the exit code: 0, 2 for a bad expression or command line, 74 when `out` cannot be written.
int next(std::span<const std::string> arguments, std::span<const core::Setting> environment, WallTime now,
         std::ostream& out, std::ostream& err);

}  // namespace sidefridge::cli
