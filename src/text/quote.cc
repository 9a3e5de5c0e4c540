// quote.cc - foreign text made fit for one line of ours.
#include "sidefridge/text/quote.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "sidefridge/text/hex.h"
#include "sidefridge/text/utf8.h"

namespace sidefridge::text {
namespace {

constexpr std::size_t shown_bytes = 64;

bool is_control(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}

// The code point of a character of two or three bytes; 0 for all others.
unsigned code_point_of(std::string_view character) noexcept {
  const auto bits = [&](std::size_t i, unsigned mask) { return static_cast<unsigned char>(character[i]) & mask; };
  if (character.size() == 2) return bits(0, 0x1f) << 6 | bits(1, 0x3f);
  if (character.size() == 3) return bits(0, 0x0f) << 12 | bits(1, 0x3f) << 6 | bits(2, 0x3f);
  return 0;
}

// Controls, spaces that are none of ASCII, and marks that have no width or turn the text around.
bool is_invisible(unsigned code_point) noexcept {
  struct Range {
    unsigned first;
    unsigned last;
  };
  constexpr std::array<Range, 10> ranges{{{0x80, 0xa0},
                                          {0xad, 0xad},
                                          {0x1680, 0x1680},
                                          {0x180e, 0x180e},
                                          {0x2000, 0x200f},
                                          {0x2028, 0x202f},
                                          {0x205f, 0x206f},
                                          {0x3000, 0x3000},
                                          {0xfe00, 0xfe0f},
                                          {0xfeff, 0xfeff}}};
  return std::any_of(ranges.begin(), ranges.end(),
                     [&](const Range& range) { return code_point >= range.first && code_point <= range.last; });
}

}  // namespace

std::string in_quotes(std::string_view text) {
  std::string out = "'";
  for (std::string_view rest = text.substr(0, shown_bytes); !rest.empty();) {
    // Bytes above ASCII pass, so that names in any language stay readable.
    const std::string_view character = rest.substr(0, std::max(std::size_t{1}, multibyte_length(rest)));
    rest.remove_prefix(character.size());
    if (const unsigned code_point = code_point_of(character); is_invisible(code_point)) {
      out += "\\u";
      append_hex(out, static_cast<unsigned char>(code_point >> 8));
      append_hex(out, static_cast<unsigned char>(code_point & 0xff));
    } else if (is_control(character.front())) {
      out += "\\x";
      append_hex(out, static_cast<unsigned char>(character.front()));
    } else {
      out += character;
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
