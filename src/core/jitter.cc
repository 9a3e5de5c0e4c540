// jitter.cc - FNV-1a (www.isthe.com/chongo/tech/comp/fnv), whose result no library or version changes.
#include "sidefridge/core/jitter.h"

#include <chrono>
#include <cstdint>

namespace sidefridge::core {

Duration jitter_of(std::string_view pod_name, Duration limit) noexcept {
  const auto limit_ms = std::chrono::duration_cast<std::chrono::milliseconds>(limit).count();
  if (limit_ms <= 0) return Duration::zero();
  std::uint64_t hash = 0xcbf2'9ce4'8422'2325;
  for (const char byte : pod_name) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100'0000'01b3;
  // Names that differ in their last letter only differ in the lower bits only: fold the upper ones in.
  hash ^= hash >> 32;
  return std::chrono::milliseconds(static_cast<std::int64_t>(hash % static_cast<std::uint64_t>(limit_ms)));
}

}  // namespace sidefridge::core
