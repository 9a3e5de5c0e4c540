// inherited_fds.h - descriptors that our parent left open.
#pragma once

#include "sidefridge/base/result.h"

namespace sidefridge::os {

/// Marks every descriptor above 2 close-on-exec, so that scripts do not inherit what a shell or a container engine left
/// open in us. Those that we open later are born so.  Errors: /proc is not there.
Result<void> keep_inherited_fds_from_scripts();

}  // namespace sidefridge::os
