// month_days.h - which days of a month a cron expression means.
#pragma once

#include <cstdint>

#include "sidefridge/cron/cron_expression.h"

namespace sidefridge::cron {

/// The days that match in a month of `length` days whose first is `first_weekday` (0-6, Sunday is 0), as bits 1-31.
/// Its own months are not looked at.
std::uint32_t matching_days(const CronExpression& expression, unsigned length, unsigned first_weekday) noexcept;

}  // namespace sidefridge::cron
