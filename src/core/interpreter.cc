// interpreter.cc - what fs/binfmt_script.c does, done by us.
#include "sidefridge/core/interpreter.h"

namespace sidefridge::core {
namespace {

constexpr std::string_view blanks = " \t";
constexpr std::string_view elf_mark("\x7f\x45\x4c\x46");

}  // namespace

Result<Interpreter> interpreter_of(std::string_view head) {
  head = head.substr(0, interpreter_head_bytes);
  if (head.starts_with(elf_mark)) return Interpreter{""};
  if (!head.starts_with("#!")) return Interpreter{};
  const std::size_t line_end = head.find('\n');
  if (line_end == std::string_view::npos && head.size() == interpreter_head_bytes) {
    return Error{ErrorCode::invalid, "its first line is longer than 255 bytes"};
  }
  std::string_view line = head.substr(0, line_end);
  line = line.substr(0, line.find('\0'));  // the kernel's strings end there
  if (line.ends_with('\r')) {
    return Error{ErrorCode::invalid, "its first line ends with CRLF: save it with Unix line endings"};
  }

  line.remove_prefix(2);
  const std::size_t first = line.find_first_not_of(blanks);
  // Without an interpreter the kernel gives ENOEXEC, and shells then read the file themselves.
  if (first == std::string_view::npos) return Interpreter{};
  line = line.substr(first, line.find_last_not_of(blanks) + 1 - first);

  const std::size_t program_end = line.find_first_of(blanks);
  Interpreter interpreter{std::string(line.substr(0, program_end))};
  if (program_end != std::string_view::npos) {
    interpreter.argument = line.substr(line.find_first_not_of(blanks, program_end));
  }
  return interpreter;
}

}  // namespace sidefridge::core
