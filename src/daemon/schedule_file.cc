// schedule_file.cc - a line of text, compared with the last one.
#include "sidefridge/daemon/schedule_file.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

#include "sidefridge/os/read_file.h"
#include "sidefridge/text/trim.h"

namespace sidefridge::daemon {
namespace {

constexpr std::size_t longest_text = 4096;
constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

// A line without its comment. The # of a weekday such as 1#2 has no blank before it.
std::string_view without_comment(std::string_view line) {
  for (std::size_t at = line.find('#'); at != std::string_view::npos; at = line.find('#', at + 1)) {
    if (at == 0 || line[at - 1] == ' ' || line[at - 1] == '\t') return line.substr(0, at);
  }
  return line;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text::trimmed(without_comment(text::trimmed(text.substr(0, end))));
    if (!line.empty()) lines.push_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

}  // namespace

ScheduleFile::ScheduleFile(std::string path, std::string zone_name, cron::ZoneSource zones,
                           std::optional<std::string> held)
    : path_(std::move(path)), zone_name_(std::move(zone_name)), zones_(std::move(zones)), last_(std::move(held)) {}

std::optional<Result<cron::Schedule>> ScheduleFile::read() {
  const Result<std::string> text = read_text();
  const std::string& now = text ? *text : text.error().text;
  if (last_ == now) return std::nullopt;
  last_ = now;
  if (!text) return text.error();
  auto schedule = cron::parse_schedule(*text, zone_name_, zones_);
  if (!schedule) return std::move(schedule).error().with_context("schedule file '" + path_ + "'");
  return schedule;
}

Result<std::string> ScheduleFile::read_text() const {
  const auto bytes = os::read_file(path_, longest_text + 1, os::Readable::anything);
  if (!bytes) return system_error("cannot read the schedule file '" + path_ + "'", errno);
  const auto refused = [this](const std::string& why) {
    return Error{ErrorCode::invalid, "the schedule file '" + path_ + "' " + why};
  };
  if (bytes->size() > longest_text) return refused("is larger than 4 KiB: it is to hold one schedule");
  const std::vector<std::string_view> lines = lines_of(*bytes);
  if (lines.empty()) return refused("is empty");
  if (lines.size() > 1) {
    return refused("has " + std::to_string(lines.size()) + " lines that are no comments: it is to hold one schedule");
  }
  return std::string(lines.front());
}

}  // namespace sidefridge::daemon
