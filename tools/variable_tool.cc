// variable_tool.cc - see variable_tool.h.
#include "variable_tool.h"

#include <cstdlib>

namespace sidefridge::tools {

std::string_view command_name(const char* const* argv) {
  const std::string_view path = *argv != nullptr ? *argv : "";
  return path.substr(path.find_last_of('/') + 1);
}

Result<std::string> current_run() {
  const char* run_id = std::getenv("SIDEFRIDGE_RUN_ID");
  if (run_id != nullptr && *run_id != '\0') return std::string(run_id);
  return Error{ErrorCode::unavailable,
               "this is not inside a run: SIDEFRIDGE_RUN_ID is not set; only scripts of a hook have variables"};
}

store::StateFolder told_state_folder() {
  const char* state_dir = std::getenv("SIDEFRIDGE_STATE_DIR");
  const bool told = state_dir != nullptr && *state_dir != '\0';
  return store::StateFolder::at(told ? state_dir : "/run/sidefridge");
}

Result<store::Variables> join_variables() {
  return store::Variables::join(told_state_folder());
}

}  // namespace sidefridge::tools
