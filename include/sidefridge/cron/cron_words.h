// cron_words.h - what an expression means, in plain words.
#pragma once

#include <string>

#include "sidefridge/cron/cron_expression.h"
#include "sidefridge/cron/zone.h"

namespace sidefridge::cron {

/// "at 02:30 on weekdays, Europe/Berlin", "every 15 minutes between 09:00 and 17:59, UTC". One line. Two expressions
/// that match different local times are told in different words; what has no short ones is listed.
std::string describe(const CronExpression& expression, const Zone& zone);

}  // namespace sidefridge::cron
