// command.h - what the commands that hooks call have in common. Scripts call them by the thousand, so their start is
// kept short: no iostream.
#pragma once

#include <string_view>

#include "sidefridge/base/result.h"

namespace sidefridge::tools {

/// One line on stderr: "<command>: <text>". Returns: the exit code for it.
int fail(std::string_view command, const Error& error);

/// Prints "<command> (sidefridge) <version>". Returns: the exit code.
int print_version(std::string_view command);

/// Writes all of it to stdout. Errors: io, full.
Result<void> print(std::string_view text);

}  // namespace sidefridge::tools
