// cksum.h - the checksum that cksum(1) prints, of a stream that comes in pieces.
#pragma once

#include <cstdint>
#include <string_view>

namespace sidefridge::kubernetes {

/// What cksum(1) says of a stream.
struct Checksum {
  std::uint32_t crc = 0;
  std::uint64_t bytes = 0;

  friend bool operator==(const Checksum&, const Checksum&) = default;
};

/// The CRC of POSIX cksum (ISO/IEC 8802-3, with the length behind the bytes). It finds damage, not forgeries.
class Cksum {
public:
  Cksum& add(std::string_view bytes) noexcept;

  /// The checksum of all bytes added so far, however they were cut.
  Checksum value() const noexcept;

private:
  std::uint32_t crc_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace sidefridge::kubernetes
