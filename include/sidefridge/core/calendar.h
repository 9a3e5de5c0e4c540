// calendar.h - the instants that a cron expression means.
#pragma once

#include <optional>

#include "sidefridge/core/cron_expression.h"
#include "sidefridge/core/time.h"

namespace sidefridge::core {

/// The first instant later than `after`, always a whole second, at which the expression fires in UTC.
/// Returns: nothing when that would be beyond what WallTime holds (2262).
/// Costs: no allocation; it jumps from set bit to set bit, eight years at most.
std::optional<WallTime> next(const CronExpression& expression, WallTime after) noexcept;

}  // namespace sidefridge::core
