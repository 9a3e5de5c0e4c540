// variable_tool.h - what save_var and load_var share.
#pragma once

#include <string>
#include <string_view>

#include "sidefridge/base/result.h"
#include "sidefridge/store/variables.h"

namespace sidefridge::tools {

/// How the command was called: "save_var", or "store_var" by its other name.
std::string_view command_name(const char* const* argv);

/// The run that this process belongs to. Errors: unavailable outside one.
Result<std::string> current_run();

/// The variables of the state folder that this process was told. Errors: as Variables::join().
Result<store::Variables> join_variables();

}  // namespace sidefridge::tools
