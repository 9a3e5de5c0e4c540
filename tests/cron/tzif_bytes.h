// tzif_bytes.h - a time zone's table as the bytes of a TZif file (RFC 9636, version 2).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sidefridge::cron {

struct TzifChange {
  std::int64_t at;      // seconds since 1970
  std::int32_t offset;  // what holds from then on
};

/// `first_offset` holds before the first change; `footer`, POSIX's TZ, after the last when it is not empty.
inline std::string tzif_bytes(std::int32_t first_offset, const std::vector<TzifChange>& changes,
                              std::string_view footer = {}) {
  std::string out;
  const auto add_number = [&out](std::int64_t value, int size) {
    for (int shift = 8 * (size - 1); shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xff);
  };
  const auto add_type = [&](std::int32_t offset) {
    add_number(offset, 4);
    out += '\0';  // not daylight saving
    out += '\0';  // its abbreviation begins here
  };
  const auto add_header = [&](std::size_t count) {
    out += "TZif2";
    out.append(15, '\0');
    for (const std::size_t size : {std::size_t{0}, std::size_t{0}, std::size_t{0}, count, count + 1, std::size_t{4}}) {
      add_number(static_cast<std::int64_t>(size), 4);
    }
  };
  add_header(0);
  add_type(first_offset);
  out.append("LMT", 4);
  add_header(changes.size());
  for (const TzifChange& change : changes) add_number(change.at, 8);
  for (std::size_t i = 0; i < changes.size(); ++i) out += static_cast<char>(i + 1);
  add_type(first_offset);
  for (const TzifChange& change : changes) add_type(change.offset);
  out.append("LMT", 4);
  out += '\n';
  out += footer;
  out += '\n';
  return out;
}

}  // namespace sidefridge::cron
