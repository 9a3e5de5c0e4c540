// interpreter.h - what executes a script's file.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "sidefridge/base/result.h"

namespace sidefridge::core {

/// What executes a file, as fs/binfmt_script.c has it.
struct Interpreter {
  std::string program = "/bin/sh";  // path; empty: the file is a program itself
  std::string argument{};           // a single one; empty: none
  bool after_blank_lines = false;   // where others than sidefridge do not see the shebang

  friend bool operator==(const Interpreter&, const Interpreter&) = default;
};

/// What decides whether a pipeline of a shell has failed: its last command, or each (`pipefail`).
enum class Pipes { last_command_counts, each_command_counts };

/// As much of a file's beginning as decides (BINPRM_BUF_SIZE).
inline constexpr std::size_t interpreter_head_bytes = 256;

/// What executes a file that begins with `head`: what its shebang names, also one after blank lines; nothing but itself
/// when it is a program (ELF); /bin/sh for anything else. Errors: invalid, with the mend, but not which script it is:
/// nobody can mean no bytes but white space, a byte order mark, UTF-16, a shebang that is longer than 255 bytes or ends
/// with a carriage return, or CRLF as the end of each line without one.
/// Requires: `head` is the whole file, or its first interpreter_head_bytes at least.
Result<Interpreter> interpreter_of(std::string_view head);

}  // namespace sidefridge::core
