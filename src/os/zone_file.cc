// zone_file.cc - from a time zone's name to its file or its rule.
#include "sidefridge/os/zone_file.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <system_error>

#include "sidefridge/os/read_file.h"
#include "sidefridge/text/quote.h"

namespace sidefridge::os {
namespace {

constexpr std::array<std::string_view, 4> names_of_utc{"", "UTC", "Etc/UTC", "GMT"};
constexpr std::size_t largest_file_bytes = 1024 * 1024;  // the database's largest has 4 KiB

/// Whether a name leads to where it seems to lead.
bool is_plain(std::string_view name) {
  if (std::any_of(name.begin(), name.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; })) return false;
  if (name.starts_with('/')) name.remove_prefix(1);
  for (;;) {
    const std::size_t slash = name.find('/');
    const std::string_view component = name.substr(0, slash);
    if (component.empty() || component == "." || component == "..") return false;
    if (slash == std::string_view::npos) return true;
    name.remove_prefix(slash + 1);
  }
}

/// What a regular file holds; nothing when there is no such file.
Result<std::optional<std::string>> read_if_there(const std::string& path) {
  const std::string subject = "cannot read time zone file " + text::in_quotes(path);
  auto bytes = read_file(path, largest_file_bytes + 1, Readable::regular);
  if (!bytes) {
    switch (errno) {
      case ENOENT:
      case ENOTDIR:
      case ENAMETOOLONG:
      case EISDIR:
      case ENXIO:
      case EOPNOTSUPP: return bytes;
      default: return system_error(subject, errno);
    }
  }
  if (bytes->size() > largest_file_bytes) return Error{ErrorCode::invalid, subject + ": it is larger than 1 MiB"};
  return bytes;
}

/// Whether a text that is no zone deserves to hear what is wrong with it as a rule.
bool looks_like_rule(std::string_view name) {
  if (name.find_first_of(",<") != std::string_view::npos) return true;
  return name.find('/') == std::string_view::npos && name.find_first_of("0123456789") != std::string_view::npos;
}

bool is_folder(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

}  // namespace

Result<cron::Zone> load_zone(std::string_view name, const std::string& zoneinfo_dir) {
  if (name.starts_with(':')) name.remove_prefix(1);
  if (std::find(names_of_utc.begin(), names_of_utc.end(), name) != names_of_utc.end()) return cron::Zone();

  const bool absolute = name.starts_with('/');
  if (is_plain(name)) {
    const std::string path = absolute ? std::string(name) : zoneinfo_dir + "/" + std::string(name);
    const auto bytes = read_if_there(path);
    if (!bytes) return bytes.error();
    if (*bytes) return cron::Zone::from_tzif(std::string(name), **bytes);
  }

  auto rule = cron::Zone::from_posix(name);
  if (rule || looks_like_rule(name)) return rule;
  if (!absolute && !is_folder(zoneinfo_dir)) {
    return Error{ErrorCode::unavailable, "time zone " + text::in_quotes(name) + " cannot be looked up without " +
                                             text::in_quotes(zoneinfo_dir) +
                                             ": install the package tzdata (apk add tzdata or apt-get install tzdata)"};
  }
  return Error{ErrorCode::invalid, "unknown time zone " + text::in_quotes(name)};
}

std::optional<std::string> local_zone_beside_utc(WallTime now, const std::string& path) {
  const auto zone = load_zone(path);
  if (!zone) return std::nullopt;
  const auto is_utc_at = [&](WallTime at) {
    return zone->period_at(std::chrono::floor<std::chrono::seconds>(at)).offset == std::chrono::seconds(0);
  };
  if (is_utc_at(now) && is_utc_at(now + std::chrono::days(183))) return std::nullopt;
  std::error_code no_link;
  const std::string target = std::filesystem::read_symlink(path, no_link).string();
  constexpr std::string_view database = "zoneinfo/";
  const std::size_t at = target.rfind(database);
  return at == std::string::npos ? path : target.substr(at + database.size());
}

}  // namespace sidefridge::os
