// variable_tool.cc - see variable_tool.h.
#include "variable_tool.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "sidefridge/core/version.h"
#include "sidefridge/store/state_folder.h"

namespace sidefridge::tools {
namespace {

Result<void> write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t wrote = ::write(fd, text.data(), text.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return core::system_error("cannot write the output", errno);
    text.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return {};
}

}  // namespace

std::string_view command_name(const char* const* argv) {
  const std::string_view path = *argv != nullptr ? *argv : "";
  return path.substr(path.find_last_of('/') + 1);
}

int fail(std::string_view command, const Error& error) {
  // When stderr is gone, too, the exit code still tells.
  static_cast<void>(write_all(STDERR_FILENO, std::string(command) + ": " + error.text + "\n").ok());
  return core::exit_code_of(error.code);
}

int print_version(std::string_view command) {
  auto printed = print(std::string(command) + " (sidefridge) " + std::string(core::version()) + "\n");
  return printed ? 0 : fail(command, printed.error());
}

Result<void> print(std::string_view text) {
  return write_all(STDOUT_FILENO, text);
}

Result<std::string> current_run() {
  const char* run_id = std::getenv("SIDEFRIDGE_RUN_ID");
  if (run_id != nullptr && *run_id != '\0') return std::string(run_id);
  return Error{ErrorCode::unavailable,
               "this is not inside a run: SIDEFRIDGE_RUN_ID is not set; only scripts of a hook have variables"};
}

Result<store::Variables> join_variables() {
  const char* state_dir = std::getenv("SIDEFRIDGE_STATE_DIR");
  const bool told = state_dir != nullptr && *state_dir != '\0';
  return store::Variables::join(store::StateFolder::at(told ? state_dir : "/run/sidefridge"));
}

}  // namespace sidefridge::tools
