// status.h - `sidefridge status`: how things stand.
#pragma once

#include <iosfwd>
#include <span>
#include <string>

#include "sidefridge/base/time.h"
#include "sidefridge/core/config.h"

namespace sidefridge::cli {

/// `sidefridge status [--json]`: the daemon, the run that goes on, the last run and the last success. Reads the state
/// folder itself, whether or not a daemon runs.
/// Returns: the exit code: 0, 2, 69 when nothing ever ran there, 74.
int status(std::span<const std::string> arguments, std::span<const core::Setting> environment, WallTime now,
           std::ostream& out, std::ostream& err);

}  // namespace sidefridge::cli
