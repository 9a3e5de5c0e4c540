// standard_fds.h - descriptors 0 to 2, which our parent may have closed.
#pragma once

#include "sidefridge/base/result.h"

namespace sidefridge::os {

/// Puts /dev/null where stdin, stdout or stderr is closed: else the next file that is opened, a lock or the store,
/// would take its place, and be written to. As glibc does it for set-user-ID programs, each is opened the wrong way
/// round, so that a script that reads or writes it still gets EBADF: what goes nowhere must not look as if it had
/// arrived. Requires: called first of all, before anything is opened. Errors: /dev/null cannot be opened.
Result<void> open_standard_fds();

}  // namespace sidefridge::os
