// line_splitter.cc - where a line that is too long is cut.
#include "sidefridge/text/line_splitter.h"

namespace sidefridge::text {

std::size_t LineSplitter::cut_position(std::string_view full_part) noexcept {
  // A character of up to four bytes is cut when its first byte is one of the last three.
  for (std::size_t tail = 1; tail <= 3; ++tail) {
    const auto byte = static_cast<unsigned char>(full_part[full_part.size() - tail]);
    if (byte < 0x80) break;
    if (byte < 0xc0) continue;
    const std::size_t length = byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
    return length > tail ? full_part.size() - tail : full_part.size();
  }
  return full_part.size();
}

std::string_view LineSplitter::newest_state(std::string_view line) noexcept {
  while (line.ends_with('\r')) line.remove_suffix(1);
  return line.substr(line.rfind('\r') + 1);
}

}  // namespace sidefridge::text
