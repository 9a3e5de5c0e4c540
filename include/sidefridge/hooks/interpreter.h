// interpreter.h - what executes a script, asked of the files themselves.
#pragma once

#include <cstddef>
#include <string>

#include "sidefridge/base/result.h"
#include "sidefridge/core/hook.h"
#include "sidefridge/core/interpreter.h"

namespace sidefridge::hooks {

/// Reads a script, or the first `most_bytes` of one that is longer.
/// Errors: not_found when the script is gone; io when it is unreadable or no regular file. The text does not name it.
/// Blocks: for the reading of the file.
Result<std::string> read_script(const std::string& script_path, std::size_t most_bytes);

/// Reads of a script what says how it is executed. Errors: as read_script() and core::interpreter_of().
/// Blocks: for the reading of one block.
Result<core::Interpreter> read_interpreter(const std::string& script_path);

/// Says what is wrong with the file that is to execute a script: it is missing, no program, or may not be executed. Of
/// a program that is its own: that it may not be executed. Errors: not_found, io; the text names the interpreter and
/// the script.
Result<void> check_interpreter(const core::Interpreter& interpreter, const std::string& script_path);

/// What is said of a script whose interpreter stands after blank lines.
std::string late_shebang(const std::string& script_path);

/// Which shell executes a script.
enum class Shell {
  none,     // a program, or the interpreter of another language
  plain,    // dash, ksh, or an sh of which no more is known
  busybox,  // knows pipefail
  bash,     // knows pipefail, and reaps those of its children that end before it
};

/// Asks by the name, links followed for `sh` and `ash`, also through env(1).
/// Blocks: for looking links up.
Shell shell_of(const core::Interpreter& interpreter);

/// Whether a shell has the option pipefail.
bool knows_pipefail(Shell shell) noexcept;

}  // namespace sidefridge::hooks
