// command.cc - see command.h.
#include "command.h"

#include <unistd.h>

#include <string>

#include "sidefridge/base/version.h"
#include "sidefridge/os/write_all.h"

namespace sidefridge::tools {

int fail(std::string_view command, const Error& error) {
  // When stderr is gone, too, the exit code still tells.
  static_cast<void>(os::write_all(STDERR_FILENO, std::string(command) + ": " + error.text + "\n"));
  return exit_code_of(error.code);
}

int print_version(std::string_view command) {
  auto printed = print(std::string(command) + " (sidefridge) " + std::string(version()) + "\n");
  return printed ? 0 : fail(command, printed.error());
}

Result<void> print(std::string_view text) {
  if (const int refusal = os::write_all(STDOUT_FILENO, text); refusal != 0) {
    return system_error("cannot write the output", refusal);
  }
  return {};
}

}  // namespace sidefridge::tools
