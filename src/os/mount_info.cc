// mount_info.cc - reading /proc/self/mountinfo.
#include "sidefridge/os/mount_info.h"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <system_error>
#include <utility>

#include "sidefridge/os/read_file.h"

namespace sidefridge::os {
namespace {

constexpr std::size_t most_mount_info_bytes = 64 * 1024 * 1024;  // that of 100,000 mounts has some 20 MiB

/// Cuts the text before the first `separator` off the front of `rest`, and the separator.
std::string_view take_until(std::string_view& rest, char separator) {
  const std::size_t end = std::min(rest.find(separator), rest.size());
  const std::string_view taken = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return taken;
}

bool is_octal(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '7'; });
}

/// The kernel writes blanks, newlines and backslashes as \ooo.
std::string without_escapes(std::string_view field) {
  std::string text;
  while (!field.empty()) {
    if (field[0] == '\\' && field.size() >= 4 && is_octal(field.substr(1, 3))) {
      text += static_cast<char>((field[1] - '0') * 64 + (field[2] - '0') * 8 + (field[3] - '0'));
      field.remove_prefix(4);
    } else {
      text += field[0];
      field.remove_prefix(1);
    }
  }
  return text;
}

}  // namespace

std::vector<Mount> parse_mounts(std::string_view text) {
  constexpr int fields_before = 4;  // mount id, parent id, device, root
  std::vector<Mount> mounts;
  while (!text.empty()) {
    const std::string_view line = take_until(text, '\n');
    std::string_view rest = line;
    for (int i = 0; i < fields_before; ++i) take_until(rest, ' ');
    const std::string_view point = take_until(rest, ' ');
    if (point.starts_with('/')) mounts.push_back({without_escapes(point), line});
  }
  return mounts;
}

std::vector<std::string> file_mounts_below(const std::string& folder, const std::string& mount_info) {
  std::error_code failure;
  std::string resolved = std::filesystem::canonical(folder, failure).string();
  if (failure) return {};
  if (!resolved.ends_with('/')) resolved += '/';
  std::string shown = folder;
  if (!shown.ends_with('/')) shown += '/';

  const std::string text = read_file(mount_info, most_mount_info_bytes, Readable::regular).value_or("");
  std::vector<std::string> found;
  for (const auto& [point, line] : parse_mounts(text)) {
    if (!point.starts_with(resolved) || !std::filesystem::is_regular_file(point, failure)) continue;
    found.push_back(shown + point.substr(resolved.size()));
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

}  // namespace sidefridge::os
