// quote.cc - foreign text made fit for one line of ours.
#include "sidefridge/text/quote.h"

#include <cstddef>

namespace sidefridge::text {
namespace {

constexpr std::size_t shown_bytes = 64;

}  // namespace

std::string in_quotes(std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  std::string out = "'";
  for (const char c : text.substr(0, shown_bytes)) {
    const auto byte = static_cast<unsigned char>(c);
    // Bytes above ASCII pass, so that names in any language stay readable.
    if (byte < 0x20 || byte == 0x7f) {
      out += "\\x";
      out += hex[byte >> 4];
      out += hex[byte & 0xf];
    } else {
      out += c;
    }
  }
  if (text.size() > shown_bytes) out += "...";
  out += '\'';
  return out;
}

}  // namespace sidefridge::text
