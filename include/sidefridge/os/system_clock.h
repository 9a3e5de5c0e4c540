// system_clock.h - the only place of the program that reads a clock.
#pragma once

#include "sidefridge/base/time.h"

namespace sidefridge::os {

/// CLOCK_REALTIME and CLOCK_MONOTONIC, read one after the other.
Now sample_now() noexcept;

}  // namespace sidefridge::os
