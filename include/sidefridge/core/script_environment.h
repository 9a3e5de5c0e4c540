// script_environment.h - what a script is told, by variables and arguments.
#pragma once

#include <string>
#include <vector>

#include "sidefridge/core/action.h"

namespace sidefridge::core {

/// The variables a script gets beside the daemon's own environment, as "NAME=value": SIDEFRIDGE_RUN_ID, _HOOK, _SCRIPT,
/// _TRIGGER, _SCHEDULED_AT (RFC 3339, UTC), _ATTEMPT (from 1), _ATTEMPTS_LEFT, and for on_error
/// SIDEFRIDGE_ERROR_MESSAGE, _HOOK, _SCRIPT, _STDERR, and either _EXIT_CODE or _SIGNAL. What did not start has the exit
/// code a shell gives it (126, or 127 when something is missing), what timed out that of timeout(1) (124).
std::vector<std::string> script_environment(const StartScript& start);

/// The entry that marks a process as one of this run's.
std::string run_mark(const std::string& run_id);

/// What to execute: Script::argv(), and for on_error the message of the failure as the script's only argument.
/// Requires: start.script.interpreter.ok().
std::vector<std::string> script_argv(const StartScript& start);

}  // namespace sidefridge::core
