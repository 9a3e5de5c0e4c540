// exec_plan.cc - what fs/binfmt_script.c does, done by us.
#include "sidefridge/os/exec_plan.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>

#include "sidefridge/os/read_up_to.h"
#include "sidefridge/os/unique_fd.h"

namespace sidefridge::os {
namespace {

constexpr std::string_view blanks = " \t";
constexpr std::size_t longest_first_line = 255;  // BINPRM_BUF_SIZE - 1

struct Shebang {
  std::string interpreter;
  std::string argument;  // empty: none
};

Error script_error(ErrorCode code, const std::string& script_path, std::string_view problem) {
  return Error{code, "script '" + script_path + "': " + std::string(problem)};
}

Result<std::string> read_head(const std::string& script_path, const std::string& run_path) {
  const auto refused = [&script_path](int errno_value) {
    if (errno_value == ENOENT) return Error{ErrorCode::not_found, "script '" + script_path + "' does not exist"};
    return core::system_error("cannot read script '" + script_path + "'", errno_value);
  };
  // Not blocking, in case the script has just been replaced by a FIFO.
  const UniqueFd fd(::open(run_path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return refused(errno);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return refused(errno);
  if (!S_ISREG(status.st_mode)) return script_error(ErrorCode::io, script_path, "it is not a regular file");

  std::array<char, longest_first_line + 1> head;
  const ssize_t got = read_up_to(fd.get(), head);
  if (got < 0) return refused(errno);
  return std::string(head.data(), static_cast<std::size_t>(got));
}

/// The shebang of a file that begins with `head`, or nothing when it has none that counts.
Result<std::optional<Shebang>> parse_shebang(const std::string& script_path, std::string_view head) {
  if (!head.starts_with("#!")) return std::optional<Shebang>{};
  const std::size_t line_end = head.find('\n');
  if (line_end == std::string_view::npos && head.size() > longest_first_line) {
    return script_error(ErrorCode::invalid, script_path, "its first line is longer than 255 bytes");
  }
  std::string_view line = head.substr(0, line_end);
  line = line.substr(0, line.find('\0'));  // the kernel's strings end there
  if (line.ends_with('\r')) {
    return script_error(ErrorCode::invalid, script_path,
                        "its first line ends with a carriage return (Windows line ending)");
  }

  line.remove_prefix(2);
  const std::size_t first = line.find_first_not_of(blanks);
  // Without an interpreter the kernel gives ENOEXEC, and shells then read the file themselves.
  if (first == std::string_view::npos) return std::optional<Shebang>{};
  line = line.substr(first, line.find_last_not_of(blanks) + 1 - first);

  const std::size_t interpreter_end = line.find_first_of(blanks);
  Shebang shebang{std::string(line.substr(0, interpreter_end)), {}};
  if (interpreter_end != std::string_view::npos) {
    shebang.argument = line.substr(line.find_first_not_of(blanks, interpreter_end));
  }
  return std::optional<Shebang>(std::move(shebang));
}

Result<void> check_interpreter(const std::string& interpreter, const std::string& script_path) {
  const auto refused = [&](ErrorCode code, std::string_view problem) {
    return Error{code, "interpreter '" + interpreter + "' of '" + script_path + "' " + std::string(problem)};
  };
  struct stat status {};
  if (::stat(interpreter.c_str(), &status) != 0) {
    const int errno_value = errno;
    if (errno_value == ENOENT || errno_value == ENOTDIR) return refused(ErrorCode::not_found, "does not exist");
    return refused(ErrorCode::io, core::system_error("cannot be used", errno_value).text);
  }
  if (!S_ISREG(status.st_mode)) return refused(ErrorCode::io, "is not a program");
  if (::access(interpreter.c_str(), X_OK) != 0) {
    return refused(ErrorCode::io, "may not be executed (no x permission, or a noexec mount)");
  }
  return {};
}

}  // namespace

Result<ExecPlan> plan_exec(const std::string& script_path, std::span<const std::string> arguments) {
  return plan_exec(script_path, script_path, arguments);
}

Result<ExecPlan> plan_exec(const std::string& script_path, const std::string& run_path,
                           std::span<const std::string> arguments) {
  const Result<std::string> head = read_head(script_path, run_path);
  if (!head) return head.error();

  ExecPlan plan;
  if (head->starts_with("\x7f"
                        "ELF")) {
    plan.program = run_path;
  } else {
    Result<std::optional<Shebang>> shebang = parse_shebang(script_path, *head);
    if (!shebang) return std::move(shebang).error();
    const Shebang how = std::move(shebang).value().value_or(Shebang{"/bin/sh", {}});
    if (const Result<void> usable = check_interpreter(how.interpreter, script_path); !usable) return usable.error();
    plan.program = how.interpreter;
    plan.argv.push_back(how.interpreter);
    if (!how.argument.empty()) plan.argv.push_back(how.argument);
  }
  plan.argv.push_back(run_path);
  plan.argv.insert(plan.argv.end(), arguments.begin(), arguments.end());
  return plan;
}

}  // namespace sidefridge::os
