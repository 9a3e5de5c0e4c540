// zone.h - what clocks on the wall show in a time zone, and since when.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sidefridge/base/result.h"
#include "sidefridge/cron/zone_period.h"
#include "sidefridge/cron/zone_rule.h"

namespace sidefridge::cron {

/// The rules of one time zone. A value; any thread may use a const one.
class Zone {
public:
  /// UTC.
  Zone() noexcept = default;

  /// Reads TZif (RFC 9636), versions 1 to 4; from version 2 on its 64-bit data and its footer, which holds from the
  /// last transition on. Without a footer the last offset holds for ever. Errors: invalid, for bytes that are not TZif,
  /// are damaged, or count leap seconds, as those in zoneinfo/right do.
  static Result<Zone> from_tzif(std::string name, std::string_view bytes);

  /// Reads a rule as POSIX's TZ has it ("CET-1CEST,M3.5.0,M10.5.0/3"), as zone_rule.h says.
  /// Errors: invalid.
  static Result<Zone> from_posix(std::string_view text);

  /// As it was asked for: "Europe/Berlin".
  const std::string& name() const noexcept { return name_; }

  /// The period that holds at an instant. Two periods that follow each other differ in their offset.
  /// Costs: no allocation; a binary search, or the rule's arithmetic where no WallTime gets.
  ZonePeriod period_at(std::chrono::sys_seconds at) const noexcept;

  /// Zones of one name are the same.
  friend bool operator==(const Zone& a, const Zone& b) { return a.name() == b.name(); }

private:
  /// From an instant on an offset holds.
  struct Step {
    std::chrono::sys_seconds begins_at;
    std::chrono::seconds offset;
  };

  /// `rule_from` is one of the rule's own changes, or the beginning of time.
  Zone(std::string name, std::vector<Step> steps, std::optional<ZoneRule> rule, std::chrono::sys_seconds rule_from);

  std::string name_ = "UTC";
  std::vector<Step> steps_;                    // in order, each with another offset than the one before
  std::optional<ZoneRule> rule_ = ZoneRule{};  // holds before and after the steps; absent: the last one holds for ever
  std::chrono::sys_seconds rule_from_ = std::chrono::sys_seconds::min();  // where the last step ends
};

}  // namespace sidefridge::cron
