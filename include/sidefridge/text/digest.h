// digest.h - telling contents apart without keeping them.
#pragma once

#include <cstdint>
#include <string_view>

namespace sidefridge::text {

/// XXH64 of the bytes. It finds changes, not forgeries.
std::uint64_t digest_of(std::string_view bytes, std::uint64_t seed = 0) noexcept;

/// The digest of several parts in their order: each part's XXH64 is the seed of the next one's. So where one part ends
/// and the next one begins counts, too.
class Digest {
public:
  Digest& add(std::string_view part) noexcept;

  /// The number's eight bytes, the lowest first.
  Digest& add(std::uint64_t number) noexcept;

  std::uint64_t value() const noexcept { return value_; }

private:
  std::uint64_t value_ = 0;
};

}  // namespace sidefridge::text
