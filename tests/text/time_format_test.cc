// time_format_test.cc - instants, durations and sizes, written and read.
#include "sidefridge/text/time_format.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace sidefridge::text {
namespace {

using namespace std::chrono_literals;

WallTime at_seconds(std::int64_t seconds) {
  return WallTime(std::chrono::seconds(seconds));
}

TEST(Rfc3339, writes_seconds_in_utc) {
  EXPECT_EQ(format_rfc3339(at_seconds(0)), "1970-01-01T00:00:00Z");
  EXPECT_EQ(format_rfc3339(at_seconds(1795420517)), "2026-11-23T07:55:17Z");
  EXPECT_EQ(format_rfc3339(at_seconds(951782400)), "2000-02-29T00:00:00Z");
  EXPECT_EQ(format_rfc3339(at_seconds(-1)), "1969-12-31T23:59:59Z");
}

TEST(Rfc3339, writes_milliseconds_and_cuts_off_what_is_smaller) {
  EXPECT_EQ(format_rfc3339(at_seconds(1795420517) + 125ms, Precision::milliseconds), "2026-11-23T07:55:17.125Z");
  EXPECT_EQ(format_rfc3339(at_seconds(0) + 999'999'999ns, Precision::milliseconds), "1970-01-01T00:00:00.999Z");
  EXPECT_EQ(format_rfc3339(at_seconds(0) + 999'999'999ns), "1970-01-01T00:00:00Z");
  EXPECT_EQ(format_rfc3339(at_seconds(0) - 1ns, Precision::milliseconds), "1969-12-31T23:59:59.999Z");
}

TEST(Rfc3339, appends_to_what_is_there) {
  std::string line = "at ";
  append_rfc3339(line, at_seconds(0), Precision::seconds);
  line += ' ';
  append_rfc3339(line, at_seconds(1), Precision::milliseconds);
  EXPECT_EQ(line, "at 1970-01-01T00:00:00Z 1970-01-01T00:00:01.000Z");
}

TEST(Rfc3339, writes_every_instant_there_is) {
  EXPECT_EQ(format_rfc3339(WallTime::min()), "1677-09-21T00:12:43Z");
  EXPECT_EQ(format_rfc3339(WallTime::max()), "2262-04-11T23:47:16Z");
}

TEST(Rfc3339, reads_offsets_and_fractions) {
  const struct {
    std::string_view text;
    WallTime expected;
  } rows[] = {
      {"2026-11-23T07:55:17Z", at_seconds(1795420517)},
      {"2026-11-23t07:55:17z", at_seconds(1795420517)},
      {"2026-11-23 07:55:17Z", at_seconds(1795420517)},
      {"2026-11-23T08:55:17+01:00", at_seconds(1795420517)},
      {"2026-11-23T02:25:17-05:30", at_seconds(1795420517)},
      {"2026-11-23T07:55:17-00:00", at_seconds(1795420517)},
      {"2026-11-23T07:55:17.125Z", at_seconds(1795420517) + 125ms},
      {"2026-11-23T07:55:17.5+00:00", at_seconds(1795420517) + 500ms},
      {"1970-01-01T00:00:00.0000000019Z", at_seconds(0) + 1ns},
      {"2000-02-29T00:00:00Z", at_seconds(951782400)},
      {"1969-12-31T23:59:59.75Z", at_seconds(0) - 250ms},
  };
  for (const auto& row : rows) {
    const auto read = parse_rfc3339(row.text);
    ASSERT_TRUE(read.ok()) << row.text << ": " << read.error().text;
    EXPECT_EQ(*read, row.expected) << row.text;
  }
}

TEST(Rfc3339, refuses_what_is_no_instant) {
  for (const std::string_view text : {"",
                                      "now",
                                      "2026-11-23",
                                      "2026-11-23T07:55:17",
                                      "2026-11-23T07:55Z",
                                      "2026-13-01T00:00:00Z",
                                      "2026-00-01T00:00:00Z",
                                      "2026-02-29T00:00:00Z",
                                      "2026-04-31T00:00:00Z",
                                      "2026-01-00T00:00:00Z",
                                      "2026-11-23T24:00:00Z",
                                      "2026-11-23T07:60:00Z",
                                      "2026-11-23T23:59:60Z",
                                      "2026-11-23T07:55:17.Z",
                                      "2026-11-23T07:55:17+1:00",
                                      "2026-11-23T07:55:17+0100",
                                      "2026-11-23T07:55:17+24:00",
                                      "2026-11-23T07:55:17Zulu",
                                      " 2026-11-23T07:55:17Z",
                                      "2026-11-23T07:55:17Z ",
                                      "26-11-23T07:55:17Z",
                                      "+026-11-23T07:55:17Z",
                                      "1677-12-31T00:00:00Z",
                                      "2262-01-01T00:00:00Z",
                                      "20261123T075517Z"}) {
    const auto read = parse_rfc3339(text);
    ASSERT_FALSE(read.ok()) << text;
    EXPECT_EQ(read.error().code, ErrorCode::invalid);
    EXPECT_NE(read.error().text.find("such as 2026-11-23T07:55:17Z"), std::string::npos) << read.error().text;
  }
}

TEST(Rfc3339, reads_back_what_it_wrote) {
  std::mt19937_64 random(20261123);
  std::uniform_int_distribution<std::int64_t> seconds(-9'000'000'000, 9'000'000'000);
  for (int i = 0; i < 10'000; ++i) {
    const WallTime at = at_seconds(seconds(random)) + std::chrono::milliseconds(random() % 1000);
    const std::string text = format_rfc3339(at, Precision::milliseconds);
    const auto read = parse_rfc3339(text);
    ASSERT_TRUE(read.ok()) << text;
    ASSERT_EQ(*read, at) << text;
  }
}

TEST(DurationText, is_short_and_never_ahead_of_the_time) {
  const struct {
    Duration duration;
    std::string_view expected;
  } rows[] = {
      {0ms, "0 ms"},
      {999us, "0 ms"},
      {340ms, "340 ms"},
      {999'999us, "999 ms"},
      {1s, "1 s"},
      {2500ms, "2.5 s"},
      {25s, "25 s"},
      {59'999ms, "59.9 s"},
      {60s, "1 min"},
      {200s, "3 min 20 s"},
      {3599s, "59 min 59 s"},
      {1h, "1 h"},
      {125min, "2 h 5 min"},
      {24h, "1 d"},
      {76h + 59min, "3 d 4 h"},
      {-1500ms, "-1.5 s"},
      {Duration::max(), "106751 d 23 h"},
      {Duration::min(), "-106751 d 23 h"},
  };
  for (const auto& row : rows) EXPECT_EQ(format_duration(row.duration), row.expected);
}

TEST(DurationText, is_read_with_units_largest_first) {
  const struct {
    std::string_view text;
    Duration expected;
  } rows[] = {
      {"0", 0s},
      {"25", 25s},
      {"250ms", 250ms},
      {"25s", 25s},
      {"90m", 90min},
      {"24h", 24h},
      {"7d", 168h},
      {"1h30m", 90min},
      {"1d2h3m4s5ms", 26h + 3min + 4s + 5ms},
      {"1s500ms", 1500ms},
      {"0s", 0s},
      {"007s", 7s},
      {"36500d", longest_duration},
  };
  for (const auto& row : rows) {
    const auto read = parse_duration(row.text);
    ASSERT_TRUE(read.ok()) << row.text << ": " << read.error().text;
    EXPECT_EQ(*read, row.expected) << row.text;
  }
}

TEST(DurationText, is_refused_with_the_accepted_forms) {
  for (const std::string_view text : {"",
                                      " ",
                                      "s",
                                      "-5s",
                                      "+5s",
                                      "-5",
                                      "5 s",
                                      " 5s",
                                      "5s ",
                                      "1.5h",
                                      "5x",
                                      "5S",
                                      "5min",
                                      "5sec",
                                      "10us",
                                      "30m1h",
                                      "1h1h",
                                      "1h30",
                                      "5s5",
                                      "36501d",
                                      "36500d1ms",
                                      "3153600001",
                                      "18446744073709551616",
                                      "99999999999999999999d",
                                      "0x10",
                                      "1e3",
                                      "infinity"}) {
    const auto read = parse_duration(text);
    ASSERT_FALSE(read.ok()) << text;
    EXPECT_EQ(read.error().code, ErrorCode::invalid);
    EXPECT_NE(read.error().text.find("250ms, 25s, 90m, 24h, 7d, 1h30m"), std::string::npos) << read.error().text;
    EXPECT_NE(read.error().text.find("'" + std::string(text) + "'"), std::string::npos) << read.error().text;
  }
}

TEST(DurationText, longest_one_can_be_added_to_this_century_without_overflow) {
  const WallTime end_of_century = WallTime(std::chrono::sys_days(std::chrono::year(2100) / 1 / 1));
  EXPECT_LT(longest_duration, WallTime::max() - end_of_century);
}

TEST(SizeText, is_read_in_bytes) {
  const struct {
    std::string_view text;
    std::uint64_t expected;
  } rows[] = {
      {"0", 0},
      {"65536", 65536},
      {"512KiB", 512 * 1024},
      {"512Ki", 512 * 1024},
      {"64MiB", 64ULL << 20},
      {"64Mi", 64ULL << 20},
      {"1GiB", 1ULL << 30},
      {"1Gi", 1ULL << 30},
      {"2TiB", 2ULL << 40},
      {"2Ti", 2ULL << 40},
      {"18446744073709551615", std::numeric_limits<std::uint64_t>::max()},
      {"16777215TiB", 16777215ULL << 40},
  };
  for (const auto& row : rows) {
    const auto read = parse_size(row.text);
    ASSERT_TRUE(read.ok()) << row.text << ": " << read.error().text;
    EXPECT_EQ(*read, row.expected) << row.text;
  }
}

TEST(SizeText, is_refused_with_the_accepted_forms) {
  for (const std::string_view text :
       {"", "MiB", "-1", "+1", "1.5GiB", "64 MiB", " 64MiB", "64MiB ", "64MB", "64M", "64m", "64mib", "1MiB1KiB",
        "18446744073709551616", "16777216TiB", "17179869184GiB", "1e6", "0x10"}) {
    const auto read = parse_size(text);
    ASSERT_FALSE(read.ok()) << text;
    EXPECT_EQ(read.error().code, ErrorCode::invalid);
    EXPECT_NE(read.error().text.find("65536, 512KiB, 64MiB, 1GiB"), std::string::npos) << read.error().text;
  }
}

}  // namespace
}  // namespace sidefridge::text
