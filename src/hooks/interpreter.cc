// interpreter.cc - looks, and starts nothing.
#include "sidefridge/hooks/interpreter.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <vector>

#include "sidefridge/os/read_file.h"

namespace sidefridge::hooks {
namespace {

std::string_view file_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

// One at least, which may be empty.
std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words(1);
  for (const char c : text) {
    if (c != ' ' && c != '\t') {
      words.back() += c;
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  return words;
}

}  // namespace

Result<core::Interpreter> read_interpreter(const std::string& script_path) {
  const auto head = os::read_file(script_path, core::interpreter_head_bytes, os::Readable::regular);
  if (head) return core::interpreter_of(*head);
  switch (errno) {
    case ENOENT: return Error{ErrorCode::not_found, "it does not exist"};
    case EISDIR:
    case ENXIO:
    case EOPNOTSUPP: return Error{ErrorCode::io, "it is not a regular file"};
    default: return system_error("it cannot be read", errno);
  }
}

Result<void> check_interpreter(const core::Interpreter& interpreter, const std::string& script_path) {
  const std::string& program = interpreter.program;
  if (program.empty()) {
    if (::access(script_path.c_str(), X_OK) == 0 || errno != EACCES) return {};
    return Error{ErrorCode::io,
                 "'" + script_path + "' is a program, but may not be executed: give it the x permission"};
  }
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

bool knows_pipefail(const core::Interpreter& interpreter) {
  std::string program = interpreter.program;
  if (file_name(program) == "env") {
    const std::vector<std::string> words = words_of(interpreter.argument);
    const auto shell =
        std::find_if(words.begin(), words.end(), [](const std::string& word) { return !word.starts_with('-'); });
    if (shell == words.end()) return false;
    program = shell->find('/') == std::string::npos ? "/bin/" + *shell : *shell;
  }
  const std::string_view name = file_name(program);
  if (name == "bash") return true;
  if (name == "busybox") return words_of(interpreter.argument).front() == "sh";
  if (name != "sh" && name != "ash") return false;
  std::error_code ignored;
  const std::string real = std::filesystem::canonical(program, ignored).string();
  return file_name(real) == "bash" || file_name(real) == "busybox";
}

}  // namespace sidefridge::hooks
