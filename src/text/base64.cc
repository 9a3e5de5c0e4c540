// base64.cc - three bytes become four letters.
#include "sidefridge/text/base64.h"

#include <cstddef>
#include <cstdint>

namespace sidefridge::text {

std::string format_base64(std::string_view bytes) {
  constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (; !bytes.empty(); bytes.remove_prefix(bytes.size() < 3 ? bytes.size() : 3)) {
    std::uint32_t group = 0;
    for (std::size_t index = 0; index < 3; ++index) {
      group = (group << 8) | (index < bytes.size() ? static_cast<unsigned char>(bytes[index]) : 0u);
    }
    out += letters[group >> 18];
    out += letters[(group >> 12) & 0x3f];
    out += bytes.size() > 1 ? letters[(group >> 6) & 0x3f] : '=';
    out += bytes.size() > 2 ? letters[group & 0x3f] : '=';
  }
  return out;
}

}  // namespace sidefridge::text
