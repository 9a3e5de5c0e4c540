// history.h - `sidefridge history`: the recorded runs.
#pragma once

#include <iosfwd>
#include <span>
#include <string>

#include "sidefridge/base/time.h"
#include "sidefridge/core/config.h"

namespace sidefridge::cli {

/// `sidefridge history [RUN_ID] [--limit N] [--json]`: a table of the newest runs, newest last, or one run with its
/// steps. Reads the state folder itself, whether or not a daemon runs.
/// Returns: the exit code: 0, 2, 69 when nothing ever ran there or there is no such run, 74.
int history(std::span<const std::string> arguments, std::span<const core::Setting> environment, WallTime now,
            std::ostream& out, std::ostream& err);

}  // namespace sidefridge::cli
