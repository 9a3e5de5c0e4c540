// interpreter.cc - looks, and starts nothing.
#include "sidefridge/hooks/interpreter.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <iterator>
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

Result<std::string> read_script(const std::string& script_path, std::size_t most_bytes) {
  auto text = os::read_file(script_path, most_bytes, os::Readable::regular);
  if (text) return *std::move(text);
  switch (errno) {
    case ENOENT: return Error{ErrorCode::not_found, "it does not exist"};
    case EISDIR:
    case ENXIO:
    case EOPNOTSUPP: return Error{ErrorCode::io, "it is not a regular file"};
    default: return system_error("it cannot be read", errno);
  }
}

Result<core::Interpreter> read_interpreter(const std::string& script_path) {
  const Result<std::string> head = read_script(script_path, core::interpreter_head_bytes);
  if (!head) return head.error();
  return core::interpreter_of(*head);
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

std::string late_shebang(const std::string& script_path) {
  return script_path + ": its '#!' comes after blank lines, where others do not see it; move it into line 1";
}

Shell shell_of(const core::Interpreter& interpreter) {
  std::string program = interpreter.program;
  std::string argument = interpreter.argument;
  if (file_name(program) == "env") {
    const std::vector<std::string> words = words_of(argument);
    const auto named = std::find_if(words.begin(), words.end(), [](const std::string& word) {
      return !word.starts_with('-') && word.find('=') == std::string::npos;
    });
    if (named == words.end()) return Shell::none;
    program = named->find('/') == std::string::npos ? "/bin/" + *named : *named;
    argument = std::next(named) == words.end() ? std::string() : *std::next(named);
  }
  const std::string_view name = file_name(program);
  if (name == "bash") return Shell::bash;
  if (name == "dash" || name == "ksh") return Shell::plain;
  if (name == "busybox") {
    const std::string applet = words_of(argument).front();
    return applet == "sh" || applet == "ash" ? Shell::busybox : Shell::none;
  }
  if (name != "sh" && name != "ash") return Shell::none;
  std::error_code ignored;
  const std::string real = std::filesystem::canonical(program, ignored).string();
  if (file_name(real) == "bash") return Shell::bash;
  return file_name(real) == "busybox" ? Shell::busybox : Shell::plain;
}

bool knows_pipefail(Shell shell) noexcept {
  return shell == Shell::busybox || shell == Shell::bash;
}

}  // namespace sidefridge::hooks
