// digest.cc - FNV-1a (Fowler, Noll, Vo).
#include "sidefridge/core/digest.h"

namespace sidefridge::core {
namespace {

constexpr std::uint64_t prime = 0x100000001b3;

}  // namespace

Digest& Digest::add(std::string_view bytes) noexcept {
  std::uint64_t state = state_;
  for (const char byte : bytes) state = (state ^ static_cast<unsigned char>(byte)) * prime;
  state_ = state;
  return *this;
}

Digest& Digest::add(std::uint64_t number) noexcept {
  for (int shift = 0; shift < 64; shift += 8) state_ = (state_ ^ ((number >> shift) & 0xff)) * prime;
  return *this;
}

}  // namespace sidefridge::core
