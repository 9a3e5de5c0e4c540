// script_findings.h - what a run would stumble over in a script, found before the night does.
#pragma once

#include <string>
#include <vector>

#include "sidefridge/core/hook.h"
#include "sidefridge/core/interpreter.h"

namespace sidefridge::hooks {

/// All texts are for a person, and name the script, with the line where there is one.
struct ScriptFindings {
  std::string program;                // that it is started with; empty: it cannot be
  std::string problem;                // why it cannot be started; empty: it can
  std::vector<std::string> warnings;  // what is no reason for it not to run, but for a second look
};

/// Where a script is to run: only here its interpreter can be looked at.
enum class RunsWhere { here, elsewhere };

/// `pipes`: as the scripts will run. Blocks: for the reading of the script, 1 MiB at most.
ScriptFindings examine(const core::Script& script, core::Pipes pipes, RunsWhere where);

}  // namespace sidefridge::hooks
