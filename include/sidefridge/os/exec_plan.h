// exec_plan.h - how to start a script, whatever its permissions and first line.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "sidefridge/core/result.h"

namespace sidefridge::os {

/// What to hand to the kernel.
struct ExecPlan {
  std::string program;            // the file to execute
  std::vector<std::string> argv;  // from argv[0] on

  friend bool operator==(const ExecPlan&, const ExecPlan&) = default;
};

/// Reads the first line of `script_path`: a script with a shebang is started through its interpreter, with the argv
/// that the kernel would build (fs/binfmt_script.c); an ELF binary is started itself; anything else is a script for
/// /bin/sh. So neither a missing x permission nor a noexec mount keeps a script from running.
/// Errors: the script is gone or unreadable, its shebang is longer than 255 bytes or ends with a carriage return, the
/// interpreter is missing or may not be executed; the text names the script and the interpreter.
/// Blocks: for the reading of one block.
Result<ExecPlan> plan_exec(const std::string& script_path, std::span<const std::string> arguments);

/// The same for a copy of the script: `run_path` is read and started, `script_path` is what the errors name.
Result<ExecPlan> plan_exec(const std::string& script_path, const std::string& run_path,
                           std::span<const std::string> arguments);

}  // namespace sidefridge::os
