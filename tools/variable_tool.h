// variable_tool.h - what save_var and load_var share. Scripts call them by the thousand, so their start is kept short:
// no iostream, no option library.
#pragma once

#include <string>
#include <string_view>

#include "sidefridge/core/result.h"
#include "sidefridge/store/variables.h"

namespace sidefridge::tools {

/// How the command was called: "save_var", or "store_var" by its other name.
std::string_view command_name(const char* const* argv);

/// One line on stderr: "<command>: <text>". Returns: the exit code for it.
int fail(std::string_view command, const Error& error);

/// Prints the version. Returns: the exit code.
int print_version(std::string_view command);

/// Writes all of it to stdout. Errors: io, full.
Result<void> print(std::string_view text);

/// The run that this process belongs to. Errors: unavailable outside one.
Result<std::string> current_run();

/// The variables of the state folder that this process was told. Errors: as Variables::join().
Result<store::Variables> join_variables();

}  // namespace sidefridge::tools
