// jitter.h - spreads the ticks of many pods that share a schedule.
#pragma once

#include <string_view>

#include "sidefridge/base/time.h"

namespace sidefridge::cron {

/// The delay of the pod with this name: the same each time, less than `limit`, in whole milliseconds.
Duration jitter_of(std::string_view pod_name, Duration limit) noexcept;

}  // namespace sidefridge::cron
