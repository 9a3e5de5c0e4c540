// script_text.cc - quotes, comments, and what a '|' can be but a pipe.
#include "sidefridge/hooks/script_text.h"

namespace sidefridge::hooks {
namespace {

bool is_blank(char c) noexcept {
  return c == ' ' || c == '\t';
}

/// Whether the '|' at `at` of a line connects two commands: it is neither `||`, `>|`, nor between the patterns of a
/// case, and has a blank or the line's end beside it.
bool is_pipe(std::string_view line, std::size_t at) noexcept {
  const char before = at == 0 ? ' ' : line[at - 1];
  const char after = at + 1 == line.size() ? ' ' : line[at + 1];
  if (before == '|' || after == '|' || before == '>' || before == '\\') return false;
  if (!is_blank(before) && !is_blank(after) && after != '&') return false;
  const bool in_pattern = line.find('(') == std::string_view::npos && line.find(')', at) != std::string_view::npos;
  return !in_pattern;
}

}  // namespace

std::optional<std::size_t> line_of_unguarded_pipe(std::string_view script) noexcept {
  if (script.find("pipefail") != std::string_view::npos) return std::nullopt;
  std::size_t number = 0;
  char quote = '\0';  // of a text that goes on over the end of its line
  while (!script.empty()) {
    const std::string_view line = script.substr(0, script.find('\n'));
    script.remove_prefix(line.size() == script.size() ? line.size() : line.size() + 1);
    ++number;
    const bool remote = line.find("kubectlexec") != std::string_view::npos;
    for (std::size_t at = 0; at < line.size(); ++at) {
      const char c = line[at];
      if (c == '\\' && quote != '\'') {
        ++at;
      } else if (quote == '\0' && c == '#' && (at == 0 || is_blank(line[at - 1]))) {
        break;
      } else if (quote != '\0' ? c == quote : c == '\'' || c == '"') {
        quote = quote == '\0' ? c : '\0';
      } else if (c == '|' && (quote == '\0' || remote) && is_pipe(line, at)) {
        return number;
      }
    }
  }
  return std::nullopt;
}

}  // namespace sidefridge::hooks
