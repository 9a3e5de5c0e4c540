// variable_tool.h - what the commands share that are part of a run.
#pragma once

#include <string>
#include <string_view>

#include "sidefridge/base/result.h"
#include "sidefridge/store/state_folder.h"
#include "sidefridge/store/variables.h"

namespace sidefridge::tools {

/// How the command was called: "save_var", or "store_var" by its other name.
std::string_view command_name(const char* const* argv);

/// The run that this process belongs to. Errors: unavailable outside one.
Result<std::string> current_run();

/// The state folder that this process was told.
store::StateFolder told_state_folder();

/// The variables of the state folder that this process was told. Errors: as Variables::join().
Result<store::Variables> join_variables();

}  // namespace sidefridge::tools
