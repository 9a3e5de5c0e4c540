// script_environment.h - what a script is told, by variables and arguments.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sidefridge/core/action.h"

namespace sidefridge::core {

/// The variables a script gets beside the daemon's own environment, as "NAME=value": SIDEFRIDGE_RUN_ID, _HOOK, _SCRIPT,
/// _TRIGGER, _SCHEDULED_AT (RFC 3339, UTC), _ATTEMPT (from 1), _ATTEMPTS_LEFT, and for on_error
/// SIDEFRIDGE_ERROR_MESSAGE, _HOOK, _SCRIPT, _STDERR, _EXIT_CODE, and after a signal also _SIGNAL, its name. The exit
/// code is the one that a shell gives: 128 + n after signal n, 126 for what did not start, 127 when something is
/// missing; for what timed out it is that of timeout(1), 124.
std::vector<std::string> script_environment(const StartScript& start);

/// Whether a variable is one of those above, by which a script hears of its own run: "SIDEFRIDGE_HOOK". In our own
/// environment it tells of another run, out of which we were started.
bool is_script_variable(std::string_view name) noexcept;

/// Takes out what is for script_environment() to say, whether it says it of a certain script or not: of two entries
/// with one name, some programs take the first and shells the last.
std::vector<std::string> without_script_variables(std::vector<std::string> environment);

/// What on_error gets of our environment when all of it is more than the kernel takes: the shortest entries, as many
/// as fit into 32 KiB, in their order. The long ones are data; PATH, HOME and where to send an alert are among these.
std::vector<std::string> shortest_of(const std::vector<std::string>& environment);

/// The entry that marks a process as one of this run's.
std::string run_mark(const std::string& run_id);

/// What to execute: Script::argv(), with `-o pipefail` for the interpreter where each command of a pipeline counts, and
/// for on_error the message of the failure as the script's only argument.
/// Requires: start.script.interpreter.ok(), and that it knows pipefail if that is wanted.
std::vector<std::string> script_argv(const StartScript& start, Pipes pipes);

}  // namespace sidefridge::core
