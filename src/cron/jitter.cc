// jitter.cc - the digest of a name, whose result no library or version changes.
#include "sidefridge/cron/jitter.h"

#include <chrono>
#include <cstdint>

#include "sidefridge/text/digest.h"

namespace sidefridge::cron {

Duration jitter_of(std::string_view pod_name, Duration limit) noexcept {
  const auto limit_ms = std::chrono::duration_cast<std::chrono::milliseconds>(limit).count();
  if (limit_ms <= 0) return Duration::zero();
  const std::uint64_t hash = text::digest_of(pod_name);
  return std::chrono::milliseconds(static_cast<std::int64_t>(hash % static_cast<std::uint64_t>(limit_ms)));
}

}  // namespace sidefridge::cron
