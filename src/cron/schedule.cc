// schedule.cc - from text to ticks.
#include "sidefridge/cron/schedule.h"

#include <chrono>
#include <utility>

#include "sidefridge/cron/calendar.h"
#include "sidefridge/text/time_format.h"

namespace sidefridge::cron {

Result<Schedule> parse_schedule(std::string_view text, std::string_view zone_name, const ZoneSource& zones) {
  const ZonedText parts = split_zone(text);
  auto expression = parse_cron(parts.rest);
  if (!expression) return std::move(expression).error();
  auto zone = zones(parts.zone.value_or(zone_name));
  if (!zone) return std::move(zone).error();
  return Schedule{std::string(text), *expression, *std::move(zone)};
}

std::optional<WallTime> next(const Schedule& schedule, WallTime after) noexcept {
  return next(schedule.expression, schedule.zone, after);
}

std::string format_local(const Zone& zone, WallTime at) {
  return text::format_rfc3339(at, zone.period_at(std::chrono::floor<std::chrono::seconds>(at)).offset);
}

}  // namespace sidefridge::cron
