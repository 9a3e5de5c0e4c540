// boot_id.h - which boot of the kernel this is.
#pragma once

#include <string>

#include "sidefridge/base/result.h"

namespace sidefridge::os {

/// The kernel's boot id, 36 characters: the same until the machine restarts. Errors: /proc is not there.
Result<std::string> read_boot_id();

}  // namespace sidefridge::os
