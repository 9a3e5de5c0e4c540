// digest.h - telling contents apart without keeping them.
#pragma once

#include <cstdint>
#include <string_view>

namespace sidefridge::text {

/// The 64-bit FNV-1a hash of all bytes added so far, however they were cut: of names and numbers, for it is slow.
class Digest {
public:
  Digest& add(std::string_view bytes) noexcept;

  /// The number's eight bytes.
  Digest& add(std::uint64_t number) noexcept;

  std::uint64_t value() const noexcept { return state_; }

private:
  std::uint64_t state_ = 0xcbf29ce484222325;
};

/// The digest of many bytes, a whole file's or a block's: XXH64 with seed 0, which takes eight bytes where Digest takes
/// one. It finds changes, not forgeries.
std::uint64_t digest_of(std::string_view bytes) noexcept;

}  // namespace sidefridge::text
