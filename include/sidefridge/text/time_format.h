// time_format.h - instants, durations and sizes as people and machines write them.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "sidefridge/base/result.h"
#include "sidefridge/base/time.h"

namespace sidefridge::text {

/// How many digits of an instant are written; the rest is cut off, not rounded, so that no instant moves forward.
enum class Precision { seconds, milliseconds };

/// Appends "2026-11-23T07:55:17.125Z" (RFC 3339, always UTC). It appends instead of returning because every relayed
/// line of output passes here; all others call format_rfc3339().
void append_rfc3339(std::string& out, WallTime at, Precision precision);

/// "2026-11-23T07:55:17Z" (RFC 3339, always UTC).
std::string format_rfc3339(WallTime at, Precision precision = Precision::seconds);

/// "2026-11-23T08:55:17+01:00": what clocks `offset` ahead of UTC show. Seconds of an offset, as before 1972, are left
/// out of it and of the time shown, so that the instant stays what it is.
std::string format_rfc3339(WallTime at, std::chrono::seconds offset);

/// Reads a date and time with `Z` or an offset: "2026-11-23T07:55:17Z", "2026-11-23 08:55:17.125+01:00".
/// Digits beyond nanoseconds are cut off. Errors: invalid, with the form that is wanted; a leap second (:60) and an
/// instant that WallTime cannot hold (before 1678, after 2261) are among them.
Result<WallTime> parse_rfc3339(std::string_view text);

/// For people: "340 ms", "2.5 s", "3 min 20 s", "2 h 5 min", "3 d 4 h". What is smaller than shown is cut off.
std::string format_duration(Duration duration);

/// The longest that parse_duration() takes: with it added, today's instants still fit WallTime and MonoTime.
inline constexpr Duration longest_duration = std::chrono::days(36500);

/// Reads "250ms", "25s", "90m", "24h", "7d" or several of them, largest unit first: "1h30m". A plain number is seconds.
/// Errors: invalid, with the accepted forms, for all else: nothing at all, signs, fractions, unknown units, and
/// anything over longest_duration.
Result<Duration> parse_duration(std::string_view text);

/// Reads "64MiB", "64Mi", "512KiB", "1GiB", "1TiB", or "65536" (bytes).  Units: bytes.
/// Errors: invalid, with the accepted forms, for all else, among it what does not fit 64 bits.
Result<std::uint64_t> parse_size(std::string_view text);

}  // namespace sidefridge::text
