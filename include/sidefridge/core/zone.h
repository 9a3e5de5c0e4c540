// zone.h - what clocks on the wall show in a time zone, and since when.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "sidefridge/core/result.h"

namespace sidefridge::core {

/// A stretch of time in which one offset from UTC holds.
struct ZonePeriod {
  std::chrono::sys_seconds begins_at;  // sys_seconds::min() when there is no earlier offset
  std::chrono::sys_seconds ends_at;    // the first instant that is no longer part; sys_seconds::max() when there is none
  std::chrono::seconds offset;         // what local clocks show less UTC, less than 26 hours either way

  friend bool operator==(const ZonePeriod&, const ZonePeriod&) = default;
};

/// The rules of one time zone. A value; any thread may use a const one.
class Zone {
public:
  /// UTC.
  Zone() noexcept = default;

  /// Reads TZif (RFC 9636), versions 1 to 4; of version 2 on the 64-bit data and the footer, which tells of the years
  /// past the table. Errors: invalid, for bytes that are not TZif or damaged.
  static Result<Zone> from_tzif(std::string name, std::string_view bytes);

  /// Reads a rule as POSIX's TZ has it ("CET-1CEST,M3.5.0,M10.5.0/3"), with the hours -167 to 167 of RFC 9636.
  /// Errors: invalid.
  static Result<Zone> from_posix(std::string_view text);

  /// As it was asked for: "Europe/Berlin".
  const std::string& name() const noexcept { return name_; }

  /// The period that holds at an instant. Two periods that follow each other differ in their offset.
  /// Costs: no allocation; a binary search, past the table a few divisions.
  ZonePeriod period_at(std::chrono::sys_seconds at) const noexcept;

  /// Zones of one name are the same.
  friend bool operator==(const Zone& a, const Zone& b) { return a.name() == b.name(); }

private:
  // The table, the rule of the footer: to be filled in.
  std::string name_ = "UTC";
};

}  // namespace sidefridge::core
