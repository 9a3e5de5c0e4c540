// serial.h - which answer belongs to which action.
#pragma once

#include <cstdint>

namespace sidefridge::core {

/// Numbers actions in the order they are given out, from 1. An answer carries the serial of its action, so that one
/// that comes late, twice, or after it was given up is known as such. 0: none.
using Serial = std::uint64_t;

}  // namespace sidefridge::core
