// interpreter.cc - what fs/binfmt_script.c does, done by us.
#include "sidefridge/core/interpreter.h"

#include <utility>

namespace sidefridge::core {
namespace {

constexpr std::string_view blanks = " \t";
constexpr std::string_view white_space = " \t\r\n";
constexpr std::string_view elf_mark("\x7f\x45\x4c\x46");
constexpr std::string_view utf8_mark("\xef\xbb\xbf");
constexpr std::string_view utf16_marks[] = {"\xff\xfe", "\xfe\xff"};

Error refused(std::string text) {
  return Error{ErrorCode::invalid, std::move(text)};
}

/// Whether every other byte of the first ones is NUL, as it is of English words in UTF-16.
bool looks_like_utf16(std::string_view head) {
  if (head.starts_with(utf16_marks[0]) || head.starts_with(utf16_marks[1])) return true;
  constexpr std::size_t looked_at = 8;
  if (head.size() < looked_at) return false;
  for (const std::size_t first : {std::size_t{0}, std::size_t{1}}) {
    bool alternates = true;
    for (std::size_t i = 0; i < looked_at; ++i) alternates = alternates && (head[i] == '\0') == (i % 2 == first);
    if (alternates) return true;
  }
  return false;
}

bool ends_every_line_with_crlf(std::string_view head) {
  std::size_t lines = 0;
  for (std::size_t end = head.find('\n'); end != std::string_view::npos; end = head.find('\n', end + 1), ++lines) {
    if (end == 0 || head[end - 1] != '\r') return false;
  }
  return lines > 0;
}

/// Without the blank lines it begins with.
std::string_view without_blank_lines(std::string_view head) {
  const std::size_t first = head.find_first_not_of(white_space);
  if (first == std::string_view::npos) return head;
  const std::size_t line_end = head.substr(0, first).rfind('\n');
  return line_end == std::string_view::npos ? head : head.substr(line_end + 1);
}

}  // namespace

Result<Interpreter> interpreter_of(std::string_view head) {
  head = head.substr(0, interpreter_head_bytes);
  const bool is_whole = head.size() < interpreter_head_bytes;
  if (is_whole && head.find_first_not_of(white_space) == std::string_view::npos) {
    return refused("it is empty: write into it what it is to do, or remove it");
  }
  if (head.starts_with(elf_mark)) return Interpreter{""};
  if (looks_like_utf16(head)) return refused("it is UTF-16 text: save it as UTF-8");
  if (head.starts_with(utf8_mark)) {
    return refused("it begins with a byte order mark (BOM), which hides its first line: save it as UTF-8 without BOM");
  }
  const std::string_view rest = without_blank_lines(head);
  if (!rest.starts_with("#!")) {
    if (ends_every_line_with_crlf(head)) return refused("its lines end with CRLF: save it with Unix line endings");
    return Interpreter{};
  }
  const std::size_t line_end = rest.find('\n');
  if (line_end == std::string_view::npos && !is_whole) {
    return refused("its first line is longer than 255 bytes");
  }
  std::string_view line = rest.substr(0, line_end);
  line = line.substr(0, line.find('\0'));  // the kernel's strings end there
  if (line.ends_with('\r')) return refused("its first line ends with CRLF: save it with Unix line endings");

  line.remove_prefix(2);
  const std::size_t first = line.find_first_not_of(blanks);
  // Without an interpreter the kernel gives ENOEXEC, and shells then read the file themselves.
  if (first == std::string_view::npos) return Interpreter{};
  line = line.substr(first, line.find_last_not_of(blanks) + 1 - first);

  const std::size_t program_end = line.find_first_of(blanks);
  Interpreter interpreter{.program = std::string(line.substr(0, program_end)),
                          .after_blank_lines = rest.size() != head.size()};
  if (program_end != std::string_view::npos) {
    interpreter.argument = line.substr(line.find_first_not_of(blanks, program_end));
  }
  return interpreter;
}

}  // namespace sidefridge::core
