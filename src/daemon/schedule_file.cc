// schedule_file.cc - a line of text, compared with the last one.
#include "sidefridge/daemon/schedule_file.h"

#include <cerrno>
#include <cstddef>
#include <string_view>
#include <utility>

#include "sidefridge/os/read_file.h"

namespace sidefridge::daemon {
namespace {

constexpr std::string_view blanks = " \t\r\n";
constexpr std::size_t longest_text = 4096;

std::string trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(blanks) + 1 - first));
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
  const auto bytes = os::read_file(path_, longest_text, os::Readable::anything);
  if (!bytes) return system_error("cannot read the schedule file '" + path_ + "'", errno);
  std::string text = trimmed(*bytes);
  if (text.empty()) return Error{ErrorCode::invalid, "the schedule file '" + path_ + "' is empty"};
  return text;
}

}  // namespace sidefridge::daemon
