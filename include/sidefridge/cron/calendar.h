// calendar.h - the instants that a cron expression means in a time zone.
#pragma once

#include <optional>

#include "sidefridge/base/time.h"
#include "sidefridge/cron/cron_expression.h"
#include "sidefridge/cron/zone.h"

namespace sidefridge::cron {

/// The first instant later than `after`, always a whole second, at which the expression fires.
///
/// An expression that follows real time fires whenever local clocks show a match: never in the gap that clocks jump
/// over, twice where they repeat themselves. Any other fires once for each local time that matches, when clocks show
/// it, or more, for the first time: a time in a gap at the first instant after the gap (several of them together,
/// once), one that is repeated at its first occurrence. A gap of a whole day swallows that day's runs but the one after
/// it.
///
/// Returns: nothing when that would be beyond what WallTime holds (2262), or when there is none at all, as for
/// `*/60 2 * 3 sunL` where that hour is always a gap.
/// Costs: no allocation; it jumps from set bit to set bit, and over the periods of a zone that have no match.
std::optional<WallTime> next(const CronExpression& expression, const Zone& zone, WallTime after) noexcept;

}  // namespace sidefridge::cron
