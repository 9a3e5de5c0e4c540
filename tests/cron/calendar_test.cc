// calendar_test.cc - when an expression fires: tables of known answers, and clocks that walk.
#include "sidefridge/cron/calendar.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "cron_oracle.h"
#include "cron_zones.h"
#include "sidefridge/text/time_format.h"

namespace sidefridge::cron {
namespace {

using std::chrono::sys_seconds;

struct Row {
  std::string_view origin;  // where the answer comes from; "sidefridge": it is this project's own decision
  std::string_view expression;
  std::string_view from;
  std::string_view expected;  // what follows, in order, with blanks between
};

std::string in_utc(std::string_view instants) {
  std::string out;
  while (!instants.empty()) {
    const std::string_view one = instants.substr(0, instants.find(' '));
    const auto at = text::parse_rfc3339(one);
    EXPECT_TRUE(at.ok()) << one;
    out +=
        (out.empty() ? "" : " ") + (at ? text::format_rfc3339(*at, text::Precision::milliseconds) : std::string(one));
    instants.remove_prefix(std::min(instants.size(), one.size() + 1));
  }
  return out;
}

void expect_next(const Zone& zone, const Row& row) {
  const auto expression = parse_cron(row.expression);
  const auto from = text::parse_rfc3339(row.from);
  ASSERT_TRUE(expression.ok() && from.ok()) << row.expression << " from " << row.from;
  std::string found;
  std::optional<WallTime> at = *from;
  for (auto count = std::count(row.expected.begin(), row.expected.end(), ' ') + 1; count > 0 && at; --count) {
    at = next(*expression, zone, *at);
    found += (found.empty() ? "" : " ") +
             (at ? text::format_rfc3339(*at, text::Precision::milliseconds) : std::string("never"));
  }
  EXPECT_EQ(found, in_utc(row.expected)) << row.expression << " from " << row.from << " in " << zone.name()
                                         << ", as in " << row.origin;
}

TEST(Calendar, knows_the_next_instant_in_utc) {
  const Row rows[] = {
      // Strictly later, and always a whole second.
      {"sidefridge", "* * * * *", "2026-11-23T07:55:00Z", "2026-11-23T07:56:00Z"},
      {"sidefridge", "* * * * *", "2026-11-23T07:55:59.999999999Z", "2026-11-23T07:56:00Z"},
      {"sidefridge", "* * * * *", "2026-11-23T07:55:00.000000001Z", "2026-11-23T07:56:00Z"},
      {"sidefridge", "* * * * *", "2026-11-23T07:54:59.999999999Z", "2026-11-23T07:55:00Z"},
      {"sidefridge", "0 3 * * *", "2026-11-23T03:00:00Z", "2026-11-24T03:00:00Z"},
      {"sidefridge", "0 3 * * *", "2026-11-23T02:59:59Z", "2026-11-23T03:00:00Z"},
      {"sidefridge", "* * * * * *", "2026-11-23T07:55:59Z", "2026-11-23T07:56:00Z"},
      {"sidefridge", "*/10 * * * * *", "2026-11-23T23:59:50Z", "2026-11-24T00:00:00Z"},
      {"sidefridge", "30 15 * * * *", "2026-11-23T07:15:30Z", "2026-11-23T08:15:30Z"},
      {"sidefridge", "30 15 * * * *", "2026-11-23T07:15:29.5Z", "2026-11-23T07:15:30Z"},
      // Carrying over into the hour, the day, the month, the year.
      {"robfig/cron", "0 0/15 * * * *", "2012-07-09T14:45:00Z", "2012-07-09T15:00:00Z"},
      {"robfig/cron", "0 20-35/15 * * * *", "2012-07-09T15:45:00Z", "2012-07-09T16:20:00Z"},
      {"robfig/cron", "0 */15 * * * *", "2012-07-09T23:46:00Z", "2012-07-10T00:00:00Z"},
      {"robfig/cron", "15/35 20-35/15 * * * *", "2012-07-09T23:35:51Z", "2012-07-10T00:20:15Z"},
      {"robfig/cron", "15/35 20-35/15 1/2 * * *", "2012-07-09T23:35:51Z", "2012-07-10T01:20:15Z"},
      {"robfig/cron", "15/35 20-35/15 10-12 * * *", "2012-07-09T23:35:51Z", "2012-07-10T10:20:15Z"},
      {"robfig/cron", "15/35 20-35/15 1/2 */2 * *", "2012-07-09T23:35:51Z", "2012-07-11T01:20:15Z"},
      {"robfig/cron", "15/35 20-35/15 * 9-20 * *", "2012-07-09T23:35:51Z", "2012-07-10T00:20:15Z"},
      {"robfig/cron", "0 0 0 9 Apr-Oct ?", "2012-07-09T23:35:00Z", "2012-08-09T00:00:00Z"},
      {"robfig/cron", "0 0 0 */5 Apr,Aug,Oct Mon", "2012-07-09T23:35:00Z", "2012-08-01T00:00:00Z"},
      {"robfig/cron", "0 0 0 */5 Oct Mon", "2012-07-09T23:35:00Z", "2012-10-01T00:00:00Z"},
      {"robfig/cron", "0 0 0 * Feb Mon", "2012-07-09T23:35:00Z", "2013-02-04T00:00:00Z"},
      {"robfig/cron", "0 0 0 * Feb Mon/2", "2012-07-09T23:35:00Z", "2013-02-01T00:00:00Z"},
      {"robfig/cron", "0 0 0 29 Feb ?", "2012-07-09T23:35:00Z", "2016-02-29T00:00:00Z"},
      {"croniter", "*/5 * * * *", "2010-01-25T04:46:00Z", "2010-01-25T04:50:00Z 2010-01-25T04:55:00Z"},
      {"crontab(5)", "23 0-23/2 * * *", "2026-11-23T22:00:00Z", "2026-11-23T22:23:00Z 2026-11-24T00:23:00Z"},
      {"crontab(5)", "15 14 1 * *", "2026-12-15T00:00:00Z", "2027-01-01T14:15:00Z"},
      {"crontab(5)", "5 4 * * sun", "2026-11-23T00:00:00Z", "2026-11-29T04:05:00Z"},
      {"Kubernetes", "@yearly", "2026-11-23T00:00:00Z", "2027-01-01T00:00:00Z"},
      {"Kubernetes", "0 3 * * 1", "2026-11-23T03:00:00Z", "2026-11-30T03:00:00Z"},
      {"sidefridge", "0 22-2 * * *", "2026-11-23T23:00:00Z", "2026-11-24T00:00:00Z"},
      // Months of other lengths, leap years, and the century that has none.
      {"sidefridge", "0 0 31 * *", "2026-11-01T00:00:00Z", "2026-12-31T00:00:00Z 2027-01-31T00:00:00Z"},
      {"sidefridge", "0 0 30 * *", "2027-01-31T00:00:00Z", "2027-03-30T00:00:00Z"},
      {"sidefridge", "0 0 29 2 *", "2026-11-23T00:00:00Z", "2028-02-29T00:00:00Z"},
      {"sidefridge", "0 0 29 2 *", "2096-02-29T00:00:00Z", "2104-02-29T00:00:00Z"},
      {"sidefridge", "0 0 29 2 *", "1999-01-01T00:00:00Z", "2000-02-29T00:00:00Z"},
      // Days: either field when both are restricted; */2 is a restriction.
      {"crontab(5)", "30 4 1,15 * 5", "2026-11-23T00:00:00Z",
       "2026-11-27T04:30:00Z 2026-12-01T04:30:00Z 2026-12-04T04:30:00Z"},
      {"croniter", "2 4 1 * wed", "2010-01-25T04:46:00Z",
       "2010-01-27T04:02:00Z 2010-02-01T04:02:00Z 2010-02-03T04:02:00Z"},
      {"Kubernetes", "0 0 13 * 5", "2026-12-11T00:00:00Z", "2026-12-13T00:00:00Z 2026-12-18T00:00:00Z"},
      {"sidefridge", "0 0 * * 7", "2026-11-23T00:00:00Z", "2026-11-29T00:00:00Z"},
      {"robfig/cron", "0 0 */2 * mon", "2026-11-29T00:00:00Z", "2026-11-30T00:00:00Z 2026-12-01T00:00:00Z"},
      {"robfig/cron", "0 0 31 2 mon", "2026-11-23T00:00:00Z", "2027-02-01T00:00:00Z"},
      {"sidefridge", "0 0 ? * fri-mon", "2026-11-24T00:00:00Z",
       "2026-11-27T00:00:00Z 2026-11-28T00:00:00Z 2026-11-29T00:00:00Z 2026-11-30T00:00:00Z 2026-12-04T00:00:00Z"},
      // The ends of months.
      {"Quartz", "0 15 10 L * ?", "2027-01-31T10:15:00Z",
       "2027-02-28T10:15:00Z 2027-03-31T10:15:00Z 2027-04-30T10:15:00Z"},
      {"Quartz", "0 15 10 L-2 * ?", "2027-01-31T10:15:00Z", "2027-02-26T10:15:00Z 2027-03-29T10:15:00Z"},
      {"sidefridge", "0 0 L-30 * *", "2027-01-02T00:00:00Z", "2027-03-01T00:00:00Z 2027-05-01T00:00:00Z"},
      {"sidefridge", "0 0 L-28 2 *", "2027-01-02T00:00:00Z", "2028-02-01T00:00:00Z 2032-02-01T00:00:00Z"},
      {"Quartz", "0 0 0 1W * ?", "2026-07-31T00:00:00Z", "2026-08-03T00:00:00Z 2026-09-01T00:00:00Z"},
      {"Quartz", "0 0 0 15W * ?", "2026-08-01T00:00:00Z", "2026-08-14T00:00:00Z 2026-09-15T00:00:00Z"},
      {"croner", "0 0 0 31W * *", "2026-09-01T00:00:00Z", "2026-10-30T00:00:00Z 2026-12-31T00:00:00Z"},
      {"Quartz", "0 0 0 LW * ?", "2026-01-31T00:00:00Z",
       "2026-02-27T00:00:00Z 2026-03-31T00:00:00Z 2026-04-30T00:00:00Z 2026-05-29T00:00:00Z"},
      {"Quartz", "0 15 10 ? * FRI#3", "2026-11-23T00:00:00Z", "2026-12-18T10:15:00Z 2027-01-15T10:15:00Z"},
      {"Quartz", "0 15 10 ? * FRIL", "2026-11-23T00:00:00Z", "2026-11-27T10:15:00Z 2026-12-25T10:15:00Z"},
      {"croniter", "0 0 * * sat#1,sun#2", "2010-01-25T00:00:00Z",
       "2010-02-06T00:00:00Z 2010-02-14T00:00:00Z 2010-03-06T00:00:00Z"},
      {"croniter", "0 0 * * 5#3,5L", "2010-01-25T00:00:00Z", "2010-01-29T00:00:00Z 2010-02-19T00:00:00Z"},
      {"croner", "0 0 0 L * FRIL", "2026-11-23T00:00:00Z", "2026-11-27T00:00:00Z 2026-11-30T00:00:00Z"},
      {"sidefridge", "0 0 * * mon#5", "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z 2027-03-29T00:00:00Z"},
      {"sidefridge", "0 0 * 2 mon#5", "2026-11-23T00:00:00Z", "2044-02-29T00:00:00Z 2072-02-29T00:00:00Z"},
      {"sidefridge", "0 0 * 2 sun#5", "2088-02-29T00:00:00Z", "2128-02-29T00:00:00Z"},
      // Before 1970, and long after.
      {"sidefridge", "0 0 1 1 *", "1969-12-31T23:59:59.5Z", "1970-01-01T00:00:00Z"},
      {"sidefridge", "* * * * *", "1969-12-31T23:58:59.5Z", "1969-12-31T23:59:00Z"},
      {"sidefridge", "0 0 1 1 *", "2260-06-01T00:00:00Z", "2261-01-01T00:00:00Z"},
  };
  for (const Row& row : rows) expect_next(Zone(), row);
}

TEST(Calendar, runs_a_fixed_time_in_a_gap_once_after_it_and_a_repeated_one_once) {
  // Clocks go from 02:00 to 03:00 on 2026-03-29, from 03:00 to 02:00 on 2026-10-25.
  const Row rows[] = {
      {"cronie", "30 2 * * *", "2026-03-28T12:00:00+01:00", "2026-03-29T03:00:00+02:00 2026-03-30T02:30:00+02:00"},
      {"cronie", "0 2 * * *", "2026-03-28T12:00:00+01:00", "2026-03-29T03:00:00+02:00 2026-03-30T02:00:00+02:00"},
      {"cronie", "59 1 * * *", "2026-03-28T12:00:00+01:00", "2026-03-29T01:59:00+01:00 2026-03-30T01:59:00+02:00"},
      {"cronie", "0,20,40 2 * * *", "2026-03-28T12:00:00+01:00", "2026-03-29T03:00:00+02:00 2026-03-30T02:00:00+02:00"},
      {"cronie", "30 2,3 * * *", "2026-03-28T12:00:00+01:00", "2026-03-29T03:00:00+02:00 2026-03-29T03:30:00+02:00"},
      // The instant after the gap is a match of its own: once all the same.
      {"cronie", "0 2,3 * * *", "2026-03-28T12:00:00+01:00", "2026-03-29T03:00:00+02:00 2026-03-30T02:00:00+02:00"},
      {"sidefridge", "0-59 0-23 * * *", "2026-03-29T01:58:00+01:00",
       "2026-03-29T01:59:00+01:00 2026-03-29T03:00:00+02:00 2026-03-29T03:01:00+02:00"},
      {"sidefridge", "15 30 2 * * *", "2026-03-29T00:00:00+01:00", "2026-03-29T03:00:00+02:00"},
      {"sidefridge", "30 2 * * *", "2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"},
      {"sidefridge", "30 2 * * *", "2026-03-29T01:59:59.9+01:00", "2026-03-29T03:00:00+02:00"},
      {"sidefridge", "30 2 29 3 *", "2025-04-01T00:00:00+02:00", "2026-03-29T03:00:00+02:00 2027-03-29T02:30:00+02:00"},
      {"sidefridge", "30 2 * 3 sunL", "2025-04-01T00:00:00+02:00",
       "2026-03-29T03:00:00+02:00 2027-03-28T03:00:00+02:00"},
      {"cronie", "30 2 * * *", "2026-10-24T12:00:00+02:00", "2026-10-25T02:30:00+02:00 2026-10-26T02:30:00+01:00"},
      {"cronie", "0 3 * * *", "2026-10-24T12:00:00+02:00", "2026-10-25T03:00:00+01:00 2026-10-26T03:00:00+01:00"},
      {"cronie", "0,30 2 * * *", "2026-10-25T02:00:00+02:00", "2026-10-25T02:30:00+02:00 2026-10-26T02:00:00+01:00"},
      {"sidefridge", "0-59 0-23 * * *", "2026-10-25T02:58:00+02:00",
       "2026-10-25T02:59:00+02:00 2026-10-25T03:00:00+01:00"},
      {"sidefridge", "30 2 * * *", "2026-10-25T02:10:00+01:00", "2026-10-26T02:30:00+01:00"},
      {"sidefridge", "30 2 25 10 *", "2026-10-25T02:30:00+02:00", "2027-10-25T02:30:00+02:00"},
      {"sidefridge", "@daily", "2026-10-24T12:00:00+02:00", "2026-10-25T00:00:00+02:00 2026-10-26T00:00:00+01:00"},
      {"sidefridge", "0 12 * * *", "2026-03-28T12:00:00+01:00", "2026-03-29T12:00:00+02:00"},
      {"sidefridge", "0 0 29 2 *", "2096-02-29T00:00:00+01:00", "2104-02-29T00:00:00+01:00"},
  };
  for (const Row& row : rows) expect_next(berlin(), row);
}

TEST(Calendar, follows_real_time_when_a_field_starts_with_a_star) {
  const Row in_berlin[] = {
      {"cronie", "*/30 * * * *", "2026-03-29T01:15:00+01:00",
       "2026-03-29T01:30:00+01:00 2026-03-29T03:00:00+02:00 2026-03-29T03:30:00+02:00"},
      {"cronie", "*/30 * * * *", "2026-10-25T02:15:00+02:00",
       "2026-10-25T02:30:00+02:00 2026-10-25T02:00:00+01:00 2026-10-25T02:30:00+01:00 2026-10-25T03:00:00+01:00"},
      {"cronie", "30 * * * *", "2026-03-29T01:00:00+01:00", "2026-03-29T01:30:00+01:00 2026-03-29T03:30:00+02:00"},
      {"cronie", "30 * * * *", "2026-10-25T02:00:00+02:00",
       "2026-10-25T02:30:00+02:00 2026-10-25T02:30:00+01:00 2026-10-25T03:30:00+01:00"},
      {"cronie", "*/20 2 * * *", "2026-03-28T03:00:00+01:00", "2026-03-30T02:00:00+02:00 2026-03-30T02:20:00+02:00"},
      {"cronie", "*/40 2 * * *", "2026-10-25T00:00:00+02:00",
       "2026-10-25T02:00:00+02:00 2026-10-25T02:40:00+02:00 2026-10-25T02:00:00+01:00 2026-10-25T02:40:00+01:00 "
       "2026-10-26T02:00:00+01:00"},
      {"sidefridge", "*/2 30 2 * * *", "2026-10-25T02:30:57+02:00",
       "2026-10-25T02:30:58+02:00 2026-10-25T02:30:00+01:00"},
      {"sidefridge", "0 */2 * * *", "2026-03-29T00:00:00+01:00", "2026-03-29T04:00:00+02:00"},
      {"sidefridge", "*/60 2 29 3 *", "2025-04-01T00:00:00+02:00", "2027-03-29T02:00:00+02:00"},
      {"sidefridge", "* * * * * *", "2026-03-29T01:59:58+01:00", "2026-03-29T01:59:59+01:00 2026-03-29T03:00:00+02:00"},
  };
  for (const Row& row : in_berlin) expect_next(berlin(), row);
  const Row in_new_york[] = {
      {"robfig/cron", "0 0 * * * ?", "2012-03-11T00:00:00-05:00",
       "2012-03-11T01:00:00-05:00 2012-03-11T03:00:00-04:00 2012-03-11T04:00:00-04:00"},
      {"robfig/cron", "0 0 * * * ?", "2012-11-04T00:00:00-04:00",
       "2012-11-04T01:00:00-04:00 2012-11-04T01:00:00-05:00 2012-11-04T02:00:00-05:00"},
      {"robfig/cron", "0 30 2 04 Nov ?", "2012-11-04T00:00:00-04:00", "2012-11-04T02:30:00-05:00"},
      {"robfig/cron", "0 0 3 * * ?", "2012-03-11T00:00:00-05:00", "2012-03-11T03:00:00-04:00"},
      // There robfig/cron waits a year, and runs twice.
      {"cronie", "0 30 2 11 Mar ?", "2012-03-11T00:00:00-05:00", "2012-03-11T03:00:00-04:00 2013-03-11T02:30:00-04:00"},
      {"cronie", "0 30 1 04 Nov ?", "2012-11-04T00:00:00-04:00", "2012-11-04T01:30:00-04:00 2013-11-04T01:30:00-05:00"},
      {"croniter", "0 0 * * *", "2026-03-07T00:00:00-05:00", "2026-03-08T00:00:00-05:00 2026-03-09T00:00:00-04:00"},
  };
  for (const Row& row : in_new_york) expect_next(new_york(), row);
}

TEST(Calendar, loses_no_day_whose_midnight_is_skipped_or_repeated) {
  // On 2026-11-01 midnight is skipped, 00:00 to 01:00; on 2026-02-15 at 00:00 it is 23:00 of the day before again.
  const Row rows[] = {
      {"cronie", "@daily", "2026-10-31T00:00:00-03:00",
       "2026-11-01T01:00:00-02:00 2026-11-02T00:00:00-02:00 2026-11-03T00:00:00-02:00"},
      {"cronie", "0 0 1 11 *", "2026-10-31T00:00:00-03:00", "2026-11-01T01:00:00-02:00 2027-11-01T00:00:00-03:00"},
      {"cronie", "@monthly", "2026-10-31T00:00:00-03:00", "2026-11-01T01:00:00-02:00 2026-12-01T00:00:00-02:00"},
      {"cronie", "59 23 * * *", "2026-10-31T00:00:00-03:00", "2026-10-31T23:59:00-03:00 2026-11-01T23:59:00-02:00"},
      {"cronie", "@daily", "2026-02-14T00:00:00-02:00", "2026-02-15T00:00:00-03:00 2026-02-16T00:00:00-03:00"},
      {"cronie", "30 23 * * *", "2026-02-14T00:00:00-02:00", "2026-02-14T23:30:00-02:00 2026-02-15T23:30:00-03:00"},
      {"cronie", "30 23 14 2 *", "2026-02-14T23:30:00-02:00", "2027-02-14T23:30:00-02:00"},
      {"cronie", "*/30 * * * *", "2026-02-14T23:15:00-02:00",
       "2026-02-14T23:30:00-02:00 2026-02-14T23:00:00-03:00 2026-02-14T23:30:00-03:00 2026-02-15T00:00:00-03:00"},
      {"cronie", "*/30 * * * *", "2026-10-31T23:15:00-03:00", "2026-10-31T23:30:00-03:00 2026-11-01T01:00:00-02:00"},
  };
  for (const Row& row : rows) expect_next(sao_paulo(), row);
}

TEST(Calendar, runs_what_a_left_out_day_held_once) {
  const Row in_apia[] = {
      {"sidefridge", "@daily", "2011-12-28T00:00:00-10:00",
       "2011-12-29T00:00:00-10:00 2011-12-31T00:00:00+14:00 2012-01-01T00:00:00+14:00"},
      {"sidefridge", "0 12 * * *", "2011-12-29T00:00:00-10:00",
       "2011-12-29T12:00:00-10:00 2011-12-31T00:00:00+14:00 2011-12-31T12:00:00+14:00"},
      {"sidefridge", "0 12 * * fri", "2011-12-28T00:00:00-10:00",
       "2011-12-31T00:00:00+14:00 2012-01-06T12:00:00+14:00"},
      {"sidefridge", "0 12 * * sat", "2011-12-28T00:00:00-10:00", "2011-12-31T12:00:00+14:00"},
      {"sidefridge", "30 * * * *", "2011-12-29T23:00:00-10:00", "2011-12-29T23:30:00-10:00 2011-12-31T00:30:00+14:00"},
      {"sidefridge", "* * 30 12 *", "2011-12-01T00:00:00-10:00", "2012-12-30T00:00:00+14:00"},
  };
  for (const Row& row : in_apia) expect_next(apia(), row);
  const Row in_kwajalein[] = {
      {"sidefridge", "@daily", "1969-09-29T00:00:00+11:00",
       "1969-09-30T00:00:00+11:00 1969-10-01T00:00:00-12:00 1969-10-02T00:00:00-12:00"},
      {"sidefridge", "0 */12 * * *", "1969-09-30T00:00:00+11:00",
       "1969-09-30T12:00:00+11:00 1969-09-30T12:00:00-12:00 1969-10-01T00:00:00-12:00"},
      {"sidefridge", "@daily", "1993-08-20T00:00:00-12:00", "1993-08-22T00:00:00+12:00 1993-08-23T00:00:00+12:00"},
  };
  for (const Row& row : in_kwajalein) expect_next(kwajalein(), row);
}

TEST(Calendar, meets_gaps_of_half_an_hour_and_saving_that_is_negative) {
  const Row at_lord_howe[] = {
      {"croner", "15 2 * * *", "2026-10-03T12:00:00+10:30", "2026-10-04T02:30:00+11:00 2026-10-05T02:15:00+11:00"},
      {"croner", "30 2 * * *", "2026-10-03T12:00:00+10:30", "2026-10-04T02:30:00+11:00 2026-10-05T02:30:00+11:00"},
      {"croner", "0 2 * * *", "2026-10-03T12:00:00+10:30", "2026-10-04T02:30:00+11:00 2026-10-05T02:00:00+11:00"},
      {"croner", "45 1 * * *", "2026-04-04T12:00:00+11:00", "2026-04-05T01:45:00+11:00 2026-04-06T01:45:00+10:30"},
      {"croner", "*/15 * * * *", "2026-04-05T01:40:00+11:00",
       "2026-04-05T01:45:00+11:00 2026-04-05T01:30:00+10:30 2026-04-05T01:45:00+10:30 2026-04-05T02:00:00+10:30"},
  };
  for (const Row& row : at_lord_howe) expect_next(lord_howe(), row);
  const Row in_dublin[] = {
      {"sidefridge", "30 1 * * *", "2026-03-28T12:00:00+00:00", "2026-03-29T02:00:00+01:00 2026-03-30T01:30:00+01:00"},
      {"sidefridge", "30 1 * * *", "2026-10-24T12:00:00+01:00", "2026-10-25T01:30:00+01:00 2026-10-26T01:30:00+00:00"},
      {"sidefridge", "30 * * * *", "2026-10-25T01:00:00+01:00", "2026-10-25T01:30:00+01:00 2026-10-25T01:30:00+00:00"},
  };
  for (const Row& row : in_dublin) expect_next(dublin(), row);
}

TEST(Calendar, says_never_beyond_what_a_wall_time_holds) {
  const auto yearly = *parse_cron("@yearly");
  const WallTime last(std::chrono::sys_days(std::chrono::year(2262) / 1 / 1));
  EXPECT_EQ(next(yearly, Zone(), last - std::chrono::days(1)), last);
  for (const Zone& zone : all_test_zones()) {
    EXPECT_EQ(next(yearly, zone, last + std::chrono::days(2)), std::nullopt) << zone.name();
    EXPECT_EQ(next(*parse_cron("* * * * * *"), zone, WallTime::max()), std::nullopt) << zone.name();
    EXPECT_EQ(next(*parse_cron("1-59 * * * * *"), zone, WallTime::max()), std::nullopt) << zone.name();
    EXPECT_EQ(next(*parse_cron("0 0 29 2 *"), zone, WallTime::max() - std::chrono::days(365)), std::nullopt);
  }
}

TEST(Calendar, says_never_of_an_hour_that_is_always_a_gap) {
  const WallTime from = *text::parse_rfc3339("2026-11-23T00:00:00Z");
  EXPECT_EQ(next(*parse_cron("*/60 2 * 3 sunL"), berlin(), from), std::nullopt);
  EXPECT_TRUE(next(*parse_cron("0 2 * 3 sunL"), berlin(), from).has_value());
}

TEST(Calendar, counts_from_the_beginning_of_wall_time) {
  const auto at = next(*parse_cron("* * * * *"), Zone(), WallTime::min());
  ASSERT_TRUE(at.has_value());
  EXPECT_EQ(text::format_rfc3339(*at), "1677-09-21T00:13:00Z");
  for (const Zone& zone : all_test_zones()) {
    for (const std::string_view text : {"0 3 * * *", "*/7 * * * *"}) {
      const auto first = next(*parse_cron(text), zone, WallTime::min());
      ASSERT_TRUE(first.has_value()) << zone.name();
      EXPECT_GT(*first, WallTime::min()) << zone.name();
      EXPECT_LT(*first, WallTime::min() + std::chrono::days(2)) << zone.name();
    }
  }
}

using Random = std::mt19937_64;

int pick(Random& random, int low, int high) {
  return low + static_cast<int>(random() % static_cast<std::uint64_t>(high - low + 1));
}

// A random field: its text, and in `matches` which values it stands for.
template <std::size_t size>
std::string random_field(Random& random, bool (&matches)[size], int low, bool rare) {
  constexpr int high = static_cast<int>(size) - 1;
  if (pick(random, 0, 2) == 0) {
    for (int value = low; value <= high; ++value) matches[value] = true;
    return "*";
  }
  std::string text;
  const int items = rare ? 1 : pick(random, 1, 3);
  for (int item = 0; item < items; ++item) {
    if (item > 0) text += ',';
    const int first = pick(random, low, high);
    const int last = pick(random, low, high);
    const int step = pick(random, 1, high - low + 1);
    switch (rare ? 0 : pick(random, 0, 4)) {
      case 0:
        text += std::to_string(first);
        matches[first] = true;
        break;
      case 1:
        text += std::to_string(first) + "-" + std::to_string(last);
        for (int value = first;; value = value == high ? low : value + 1) {
          matches[value] = true;
          if (value == last) break;
        }
        break;
      case 2:
        text += "*/" + std::to_string(step);
        for (int value = low; value <= high; value += step) matches[value] = true;
        break;
      case 3:
        text += std::to_string(first) + "/" + std::to_string(step);
        for (int value = first; value <= high; value += step) matches[value] = true;
        break;
      default:
        text += std::to_string(std::min(first, last)) + "-" + std::to_string(std::max(first, last)) + "/" +
                std::to_string(step);
        for (int value = std::min(first, last); value <= std::max(first, last); value += step) matches[value] = true;
        break;
    }
  }
  return text;
}

std::string random_own_day(Random& random, oracle::Rules& rules) {
  switch (pick(random, 0, 3)) {
    case 0: rules.before_last.push_back(0); return "L";
    case 1: {
      const int n = pick(random, 1, 30);
      rules.before_last.push_back(n);
      return "L-" + std::to_string(n);
    }
    case 2: rules.nearest.push_back(0); return "LW";
    default: {
      const int n = pick(random, 1, 31);
      rules.nearest.push_back(n);
      return std::to_string(n) + "W";
    }
  }
}

std::string random_own_weekday(Random& random, oracle::Rules& rules) {
  const int weekday = pick(random, 0, 6);
  const int nth = pick(random, 0, 5);
  rules.nth.emplace_back(weekday, nth);
  return std::to_string(weekday) + (nth == 0 ? "L" : "#" + std::to_string(nth));
}

// A field alone, what is particular to it alone, or both in one list.
template <std::size_t size>
std::string random_day_field(Random& random, oracle::Rules& rules, bool (&matches)[size], int low, bool rare,
                             std::string (*random_own)(Random&, oracle::Rules&)) {
  std::string text;
  const int kind = pick(random, 0, 5);
  if (kind != 0) text = random_field(random, matches, low, rare);
  if (kind > 1) return text;
  for (int items = pick(random, 1, 2); items > 0; --items) {
    if (!text.empty()) text += ',';
    text += random_own(random, rules);
  }
  return text;
}

struct RandomExpression {
  std::string text;
  oracle::Rules rules;
};

RandomExpression random_expression(Random& random) {
  RandomExpression made;
  oracle::Rules& rules = made.rules;
  const bool rare = pick(random, 0, 7) == 0;
  const std::string minute = random_field(random, rules.minute, 0, rare);
  const std::string hour = random_field(random, rules.hour, 0, rare);
  const std::string day = random_day_field(random, rules, rules.day, 1, rare, random_own_day);
  const std::string month = random_field(random, rules.month, 1, rare);
  const std::string weekday = random_day_field(random, rules, rules.weekday, 0, rare, random_own_weekday);
  made.text = minute + " " + hour + " " + day + " " + month + " " + weekday;
  rules.day_restricted = day != "*";
  rules.weekday_restricted = weekday != "*";
  rules.real_time = minute.front() == '*' || hour.front() == '*';
  rules.second[0] = true;
  if (pick(random, 0, 3) == 0) {
    rules.second[0] = false;
    const std::string second = random_field(random, rules.second, 0, rare);
    made.text = second + " " + made.text;
    rules.real_time = rules.real_time || second.front() == '*';
  }
  return made;
}

// Two times of three within days of a change of the clocks, where there is one.
sys_seconds random_start(Random& random, const Zone& zone) {
  constexpr int seconds_of_day = 86'400;
  const sys_seconds any(std::chrono::days(pick(random, -3650, 84'000)) +
                        std::chrono::seconds(pick(random, 0, seconds_of_day)));
  if (pick(random, 0, 2) == 0) return any;
  // Some changes back, so that those of a table get their turn.
  sys_seconds change = zone.period_at(any).begins_at;
  for (int hops = pick(random, 0, 10); hops > 0 && change != sys_seconds::min(); --hops) {
    const sys_seconds earlier = zone.period_at(change - std::chrono::seconds(1)).begins_at;
    if (earlier == sys_seconds::min()) break;
    change = earlier;
  }
  if (change == sys_seconds::min()) return any;
  return change + std::chrono::seconds(pick(random, -2 * seconds_of_day, 2 * seconds_of_day));
}

// In 28 years without a century's exception every month begins on every weekday, February 29 included.
TEST(Calendar, is_asked_for_what_comes_and_nothing_else) {
  std::vector<std::string> items{"L", "LW"};
  for (int n = 1; n <= 31; ++n) {
    items.push_back(std::to_string(n));
    items.push_back(std::to_string(n) + "W");
    if (n < 31) items.push_back("L-" + std::to_string(n));
  }
  int refused = 0;
  for (const std::string& item : items) {
    const oracle::Rules rules = oracle::rules_of(*parse_cron("0 0 " + item + " * *"));
    for (int month = 1; month <= 12; ++month) {
      bool comes = false;
      for (int year = 2001; year <= 2028; ++year) {
        for (int day = 1; day <= oracle::month_length(year, month); ++day) {
          comes = comes || rules.day_matches({year, month, day, oracle::weekday_of(year, month, day)});
        }
      }
      const std::string text = "0 0 " + item + " " + std::to_string(month) + " *";
      EXPECT_EQ(parse_cron(text).ok(), comes) << text;
      if (!comes) ++refused;
    }
  }
  EXPECT_EQ(refused, 3 * (2 + 4));  // as a day, as nW, as L-n: 30 and 31 of February, 31 of four other months
}

TEST(Calendar, agrees_with_clocks_that_walk) {
  Random random(20261123);
  const std::vector<Zone> zones = all_test_zones();
  int compared = 0;
  int refused = 0;
  int never = 0;
  for (int round = 0; round < 20'000; ++round) {
    const RandomExpression made = random_expression(random);
    const Zone& zone = zones[static_cast<std::size_t>(round) % zones.size()];
    const auto parsed = parse_cron(made.text);
    if (!parsed) {
      // The one thing that is refused in what we generate.
      ASSERT_NE(parsed.error().text.find("never comes"), std::string::npos) << made.text << ": " << parsed.error().text;
      ASSERT_FALSE(oracle::next(made.rules, Zone(), random_start(random, Zone()))) << made.text;
      ++refused;
      continue;
    }
    // Every second time once more, from an instant at which it fires.
    sys_seconds from = random_start(random, zone);
    for (int hop = 0; hop <= round % 2; ++hop) {
      const auto expected = oracle::next(made.rules, zone, from);
      const auto found = next(*parsed, zone, WallTime(from) + Duration(pick(random, 0, 999'999'999)));
      ++compared;
      if (!expected) {
        ASSERT_TRUE(!found || *found >= from + oracle::patience) << made.text << " in " << zone.name();
        ++never;
        break;
      }
      ASSERT_EQ(found, WallTime(*expected))
          << made.text << " in " << zone.name() << " from " << text::format_rfc3339(WallTime(from)) << " found "
          << (found ? text::format_rfc3339(*found) : "never") << ", not " << text::format_rfc3339(WallTime(*expected));
      from = *expected;
    }
  }
  EXPECT_GT(compared, 28'000);
  EXPECT_GT(refused, 0);
  EXPECT_LT(never, 100);
}

TEST(Calendar, agrees_with_clocks_that_walk_through_changes_within_hours) {
  const Zone zone = restless();
  for (const std::string_view text : {"0-59 0-23 * * *", "* * * * *", "0-59/7 0-23 * * *", "*/7 1-22 * * *"}) {
    const CronExpression expression = *parse_cron(text);
    const oracle::Rules rules = oracle::rules_of(expression);
    const sys_seconds end = restless_from + std::chrono::hours(44);
    for (sys_seconds from = restless_from - std::chrono::hours(1); from < end; from += std::chrono::seconds(97)) {
      const auto expected = oracle::next(rules, zone, from);
      ASSERT_EQ(next(expression, zone, WallTime(from)), WallTime(expected.value()))
          << text << " from " << text::format_rfc3339(WallTime(from));
    }
  }
}

}  // namespace
}  // namespace sidefridge::cron
