// zone_file.h - time zones by the names that TZ may hold.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sidefridge/base/result.h"
#include "sidefridge/base/time.h"
#include "sidefridge/cron/zone.h"

namespace sidefridge::os {

/// The time zone that is meant by what TZ may hold, a ':' before it or not:
///   nothing, UTC, Etc/UTC, GMT    cron::Zone(), for which no file is needed
///   Europe/Berlin                 a file of the tz database in `zoneinfo_dir`
///   /etc/localtime                a file like those, anywhere
///   CET-1CEST,M3.5.0,M10.5.0/3    a rule, where there is no file of that name
/// Errors: invalid: the name is unknown (also when it has an empty component, '.', '..' or a control byte), the file is
///         no zone, or the rule is wrong; unavailable: there is no `zoneinfo_dir`, with the package to install;
///         io: the file cannot be read.
/// Blocks: for the reading of one small file.
Result<cron::Zone> load_zone(std::string_view name, const std::string& zoneinfo_dir = "/usr/share/zoneinfo");

/// The zone of a machine's clocks, as `path` names it. Returns: nothing when there is none, or it is as UTC is, now and
/// half a year later; of a file that is no link to the tz database, `path` itself.
std::optional<std::string> local_zone_beside_utc(WallTime now, const std::string& path = "/etc/localtime");

}  // namespace sidefridge::os
