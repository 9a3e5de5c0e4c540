// zone_calendar_test.cc - schedules around each change of the clocks that the tz database knows.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sidefridge/cron/calendar.h"
#include "sidefridge/cron/cron_expression.h"
#include "sidefridge/os/zone_file.h"
#include "sidefridge/text/time_format.h"

namespace sidefridge::os {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using std::chrono::days;
using std::chrono::local_days;
using std::chrono::local_seconds;
using std::chrono::seconds;
using std::chrono::sys_seconds;

constexpr sys_seconds begin = std::chrono::sys_days(std::chrono::year(1970) / 1 / 1);
constexpr sys_seconds end = std::chrono::sys_days(std::chrono::year(2060) / 1 / 1);

/// Every zone once, whatever number of names it has.
std::vector<cron::Zone> zones_of_database() {
  const fs::path root = "/usr/share/zoneinfo";
  std::vector<cron::Zone> zones;
  std::set<std::string> known;
  std::error_code none;
  for (fs::recursive_directory_iterator it(root, none), last; it != last; ++it) {
    if (it->path().filename() == "posix" || it->path().filename() == "right") it.disable_recursion_pending();
    if (!it->is_regular_file()) continue;
    std::ifstream file(it->path(), std::ios::binary);
    std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    if (!bytes.starts_with("TZif") || !known.insert(std::move(bytes)).second) continue;
    auto zone = load_zone(it->path().lexically_relative(root).string());
    EXPECT_TRUE(zone.ok()) << it->path();
    if (zone) zones.push_back(*std::move(zone));
  }
  return zones;
}

std::vector<sys_seconds> changes_of(const cron::Zone& zone) {
  std::vector<sys_seconds> changes;
  for (sys_seconds at = zone.period_at(begin).ends_at; at < end; at = zone.period_at(at).ends_at) changes.push_back(at);
  return changes;
}

sys_seconds next(const cron::CronExpression& expression, const cron::Zone& zone, sys_seconds after) {
  const std::optional<WallTime> at = cron::next(expression, zone, WallTime(after));
  return at ? std::chrono::time_point_cast<seconds>(*at) : sys_seconds::max();
}

local_seconds shown(const cron::Zone& zone, sys_seconds at) {
  return local_seconds((at + zone.period_at(at).offset).time_since_epoch());
}

std::string text_of(const cron::Zone& zone, sys_seconds at) {
  return zone.name() + " at " + text::format_rfc3339(WallTime(at));
}

/// Whether any clock shows a moment of this day, which is about `near`.
bool exists(const cron::Zone& zone, local_days day, sys_seconds near) {
  for (sys_seconds at = near - days(4); at < near + days(4); at = zone.period_at(at).ends_at) {
    const cron::ZonePeriod period = zone.period_at(at);
    const sys_seconds midnight((day.time_since_epoch() - period.offset));
    if (midnight < period.ends_at && midnight + days(1) > period.begins_at) return true;
  }
  return false;
}

void expect_once_a_day(const cron::Zone& zone, sys_seconds change, const cron::CronExpression& expression,
                       seconds time_of_day) {
  sys_seconds previous = next(expression, zone, change - days(2));
  while (previous < change + days(2)) {
    const sys_seconds at = next(expression, zone, previous);
    ASSERT_GT(at, previous) << text_of(zone, previous);
    const local_seconds now = shown(zone, at);
    // The day that it is for: at its time, or after a gap that holds its time.
    const auto day = std::chrono::floor<days>(now - time_of_day);
    const auto previous_day = std::chrono::floor<days>(shown(zone, previous) - time_of_day);
    ASSERT_GT(day, previous_day) << text_of(zone, at) << " it is run twice for a day";
    for (auto between = previous_day + days(1); between < day; between += days(1)) {
      ASSERT_FALSE(exists(zone, between, change)) << text_of(zone, at) << " a day was left out";
    }
    if (now != day + time_of_day) {
      ASSERT_EQ(at, zone.period_at(at).begins_at) << text_of(zone, at) << " is neither its time nor the end of a gap";
      ASSERT_LT(shown(zone, at - 1s), day + time_of_day) << text_of(zone, at) << " ends no gap that holds its time";
    } else if (const sys_seconds since = zone.period_at(at).begins_at; since != sys_seconds::min()) {
      const cron::ZonePeriod before = zone.period_at(since - 1s);
      const sys_seconds earlier(now.time_since_epoch() - before.offset);
      ASSERT_FALSE(earlier >= before.begins_at && earlier < before.ends_at)
          << text_of(zone, at) << " is not the first occurrence";
    }
    previous = at;
  }
}

void expect_every_half_hour(const cron::Zone& zone, sys_seconds change, const cron::CronExpression& expression) {
  std::vector<sys_seconds> expected;
  for (sys_seconds at = change - 2h; at < change + 4h;) {
    const cron::ZonePeriod period = zone.period_at(at);
    const sys_seconds stop = std::min(period.ends_at, change + 4h);
    const seconds since = (at + period.offset).time_since_epoch() % 30min;
    at += (30min - since) % 30min;
    for (; at < stop; at += 30min) expected.push_back(at);
    at = stop;
  }
  sys_seconds at = change - 2h - 1s;
  for (const sys_seconds instant : expected) {
    at = next(expression, zone, at);
    ASSERT_EQ(at, instant) << text_of(zone, change);
  }
}

TEST(ZoneCalendar, runs_once_a_day_or_by_real_time_around_every_change_of_the_clocks) {
  const std::vector<cron::Zone> zones = zones_of_database();
  if (zones.empty()) GTEST_SKIP() << "/usr/share/zoneinfo has no zones";
  const auto at_night = *cron::parse_cron("30 2 * * *");
  const auto at_midnight = *cron::parse_cron("0 0 * * *");
  const auto half_hours = *cron::parse_cron("*/30 * * * *");
  std::size_t changes = 0;
  for (const cron::Zone& zone : zones) {
    for (const sys_seconds change : changes_of(zone)) {
      ASSERT_NO_FATAL_FAILURE(expect_once_a_day(zone, change, at_night, 2h + 30min));
      ASSERT_NO_FATAL_FAILURE(expect_once_a_day(zone, change, at_midnight, 0h));
      ASSERT_NO_FATAL_FAILURE(expect_every_half_hour(zone, change, half_hours));
      ++changes;
    }
  }
  EXPECT_GT(changes, zones.size());
}

}  // namespace
}  // namespace sidefridge::os
