// interpreter.h - what executes a script, asked of the files themselves.
#pragma once

#include <string>

#include "sidefridge/base/result.h"
#include "sidefridge/core/hook.h"
#include "sidefridge/core/interpreter.h"

namespace sidefridge::hooks {

/// Reads the beginning of a script.
/// Errors: not_found when the script is gone; io when it is unreadable or no regular file; as core::interpreter_of().
/// As there, the text does not name the script.
/// Blocks: for the reading of one block.
Result<core::Interpreter> read_interpreter(const std::string& script_path);

/// Says what is wrong with the file that is to execute a script: it is missing, no program, or may not be executed. Of
/// a program that is its own: that it may not be executed. Errors: not_found, io; the text names the interpreter and
/// the script.
Result<void> check_interpreter(const core::Interpreter& interpreter, const std::string& script_path);

/// Whether it is a shell with the option pipefail: bash, or busybox's sh (under whatever name, as /bin/sh), also
/// through env(1).
bool knows_pipefail(const core::Interpreter& interpreter);

}  // namespace sidefridge::hooks
