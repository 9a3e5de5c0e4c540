// schedule.h - a cron expression in its time zone.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "sidefridge/base/result.h"
#include "sidefridge/base/time.h"
#include "sidefridge/cron/cron_expression.h"
#include "sidefridge/cron/zone.h"

namespace sidefridge::cron {

/// When to run, as written and as understood.
struct Schedule {
  std::string text;
  CronExpression expression;
  Zone zone;

  friend bool operator==(const Schedule&, const Schedule&) = default;
};

/// Where zones come from by name: the system's tz database, as a rule. Errors: with a text that names the zone.
using ZoneSource = std::function<Result<Zone>(std::string_view name)>;

/// Reads an expression in the zone written ahead of it (TZ= or CRON_TZ=), or else in `zone_name`; empty is UTC.
/// Errors: invalid, as parse_cron(); those of `zones`.
Result<Schedule> parse_schedule(std::string_view text, std::string_view zone_name, const ZoneSource& zones);

/// The first tick later than `after`: see calendar.h.
std::optional<WallTime> next(const Schedule& schedule, WallTime after) noexcept;

/// The same with all that differs between two places named: "2026-11-23T02:30:00+01:00".
std::string format_local(const Zone& zone, WallTime at);

}  // namespace sidefridge::cron
