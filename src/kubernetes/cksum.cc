// cksum.cc - a CRC-32 with the most significant bit first, a byte at a time.
#include "sidefridge/kubernetes/cksum.h"

#include <array>
#include <cstddef>

namespace sidefridge::kubernetes {
namespace {

constexpr std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < table.size(); ++byte) {
    std::uint32_t remainder = byte << 24;
    for (int bit = 0; bit < 8; ++bit) {
      remainder = (remainder & 0x80000000U) != 0 ? (remainder << 1) ^ 0x04c11db7U : remainder << 1;
    }
    table[byte] = remainder;
  }
  return table;
}

constexpr std::array<std::uint32_t, 256> table = make_table();

constexpr std::uint32_t step(std::uint32_t crc, std::uint32_t byte) noexcept {
  return (crc << 8) ^ table[(crc >> 24) ^ byte];
}

}  // namespace

Cksum& Cksum::add(std::string_view bytes) noexcept {
  std::uint32_t crc = crc_;
  for (const char byte : bytes) crc = step(crc, static_cast<unsigned char>(byte));
  crc_ = crc;
  bytes_ += bytes.size();
  return *this;
}

Checksum Cksum::value() const noexcept {
  std::uint32_t crc = crc_;
  for (std::uint64_t rest = bytes_; rest != 0; rest >>= 8) crc = step(crc, static_cast<std::uint32_t>(rest & 0xff));
  return Checksum{~crc, bytes_};
}

}  // namespace sidefridge::kubernetes
