// interpreter.cc - looks, and starts nothing.
#include "sidefridge/hooks/interpreter.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <string_view>

#include "sidefridge/os/read_up_to.h"
#include "sidefridge/os/unique_fd.h"

namespace sidefridge::hooks {

Result<core::Interpreter> read_interpreter(const std::string& script_path) {
  const auto refused = [&script_path](int errno_value) {
    if (errno_value == ENOENT) return Error{ErrorCode::not_found, "script '" + script_path + "' does not exist"};
    return system_error("cannot read script '" + script_path + "'", errno_value);
  };
  // Not blocking, in case the script has just been replaced by a FIFO.
  const os::UniqueFd fd(::open(script_path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) return refused(errno);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return refused(errno);
  if (!S_ISREG(status.st_mode)) {
    return Error{ErrorCode::io, "script '" + script_path + "': it is not a regular file"};
  }
  std::array<char, core::interpreter_head_bytes> head;
  const ssize_t got = os::read_up_to(fd.get(), head);
  if (got < 0) return refused(errno);
  return core::interpreter_of(std::string_view(head.data(), static_cast<std::size_t>(got)), script_path);
}

Result<void> check_interpreter(const core::Interpreter& interpreter, const std::string& script_path) {
  const std::string& program = interpreter.program;
  if (program.empty()) return {};
  const auto refused = [&](ErrorCode code, std::string_view problem) {
    return Error{code, "interpreter '" + program + "' of '" + script_path + "' " + std::string(problem)};
  };
  struct stat status {};
  if (::stat(program.c_str(), &status) != 0) {
    const int errno_value = errno;
    if (errno_value == ENOENT || errno_value == ENOTDIR) return refused(ErrorCode::not_found, "does not exist");
    return refused(ErrorCode::io, system_error("cannot be used", errno_value).text);
  }
  if (!S_ISREG(status.st_mode)) return refused(ErrorCode::io, "is not a program");
  if (::access(program.c_str(), X_OK) != 0) {
    return refused(ErrorCode::io, "may not be executed (no x permission, or a noexec mount)");
  }
  return {};
}

}  // namespace sidefridge::hooks
