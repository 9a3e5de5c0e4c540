// digest.cc - XXH64 (Collet, xxhash_spec.md).
#include "sidefridge/text/digest.h"

#include <array>
#include <bit>
#include <cstddef>
#include <cstring>

namespace sidefridge::text {
namespace {

constexpr std::uint64_t prime_1 = 0x9e3779b185ebca87;
constexpr std::uint64_t prime_2 = 0xc2b2ae3d27d4eb4f;
constexpr std::uint64_t prime_3 = 0x165667b19e3779f9;
constexpr std::uint64_t prime_4 = 0x85ebca77c2b2ae63;
constexpr std::uint64_t prime_5 = 0x27d4eb2f165667c5;

/// Cuts a number off the front, its lowest byte first. Requires: that many bytes.
template <class Number>
std::uint64_t take(std::string_view& bytes) noexcept {
  Number number = 0;
  std::memcpy(&number, bytes.data(), sizeof number);
  bytes.remove_prefix(sizeof number);
  if constexpr (std::endian::native == std::endian::big) {
    Number swapped = 0;
    for (std::size_t i = 0; i < sizeof number; ++i) swapped = swapped << 8 | (number >> 8 * i & 0xff);
    return swapped;
  }
  return number;
}

std::uint64_t round_of(std::uint64_t lane, std::uint64_t input) noexcept {
  return std::rotl(lane + input * prime_2, 31) * prime_1;
}

}  // namespace

std::uint64_t digest_of(std::string_view bytes, std::uint64_t seed) noexcept {
  constexpr std::size_t stripe_bytes = 32;
  const std::uint64_t length = bytes.size();
  std::uint64_t hash = seed + prime_5;
  if (bytes.size() >= stripe_bytes) {
    // Four that do not wait for each other.
    std::array<std::uint64_t, 4> lanes{seed + prime_1 + prime_2, seed + prime_2, seed, seed - prime_1};
    while (bytes.size() >= stripe_bytes) {
      for (std::uint64_t& lane : lanes) lane = round_of(lane, take<std::uint64_t>(bytes));
    }
    hash = std::rotl(lanes[0], 1) + std::rotl(lanes[1], 7) + std::rotl(lanes[2], 12) + std::rotl(lanes[3], 18);
    for (const std::uint64_t lane : lanes) hash = (hash ^ round_of(0, lane)) * prime_1 + prime_4;
  }
  hash += length;
  while (bytes.size() >= 8) hash = std::rotl(hash ^ round_of(0, take<std::uint64_t>(bytes)), 27) * prime_1 + prime_4;
  if (bytes.size() >= 4) hash = std::rotl(hash ^ take<std::uint32_t>(bytes) * prime_1, 23) * prime_2 + prime_3;
  while (!bytes.empty()) hash = std::rotl(hash ^ take<std::uint8_t>(bytes) * prime_5, 11) * prime_1;
  hash = (hash ^ hash >> 33) * prime_2;
  hash = (hash ^ hash >> 29) * prime_3;
  return hash ^ hash >> 32;
}

Digest& Digest::add(std::string_view part) noexcept {
  value_ = digest_of(part, value_);
  return *this;
}

Digest& Digest::add(std::uint64_t number) noexcept {
  std::array<char, sizeof number> bytes;
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(number >> 8 * i & 0xff);
  return add({bytes.data(), bytes.size()});
}

}  // namespace sidefridge::text
