// script_findings.cc - reads a script as a run does, and its text as a person does.
#include "sidefridge/hooks/script_findings.h"

#include <cstddef>
#include <optional>

#include "sidefridge/hooks/interpreter.h"
#include "sidefridge/hooks/script_text.h"

namespace sidefridge::hooks {

ScriptFindings examine(const core::Script& script, core::Pipes pipes, RunsWhere where) {
  constexpr std::size_t most_read = 1 << 20;
  ScriptFindings found;
  const auto refused = [&](const Error& error) {
    found.problem = "Script '" + script.path + "' cannot be started: " + error.text;
    return found;
  };
  if (!script.interpreter) return refused(script.interpreter.error());
  const Result<std::string> text = read_script(script.path, most_read);
  if (!text) return refused(text.error());
  const Result<core::Interpreter> interpreter = core::interpreter_of(*text);
  if (!interpreter) return refused(interpreter.error());
  if (where == RunsWhere::here) {
    if (const Result<void> usable = check_interpreter(*interpreter, script.path); !usable)
      return refused(usable.error());
  }
  found.program = interpreter->program.empty() ? script.path : interpreter->program;

  if (interpreter->after_blank_lines) found.warnings.push_back(late_shebang(script.path));
  const Shell shell = shell_of(*interpreter);
  const bool guarded = pipes == core::Pipes::each_command_counts && knows_pipefail(shell);
  if (shell == Shell::none || guarded) return found;
  if (const std::optional<std::size_t> line = line_of_unguarded_pipe(*text)) {
    found.warnings.push_back(
        script.path + ":" + std::to_string(*line) +
        ": a pipe without pipefail: that a command before its last one failed is not seen; let bash run it "
        "('#!/bin/bash'), with 'set -o pipefail' or SIDEFRIDGE_PIPEFAIL=true");
  }
  return found;
}

}  // namespace sidefridge::hooks
