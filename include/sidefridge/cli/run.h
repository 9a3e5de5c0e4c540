// run.h - `sidefridge` and `sidefridge once`: what runs hooks.
#pragma once

#include <iosfwd>
#include <span>
#include <string>

#include "sidefridge/core/config.h"

namespace sidefridge::cli {

/// `sidefridge`: the daemon. Takes the process over; its log goes to the descriptor 1.
/// Returns: the exit code: 0 after TERM, 1 when install_dependencies failed, 2 for settings, 74, 75.
int serve(std::span<const std::string> arguments, std::span<const core::Setting> environment, std::ostream& out,
          std::ostream& err);

/// `sidefridge once`: install_dependencies and one run, now. Otherwise as serve().
/// Returns: 0 when the run succeeded, else 1, 2, 74, 75.
int once(std::span<const std::string> arguments, std::span<const core::Setting> environment, std::ostream& out,
         std::ostream& err);

}  // namespace sidefridge::cli
