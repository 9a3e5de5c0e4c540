// zone_test.cc - time zones: which periods their rules and tables make, and what is refused.
#include "sidefridge/cron/zone.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "sidefridge/text/time_format.h"

namespace sidefridge::cron {
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
  const auto at = text::parse_rfc3339(text);
  EXPECT_TRUE(at.ok()) << text;
  return std::chrono::floor<seconds>(*at);
}

std::string text_of(sys_seconds at) {
  if (at == sys_seconds::min() || at == sys_seconds::max()) return "ever";
  return text::format_rfc3339(WallTime(at));
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
       "tz: Europe/Dublin"},
      {"IST-1GMT0,M10.5.0,M3.5.0/1", "2025-07-01T00:00:00Z", "2025-03-30T01:00:00Z to 2025-10-26T01:00:00Z +1:0",
       "tz: Europe/Dublin"},
      // Hours beyond the day.
      {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2025-07-01T00:00:00Z", "2025-03-30T01:00:00Z to 2025-10-26T01:00:00Z -1:0",
       "tz: America/Nuuk"},
      {"<-03>3<-02>,M3.5.0/-2,M10.5.0/-1", "2025-07-01T00:00:00Z", "2025-03-30T01:00:00Z to 2025-10-26T01:00:00Z -2:0",
       "tz: America/Godthab until 2022"},
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

// What a TZif file is made from. Transition i is {instant, the number of the offset that holds from then on}.
struct Tzif {
  struct Transition {
    std::int64_t at;
    char type;
  };
  char version = '2';
  std::vector<Transition> transitions;
  std::vector<std::int32_t> offsets;
  std::string footer;
  std::uint32_t leap_seconds = 0;
};

void append_number(std::string& out, std::int64_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xff);
}

void append_block(std::string& out, const Tzif& tzif, int time_bytes) {
  constexpr std::string_view abbreviations("LMT\0", 4);
  const auto type_count = static_cast<std::int64_t>(tzif.offsets.size());
  out += "TZif";
  out += tzif.version;
  out.append(15, '\0');
  append_number(out, type_count, 4);
  append_number(out, type_count, 4);
  append_number(out, tzif.leap_seconds, 4);
  append_number(out, static_cast<std::int64_t>(tzif.transitions.size()), 4);
  append_number(out, type_count, 4);
  append_number(out, static_cast<std::int64_t>(abbreviations.size()), 4);
  for (const auto& transition : tzif.transitions) append_number(out, transition.at, time_bytes);
  for (const auto& transition : tzif.transitions) out += transition.type;
  for (const std::int32_t offset : tzif.offsets) {
    append_number(out, offset, 4);
    out.append(2, '\0');
  }
  out += abbreviations;
  out.append(tzif.leap_seconds * static_cast<std::size_t>(time_bytes + 4), '\1');
  out.append(2 * tzif.offsets.size(), '\0');
}

std::string bytes_of(const Tzif& tzif) {
  std::string out;
  if (tzif.version == '\0') {
    append_block(out, tzif, 4);
    return out;
  }
  // As zic writes it today: nothing before the 64-bit data.
  append_block(out, Tzif{.version = tzif.version, .transitions = {}, .offsets = {0}, .footer = {}}, 4);
  append_block(out, tzif, 8);
  return out + "\n" + tzif.footer + "\n";
}

Zone table(const Tzif& tzif) {
  auto zone = Zone::from_tzif("Test/Zone", bytes_of(tzif));
  EXPECT_TRUE(zone.ok()) << (zone ? "" : zone.error().text);
  return zone ? *std::move(zone) : Zone();
}

// RFC 9636, B.2; the fourth and the fifth offset are the same hour under other names.
const Tzif honolulu{
    .version = '2',
    .transitions = {{-2334101314, 1},
                    {-1157283000, 2},
                    {-1155436200, 1},
                    {-880198200, 3},
                    {-769395600, 4},
                    {-765376200, 1},
                    {-712150200, 5}},
    .offsets = {-37886, -37800, -34200, -34200, -34200, -36000},
    .footer = "HST10",
};

// Made for these tests: the table ends in a summer of the rule.
const Tzif berlin{
    .version = '2',
    .transitions = {{-2422054408, 1}, {1711846800, 2}, {1729990800, 1}, {1743296400, 2}},
    .offsets = {3208, 3600, 7200},
    .footer = "CET-1CEST,M3.5.0,M10.5.0/3",
};

TEST(Zone, reads_the_example_of_the_standard) {
  const Zone zone = table(honolulu);
  EXPECT_EQ(zone.name(), "Test/Zone");
  struct Row {
    std::string_view at;
    std::string_view expected;
  };
  const Row rows[] = {
      {"1800-01-01T00:00:00Z", "ever to 1896-01-13T22:31:26Z -10:31:26"},
      {"1896-01-13T22:31:25Z", "ever to 1896-01-13T22:31:26Z -10:31:26"},
      {"1896-01-13T22:31:26Z", "1896-01-13T22:31:26Z to 1933-04-30T12:30:00Z -10:30"},
      {"1933-05-01T00:00:00Z", "1933-04-30T12:30:00Z to 1933-05-21T21:30:00Z -9:30"},
      {"1933-05-21T21:30:00Z", "1933-05-21T21:30:00Z to 1942-02-09T12:30:00Z -10:30"},
      // Two names, one period.
      {"1942-02-09T12:30:00Z", "1942-02-09T12:30:00Z to 1945-09-30T11:30:00Z -9:30"},
      {"1945-08-14T23:00:00Z", "1942-02-09T12:30:00Z to 1945-09-30T11:30:00Z -9:30"},
      {"1947-06-08T12:29:59Z", "1945-09-30T11:30:00Z to 1947-06-08T12:30:00Z -10:30"},
      {"1947-06-08T12:30:00Z", "1947-06-08T12:30:00Z to ever -10:0"},
      {"2261-01-01T00:00:00Z", "1947-06-08T12:30:00Z to ever -10:0"},
  };
  for (const auto& row : rows) EXPECT_EQ(text_of(zone.period_at(instant(row.at))), row.expected) << row.at;
  EXPECT_EQ(text_of(zone.period_at(sys_seconds::min())), "ever to 1896-01-13T22:31:26Z -10:31:26");
  EXPECT_EQ(text_of(zone.period_at(sys_seconds::max())), "1947-06-08T12:30:00Z to ever -10:0");
}

TEST(Zone, goes_on_by_the_footer_where_the_table_ends) {
  struct Row {
    std::string_view at;
    std::string_view expected;
  };
  const Row rows[] = {
      {"1893-03-31T23:06:31Z", "ever to 1893-03-31T23:06:32Z +0:53:28"},
      {"1970-01-01T00:00:00Z", "1893-03-31T23:06:32Z to 2024-03-31T01:00:00Z +1:0"},
      {"2025-03-30T00:59:59Z", "2024-10-27T01:00:00Z to 2025-03-30T01:00:00Z +1:0"},
      // Begun in the table, ended by the footer.
      {"2025-03-30T01:00:00Z", "2025-03-30T01:00:00Z to 2025-10-26T01:00:00Z +2:0"},
      {"2025-10-26T00:59:59Z", "2025-03-30T01:00:00Z to 2025-10-26T01:00:00Z +2:0"},
      {"2025-10-26T01:00:00Z", "2025-10-26T01:00:00Z to 2026-03-29T01:00:00Z +1:0"},
      {"2200-07-01T00:00:00Z", "2200-03-30T01:00:00Z to 2200-10-26T01:00:00Z +2:0"},
  };
  const Zone zone = table(berlin);
  for (const auto& row : rows) EXPECT_EQ(text_of(zone.period_at(instant(row.at))), row.expected) << row.at;
}

TEST(Zone, joins_the_table_and_the_footer_however_they_meet) {
  constexpr std::int64_t winter_2024 = 1733000000;
  constexpr std::string_view european = "CET-1CEST,M3.5.0,M10.5.0/3";
  struct Row {
    std::string_view what;
    Tzif tzif;
    std::string_view at;
    std::string_view expected;
  };
  const auto row = [&](std::string_view what, std::vector<Tzif::Transition> transitions,
                       std::vector<std::int32_t> offsets, std::string_view footer, std::string_view at,
                       std::string_view expected) {
    return Row{what,
               {.version = '3',
                .transitions = std::move(transitions),
                .offsets = std::move(offsets),
                .footer = std::string(footer)},
               at,
               expected};
  };
  const Row rows[] = {
      row("no transition, no footer", {}, {3600}, "", "2025-01-01T00:00:00Z", "ever to ever +1:0"),
      row("no transition: the footer decides", {}, {7200}, "CET-1", "2025-01-01T00:00:00Z", "ever to ever +1:0"),
      row("no transition, a footer with dates", {}, {3600}, european, "1950-07-01T00:00:00Z",
          "1950-03-26T01:00:00Z to 1950-10-29T01:00:00Z +2:0"),
      row("no footer: the last offset for ever", {{0, 1}}, {3600, 7200}, "", "2261-01-01T00:00:00Z",
          "1970-01-01T00:00:00Z to ever +2:0"),
      row("a last transition that changes only the name", {{0, 1}, {winter_2024, 2}}, {0, 3600, 3600}, european,
          "2024-12-31T00:00:00Z", "1970-01-01T00:00:00Z to 2025-03-30T01:00:00Z +1:0"),
      row("a transition that changes nothing at all", {{winter_2024, 0}}, {3600}, "CET-1", "2024-12-31T00:00:00Z",
          "ever to ever +1:0"),
      row("a footer that contradicts the last transition holds from there on, as in glibc and tzcode",
          {{0, 1}, {winter_2024, 2}}, {0, 3600, 14400}, european, "2024-12-31T00:00:00Z",
          "1970-01-01T00:00:00Z to 2025-03-30T01:00:00Z +1:0"),
      row("the same, where the rule's offset is a new one", {{0, 1}, {winter_2024, 2}}, {0, 7200, 14400}, european,
          "2024-12-31T00:00:00Z", "2024-11-30T20:53:20Z to 2025-03-30T01:00:00Z +1:0"),
      row("a transition at the beginning of time", {{INT64_MIN, 1}, {0, 2}}, {3600, 7200, 0}, "",
          "1960-01-01T00:00:00Z", "ever to 1970-01-01T00:00:00Z +2:0"),
      row("the Big Bang as zic wrote it", {{-576460752303423488, 1}}, {3600, 3600}, "CET-1", "1960-01-01T00:00:00Z",
          "ever to ever +1:0"),
      row("a transition at the end of time", {{INT64_MAX, 1}}, {0, 3600}, european, "1960-01-01T00:00:00Z",
          "ever to ever +0:0"),
  };
  for (const auto& [what, tzif, at, expected] : rows) {
    EXPECT_EQ(text_of(table(tzif).period_at(instant(at))), expected) << what;
  }
}

TEST(Zone, reads_the_first_version_and_versions_to_come) {
  Tzif tzif{
      .version = '\0', .transitions = {{-1000000000, 1}, {2000000000, 0}}, .offsets = {-3600, 3600}, .footer = {}};
  EXPECT_EQ(text_of(table(tzif).period_at(sys_seconds())), "1938-04-24T22:13:20Z to 2033-05-18T03:33:20Z +1:0");
  EXPECT_EQ(text_of(table(tzif).period_at(sys_seconds::max())), "2033-05-18T03:33:20Z to ever -1:0");
  for (const char version : {'2', '3', '4', '5'}) {
    Tzif newer = berlin;
    newer.version = version;
    EXPECT_EQ(text_of(table(newer).period_at(instant("2025-07-01T00:00:00Z"))),
              "2025-03-30T01:00:00Z to 2025-10-26T01:00:00Z +2:0");
  }
}

TEST(Zone, prefers_the_64_bit_data) {
  Tzif old = honolulu;
  old.transitions.erase(old.transitions.begin());  // does not fit
  std::string bytes;
  append_block(bytes, old, 4);
  append_block(bytes, honolulu, 8);
  bytes += "\nHST10\n";
  const auto zone = Zone::from_tzif("Pacific/Honolulu", bytes);
  ASSERT_TRUE(zone.ok()) << zone.error().text;
  EXPECT_EQ(text_of(zone->period_at(sys_seconds::min())), "ever to 1896-01-13T22:31:26Z -10:31:26");
}

std::string refusal_of(std::string_view bytes) {
  const auto zone = Zone::from_tzif("Test/Zone", bytes);
  if (zone) return "nothing";
  EXPECT_EQ(zone.error().code, ErrorCode::invalid);
  return zone.error().text;
}

TEST(Zone, refuses_data_that_is_damaged) {
  const std::string subject = "the data of time zone 'Test/Zone' ";
  EXPECT_EQ(refusal_of(""), subject + "is not TZif");
  EXPECT_EQ(refusal_of("# version 2025b\n"), subject + "is not TZif");
  EXPECT_EQ(refusal_of("TZif"), subject + "is damaged: it is cut short");

  Tzif tzif = berlin;
  tzif.leap_seconds = 27;
  EXPECT_EQ(refusal_of(bytes_of(tzif)),
            subject + "counts leap seconds, which clocks leave out (is it from a folder 'right'?)");
  tzif = berlin;
  tzif.transitions.clear();
  tzif.offsets.clear();
  EXPECT_EQ(refusal_of(bytes_of(tzif)), subject + "is damaged: it has no offset");
  tzif = berlin;
  tzif.offsets[1] = 26 * 3600;
  EXPECT_EQ(refusal_of(bytes_of(tzif)), subject + "is damaged: an offset is beyond 26 hours");
  tzif.offsets[1] = INT32_MIN;
  EXPECT_EQ(refusal_of(bytes_of(tzif)), subject + "is damaged: an offset is beyond 26 hours");
  tzif = berlin;
  tzif.transitions[3].type = 3;
  EXPECT_EQ(refusal_of(bytes_of(tzif)), subject + "is damaged: a transition leads nowhere");
  tzif = berlin;
  tzif.transitions[2].at = tzif.transitions[1].at;
  EXPECT_EQ(refusal_of(bytes_of(tzif)), subject + "is damaged: its transitions are not in order");
  tzif = berlin;
  tzif.footer = "CET-1CEST";
  EXPECT_EQ(refusal_of(bytes_of(tzif)),
            subject +
                "is damaged: time zone rule 'CET-1CEST': at its end there should be a date of daylight saving time, "
                "such as ,M3.5.0 or ,J60/3");

  std::string old;
  append_block(old, berlin, 4);
  EXPECT_EQ(refusal_of(old), subject + "is damaged: its second header is missing");
}

TEST(Zone, refuses_data_cut_off_anywhere) {
  for (const Tzif& tzif : {honolulu, berlin}) {
    const std::string whole = bytes_of(tzif);
    for (std::size_t length = 0; length < whole.size(); ++length) {
      // A copy of its own, so that the sanitizer sees a read past its end.
      const std::vector<char> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
      EXPECT_NE(refusal_of({cut.data(), cut.size()}), "nothing") << length;
    }
  }
}

/// Walks through a zone's periods from the beginning of time and asks at their borders.
void expect_consistent(const Zone& zone) {
  ZonePeriod period = zone.period_at(sys_seconds::min());
  ASSERT_EQ(period.begins_at, sys_seconds::min());
  for (int walked = 0; walked < 20 && period.ends_at != sys_seconds::max(); ++walked) {
    ASSERT_LT(period.begins_at, period.ends_at);
    ASSERT_EQ(zone.period_at(period.begins_at), period);
    ASSERT_EQ(zone.period_at(period.ends_at - seconds(1)), period);
    const ZonePeriod next = zone.period_at(period.ends_at);
    ASSERT_EQ(next.begins_at, period.ends_at);
    ASSERT_NE(next.offset, period.offset);
    period = next;
  }
}

TEST(Zone, takes_no_harm_from_flipped_bits) {
  std::mt19937_64 random(20261123);
  int read = 0;
  int refused = 0;
  for (const Tzif& tzif : {honolulu, berlin}) {
    const std::string whole = bytes_of(tzif);
    for (int round = 0; round < 2'000; ++round) {
      std::string bytes = whole;
      for (auto flips = 1 + random() % 4; flips > 0; --flips) {
        const std::size_t bit = random() % (8 * bytes.size());
        bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ 1 << bit % 8);
      }
      const auto zone = Zone::from_tzif("Test/Zone", bytes);
      if (zone) {
        ASSERT_NO_FATAL_FAILURE(expect_consistent(*zone));
        ++read;
      } else {
        ++refused;
      }
    }
  }
  EXPECT_GT(read, 100);
  EXPECT_GT(refused, 1000);
}

TEST(Zone, has_periods_that_follow_each_other_whatever_the_rule) {
  std::mt19937_64 random(20261124);
  const auto pick = [&](int low, int high) {
    return low + static_cast<int>(random() % static_cast<std::uint64_t>(high - low + 1));
  };
  const auto date = [&] {
    std::string text = ",";
    switch (pick(0, 2)) {
      case 0: text += std::to_string(pick(0, 365)); break;
      case 1: text += "J" + std::to_string(pick(1, 365)); break;
      default:
        text += "M" + std::to_string(pick(1, 12)) + "." + std::to_string(pick(1, 5)) + "." + std::to_string(pick(0, 6));
        break;
    }
    return text + "/" + std::to_string(pick(-167, 167));
  };
  for (int round = 0; round < 400; ++round) {
    const std::string text =
        "AAA" + std::to_string(pick(-24, 24)) + "BBB" + std::to_string(pick(-24, 24)) + date() + date();
    const Zone zone = rule(text);
    ASSERT_NO_FATAL_FAILURE(expect_consistent(zone)) << text;
    const sys_seconds at(seconds(static_cast<std::int64_t>(random())));
    const ZonePeriod period = zone.period_at(at);
    ASSERT_LE(period.begins_at, at) << text;
    ASSERT_GT(period.ends_at, at) << text;
    ASSERT_EQ(zone.period_at(period.begins_at), period) << text;
  }
}

// Years that schedules can meet come from a table, all others from the rule's arithmetic.
TEST(Zone, says_what_its_rule_says_in_every_year) {
  for (const std::string_view text : {"CET-1CEST,M3.5.0,M10.5.0/3", "AEST-10AEDT,M10.1.0,M4.1.0/3", "<-03>3",
                                      "IST-1GMT0,M10.5.0,M3.5.0/1", "AAA0BBB-1,J60/-30,300/100"}) {
    const Zone zone = rule(text);
    const ZoneRule itself = parse_zone_rule(text).value();
    const sys_seconds end = std::chrono::sys_days(std::chrono::year(2400) / 1 / 1);
    for (sys_seconds at = std::chrono::sys_days(std::chrono::year(1800) / 1 / 1); at < end; at += days(40)) {
      ASSERT_EQ(zone.period_at(at), itself.period_at(at)) << text << " " << at.time_since_epoch().count();
      const sys_seconds change = zone.period_at(at).ends_at;
      if (change == sys_seconds::max()) continue;
      ASSERT_EQ(zone.period_at(change - seconds(1)), itself.period_at(change - seconds(1))) << text;
      ASSERT_EQ(zone.period_at(change), itself.period_at(change)) << text;
    }
  }
}

}  // namespace
}  // namespace sidefridge::cron
