// zone_test.cc - time zones: which periods their rules and tables make, and what is refused.
#include "sidefridge/core/zone.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <string_view>

#include "sidefridge/core/time_format.h"

namespace sidefridge::core {
namespace {

using std::chrono::days;
using std::chrono::seconds;
using std::chrono::sys_seconds;

Zone rule(std::string_view text) {
  auto zone = Zone::from_posix(text);
  EXPECT_TRUE(zone.ok()) << (zone ? "" : zone.error().text);
  return zone ? *std::move(zone) : Zone();
}

sys_seconds instant(std::string_view text) {
  const auto at = parse_rfc3339(text);
  EXPECT_TRUE(at.ok()) << text;
  return std::chrono::floor<seconds>(*at);
}

std::string text_of(sys_seconds at) {
  if (at == sys_seconds::min() || at == sys_seconds::max()) return "ever";
  return format_rfc3339(WallTime(at));
}

std::string text_of(seconds offset) {
  const std::chrono::hh_mm_ss parts(offset);
  std::string text = offset < seconds::zero() ? "-" : "+";
  text += std::to_string(parts.hours().count()) + ":" + std::to_string(parts.minutes().count());
  if (parts.seconds() != seconds::zero()) text += ":" + std::to_string(parts.seconds().count());
  return text;
}

/// "2025-03-30T01:00:00Z to 2025-10-26T01:00:00Z +2:0"
std::string text_of(const ZonePeriod& period) {
  return text_of(period.begins_at) + " to " + text_of(period.ends_at) + " " + text_of(period.offset);
}

TEST(Zone, is_utc_by_default) {
  const Zone zone;
  EXPECT_EQ(zone.name(), "UTC");
  EXPECT_EQ(zone, Zone());
  for (const sys_seconds at : {sys_seconds::min(), sys_seconds(), sys_seconds::max()}) {
    EXPECT_EQ(text_of(zone.period_at(at)), "ever to ever +0:0");
  }
}

TEST(Zone, keeps_the_name_it_was_asked_for) {
  const Zone zone = rule("CET-1CEST,M3.5.0,M10.5.0/3");
  EXPECT_EQ(zone.name(), "CET-1CEST,M3.5.0,M10.5.0/3");
  EXPECT_EQ(zone, rule("CET-1CEST,M3.5.0,M10.5.0/3"));
  EXPECT_FALSE(zone == Zone());
}

TEST(Zone, reads_the_rules_of_posix) {
  struct Row {
    std::string_view rule;
    std::string_view at;
    std::string_view expected;
    std::string_view origin;
  };
  const Row rows[] = {
      {"UTC0", "2025-01-01T00:00:00Z", "ever to ever +0:0", "POSIX"},
      {"<+0545>-5:45", "2025-01-01T00:00:00Z", "ever to ever +5:45", "tz: Asia/Kathmandu"},
      {"IST-5:30", "2025-01-01T00:00:00Z", "ever to ever +5:30", "tz: Asia/Kolkata"},
      {"NZST-24:59:59", "2025-01-01T00:00:00Z", "ever to ever +24:59:59", "POSIX: hours 0 to 24"},
      {"abc+0:0:7", "2025-01-01T00:00:00Z", "ever to ever -0:0:7", "POSIX"},
      // The instants before, at and after each change.
      {"EST5EDT,M3.2.0,M11.1.0", "2025-03-09T06:59:59Z", "2024-11-03T06:00:00Z to 2025-03-09T07:00:00Z -5:0",
       "tz: America/New_York"},
      {"EST5EDT,M3.2.0,M11.1.0", "2025-03-09T07:00:00Z", "2025-03-09T07:00:00Z to 2025-11-02T06:00:00Z -4:0",
       "tz: America/New_York"},
      {"EST5EDT,M3.2.0,M11.1.0", "2025-11-02T05:59:59Z", "2025-03-09T07:00:00Z to 2025-11-02T06:00:00Z -4:0",
       "tz: America/New_York"},
      {"EST5EDT,M3.2.0,M11.1.0", "2025-11-02T06:00:00Z", "2025-11-02T06:00:00Z to 2026-03-08T07:00:00Z -5:0",
       "tz: America/New_York"},
      {"CET-1CEST,M3.5.0,M10.5.0/3", "2025-07-01T00:00:00Z", "2025-03-30T01:00:00Z to 2025-10-26T01:00:00Z +2:0",
       "tz: Europe/Berlin"},
      {"CET-1CEST,M3.5.0,M10.5.0/3", "2025-12-31T23:59:59Z", "2025-10-26T01:00:00Z to 2026-03-29T01:00:00Z +1:0",
       "tz: Europe/Berlin"},
      {"CET-1CEST,M3.5.0,M10.5.0/3", "2261-04-01T00:00:00Z", "2261-03-31T01:00:00Z to 2261-10-27T01:00:00Z +2:0",
       "the same rule far ahead"},
      {"CET-1CEST,M3.5.0,M10.5.0/3", "1678-12-01T00:00:00Z", "1678-10-30T01:00:00Z to 1679-03-26T01:00:00Z +1:0",
       "the same rule long ago"},
      // The southern hemisphere: summer is at the turn of the year.
      {"AEST-10AEDT,M10.1.0,M4.1.0/3", "2025-12-31T12:00:00Z", "2025-10-04T16:00:00Z to 2026-04-04T16:00:00Z +11:0",
       "tz: Australia/Sydney"},
      {"AEST-10AEDT,M10.1.0,M4.1.0/3", "2026-01-01T12:00:00Z", "2025-10-04T16:00:00Z to 2026-04-04T16:00:00Z +11:0",
       "tz: Australia/Sydney"},
      {"AEST-10AEDT,M10.1.0,M4.1.0/3", "2026-07-01T00:00:00Z", "2026-04-04T16:00:00Z to 2026-10-03T16:00:00Z +10:0",
       "tz: Australia/Sydney"},
      // Half an hour, two hours, and an hour less.
      {"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2025-11-01T00:00:00Z",
       "2025-10-04T15:30:00Z to 2026-04-04T15:00:00Z +11:0", "tz: Australia/Lord_Howe"},
      {"<+00>0<+02>-2,M3.5.0/1,M10.5.0/3", "2025-07-01T00:00:00Z", "2025-03-30T01:00:00Z to 2025-10-26T01:00:00Z +2:0",
       "tz: Antarctica/Troll"},
      {"IST-1GMT0,M10.5.0,M3.5.0/1", "2025-12-01T00:00:00Z", "2025-10-26T01:00:00Z to 2026-03-29T01:00:00Z +0:0",
       "RFC 9636, 3.3.2 and tz: Europe/Dublin"},
      {"IST-1GMT0,M10.5.0,M3.5.0/1", "2025-07-01T00:00:00Z", "2025-03-30T01:00:00Z to 2025-10-26T01:00:00Z +1:0",
       "RFC 9636, 3.3.2 and tz: Europe/Dublin"},
      // Hours beyond the day.
      {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2025-07-01T00:00:00Z", "2025-03-30T01:00:00Z to 2025-10-26T01:00:00Z -1:0",
       "tz: America/Nuuk"},
      {"<-03>3<-02>,M3.5.0/-2,M10.5.0/-1", "2025-07-01T00:00:00Z", "2025-03-30T01:00:00Z to 2025-10-26T01:00:00Z -2:0",
       "RFC 9636, B.2: America/Godthab"},
      {"IST-2IDT,M3.4.4/26,M10.5.0", "2025-07-01T00:00:00Z", "2025-03-28T00:00:00Z to 2025-10-25T23:00:00Z +3:0",
       "tz: Asia/Jerusalem"},
      {"EET-2EEST,M3.4.4/50,M10.4.4/50", "2025-07-01T00:00:00Z", "2025-03-29T00:00:00Z to 2025-10-24T23:00:00Z +3:0",
       "tz: Asia/Gaza, 2024a"},
      {"AAA0BBB,0/-167,J365/167", "2025-01-05T00:00:00Z", "ever to ever +1:0", "RFC 9636: -167 to 167 hours"},
      {"AAA0BBB,0/-167,J1/167", "2024-12-26T00:00:00Z", "2024-12-25T01:00:00Z to 2025-01-07T22:00:00Z +1:0",
       "RFC 9636: -167 to 167 hours"},
      {"AAA0BBB,0/-167,J1/167", "2025-01-07T22:00:00Z", "2025-01-07T22:00:00Z to 2025-12-25T01:00:00Z +0:0",
       "RFC 9636: -167 to 167 hours"},
      // Days counted with and without February 29, leap year and not.
      {"AAA0BBB,J59/0,J60/1", "2024-02-28T00:00:00Z", "2024-02-28T00:00:00Z to 2024-03-01T00:00:00Z +1:0", "POSIX: Jn"},
      {"AAA0BBB,J59/0,J60/1", "2025-02-28T00:00:00Z", "2025-02-28T00:00:00Z to 2025-03-01T00:00:00Z +1:0", "POSIX: Jn"},
      {"AAA0BBB,58/0,59/1", "2024-02-28T00:00:00Z", "2024-02-28T00:00:00Z to 2024-02-29T00:00:00Z +1:0", "POSIX: n"},
      {"AAA0BBB,58/0,59/1", "2025-02-28T00:00:00Z", "2025-02-28T00:00:00Z to 2025-03-01T00:00:00Z +1:0", "POSIX: n"},
      {"AAA0BBB,364,365", "2024-12-30T12:00:00Z", "2024-12-30T02:00:00Z to 2024-12-31T01:00:00Z +1:0",
       "POSIX: 02:00:00 by default"},
      {"AAA0BBB,J364/0:0:5,J365/1:02:03", "2024-12-30T12:00:00Z", "2024-12-30T00:00:05Z to 2024-12-31T00:02:03Z +1:0",
       "POSIX"},
      {"AAA0BBB,M2.3.4/0,M2.5.4/1", "2024-02-23T00:00:00Z", "2024-02-15T00:00:00Z to 2024-02-29T00:00:00Z +1:0",
       "POSIX: week 5 is the last, the fifth"},
      {"AAA0BBB,M2.1.4/0,M2.5.4/1", "2025-02-23T00:00:00Z", "2025-02-06T00:00:00Z to 2025-02-27T00:00:00Z +1:0",
       "POSIX: week 5 is the last, the fourth"},
      // Daylight saving time that never ends.
      {"EST5EDT,0/0,J365/25", "2025-01-01T05:00:00Z", "ever to ever -4:0", "RFC 9636, 3.3.2"},
      {"XXX3EDT4,0/0,J365/23", "2025-01-01T03:00:00Z", "ever to ever -4:0", "zic: written for daylight time all year"},
      {"AAA0BBB,J100/0,J100/1", "2025-01-01T00:00:00Z", "ever to ever +1:0",
       "musl: what ends as it begins goes on to the next end"},
      // Almost: an hour of standard time a year.
      {"AAA0BBB,0/0,J365/24", "2025-06-01T00:00:00Z", "2025-01-01T00:00:00Z to 2025-12-31T23:00:00Z +1:0", "POSIX"},
      {"AAA0BBB,0/0,J365/24", "2025-12-31T23:30:00Z", "2025-12-31T23:00:00Z to 2026-01-01T00:00:00Z +0:0", "POSIX"},
      // Daylight saving time that goes on into the next year where the last Sunday is the 31st, as in 2023.
      {"AAA0BBB,0/0,M12.5.0/25", "2023-06-01T00:00:00Z", "2023-01-01T00:00:00Z to 2024-12-30T00:00:00Z +1:0",
       "reckoned by hand"},
      {"AAA0BBB,0/0,M12.5.0/25", "2024-06-01T00:00:00Z", "2023-01-01T00:00:00Z to 2024-12-30T00:00:00Z +1:0",
       "reckoned by hand"},
      // Two names for one offset.
      {"AAA3BBB3,M3.2.0,M11.1.0", "2025-06-01T00:00:00Z", "ever to ever -3:0", "POSIX"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(text_of(rule(row.rule).period_at(instant(row.at))), row.expected)
        << row.rule << " at " << row.at << " (" << row.origin << ")";
  }
}

TEST(Zone, refuses_a_rule_that_is_none) {
  struct Row {
    std::string_view rule;
    std::string_view expected;
  };
  constexpr std::string_view abbreviation = "an abbreviation of three letters or more, such as CET or <+03>";
  constexpr std::string_view offset = "an offset of 24 hours at most, such as -1 or 3:30";
  constexpr std::string_view date = "a date of daylight saving time, such as ,M3.5.0 or ,J60/3";
  const Row rows[] = {
      {"", abbreviation},
      {"CE-1", abbreviation},
      {"-1", abbreviation},
      {"<+3>-3", abbreviation},
      {"<+03-3", abbreviation},
      {"<+0_3>-3", abbreviation},
      {"<>0", abbreviation},
      {"CET", offset},
      {"Europe/Berlin", offset},
      {"CET-", offset},
      {"CET+-1", offset},
      {"CET25", offset},
      {"CET1:60", offset},
      {"CET1:", offset},
      {"CET1:1:", offset},
      {"CET99999999999999999999", offset},
      {"CET-1 ", abbreviation},
      {"CET-1:00:00:00", abbreviation},
      {"CET-1CEST-25,M3.5.0,M10.5.0", offset},
      {"CET-1CEST", date},
      {"CET-1CEST-2", date},
      {"CET-1CEST,", date},
      {"CET-1CEST,M3.5.0", date},
      {"CET-1CEST,M0.5.0,M10.5.0", date},
      {"CET-1CEST,M13.5.0,M10.5.0", date},
      {"CET-1CEST,M3.0.0,M10.5.0", date},
      {"CET-1CEST,M3.6.0,M10.5.0", date},
      {"CET-1CEST,M3.5.7,M10.5.0", date},
      {"CET-1CEST,M3.5,M10.5.0", date},
      {"CET-1CEST,J0,M10.5.0", date},
      {"CET-1CEST,J366,M10.5.0", date},
      {"CET-1CEST,366,M10.5.0", date},
      {"CET-1CEST,-1,M10.5.0", date},
      {"CET-1CEST,M3.5.0/,M10.5.0", date},
      {"CET-1CEST,M3.5.0/168,M10.5.0", date},
      {"CET-1CEST,M3.5.0/-168,M10.5.0", date},
      {"CET-1CEST,M3.5.0,M10.5.0/3:", date},
      {"CET-1CEST,M3.5.0,M10.5.0,", "nothing more"},
      {"CET-1CEST,M3.5.0,M10.5.0/3 ", "nothing more"},
  };
  for (const auto& row : rows) {
    const auto zone = Zone::from_posix(row.rule);
    ASSERT_FALSE(zone.ok()) << row.rule;
    EXPECT_EQ(zone.error().code, ErrorCode::invalid) << row.rule;
    EXPECT_TRUE(zone.error().text.ends_with(row.expected)) << row.rule << ": " << zone.error().text;
  }
  EXPECT_EQ(Zone::from_posix("CET-1CEST,M3.5.0,M13.5.0/3").error().text,
            "time zone rule 'CET-1CEST,M3.5.0,M13.5.0/3': at ',M13.5.0/3' there should be a date of daylight saving "
            "time, such as ,M3.5.0 or ,J60/3");
  EXPECT_EQ(Zone::from_posix("CET-1CEST").error().text,
            "time zone rule 'CET-1CEST': at its end there should be a date of daylight saving time, such as ,M3.5.0 or "
            ",J60/3");
}

TEST(Zone, repeats_itself_every_400_years_up_to_the_ends_of_time) {
  const Zone zone = rule("CET-1CEST,M3.5.0,M10.5.0/3");
  const seconds cycle = days(146'097);
  const ZonePeriod summer = zone.period_at(instant("2025-07-01T00:00:00Z"));
  for (const int cycles : {-1'000'000, -1, 1, 1'000'000}) {
    const seconds shift = cycles * cycle;
    const ZonePeriod there = zone.period_at(instant("2025-07-01T00:00:00Z") + shift);
    EXPECT_EQ(there, (ZonePeriod{summer.begins_at + shift, summer.ends_at + shift, summer.offset})) << cycles;
  }
  const ZonePeriod first = zone.period_at(sys_seconds::min());
  EXPECT_EQ(first.begins_at, sys_seconds::min());
  EXPECT_GT(first.ends_at, first.begins_at);
  EXPECT_LT(first.ends_at, first.begins_at + days(366));
  const ZonePeriod last = zone.period_at(sys_seconds::max());
  EXPECT_EQ(last.ends_at, sys_seconds::max());
  EXPECT_LT(last.begins_at, last.ends_at);
  EXPECT_GT(last.begins_at, last.ends_at - days(366));
}

}  // namespace
}  // namespace sidefridge::core
