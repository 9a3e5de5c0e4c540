// quote.cc - foreign text made fit for one line of ours.
#include "sidefridge/text/quote.h"

#include <algorithm>
#include <cstddef>

#include "sidefridge/text/hex.h"

namespace sidefridge::text {
namespace {

constexpr std::size_t shown_bytes = 64;

bool is_control(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}

}  // namespace

std::string in_quotes(std::string_view text) {
  std::string out = "'";
  for (const char c : text.substr(0, shown_bytes)) {
    // Bytes above ASCII pass, so that names in any language stay readable.
    if (is_control(c)) {
      out += "\\x";
      append_hex(out, static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  if (text.size() > shown_bytes) out += "...";
  out += '\'';
  return out;
}

std::string one_line(std::string_view text) {
  std::string line(text);
  std::replace_if(line.begin(), line.end(), is_control, '?');
  return line;
}

}  // namespace sidefridge::text
