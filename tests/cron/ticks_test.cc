#include "sidefridge/cron/ticks.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "sidefridge/text/time_format.h"

namespace sidefridge::cron {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

WallTime at(std::string_view text) {
  return text::parse_rfc3339("2026-11-23T" + std::string(text) + "Z").value();
}

Schedule schedule(std::string_view text) {
  const ZoneSource utc = [](std::string_view) -> Result<Zone> { return Zone(); };
  return parse_schedule(text, "", utc).value();
}

Ticks started(std::string_view text, std::string_view now, Duration delay = {}) {
  Ticks ticks(schedule(text), delay);
  ticks.start(at(now));
  return ticks;
}

std::string coming(const Ticks& ticks) {
  return ticks.next() ? text::format_rfc3339(ticks.next()->at).substr(11, 8) : "none";
}

TEST(Ticks, none_comes_before_the_start_and_none_after_the_stop) {
  Ticks ticks(schedule("* * * * *"), {});
  EXPECT_EQ(coming(ticks), "none");
  ticks.start(at("10:00:30"));
  EXPECT_EQ(coming(ticks), "10:01:00");
  ticks.stop();
  EXPECT_EQ(coming(ticks), "none");
}

TEST(Ticks, the_next_is_later_than_the_start) {
  EXPECT_EQ(coming(started("*/10 * * * *", "10:10:00")), "10:20:00");
}

TEST(Ticks, one_that_is_taken_early_does_not_come_again) {
  Ticks ticks = started("* * * * *", "10:00:30");
  EXPECT_EQ(ticks.take(at("10:00:59")).at, at("10:01:00"));
  EXPECT_EQ(coming(ticks), "10:02:00");
}

TEST(Ticks, those_before_the_moment_one_is_taken_are_dealt_with) {
  Ticks ticks = started("* * * * *", "10:00:30");
  EXPECT_EQ(ticks.take(at("10:05:10")).at, at("10:01:00"));
  EXPECT_EQ(coming(ticks), "10:06:00");
}

TEST(Ticks, a_delay_makes_each_due_later) {
  const Ticks ticks = started("*/10 * * * *", "10:00:00", minutes(3));
  EXPECT_EQ(ticks.next()->at, at("10:10:00"));
  EXPECT_EQ(ticks.next()->due_at, at("10:13:00"));
}

TEST(Ticks, a_delay_never_reaches_the_tick_after) {
  const Ticks ticks = started("*/20 * * * * *", "10:00:00", seconds(50));
  EXPECT_EQ(ticks.next()->at, at("10:00:20"));
  EXPECT_EQ(ticks.next()->due_at, at("10:00:30"));
}

TEST(Ticks, a_step_over_a_tick_leaves_it_the_next_unless_the_step_is_large) {
  struct Row {
    Duration step;
    std::string_view now;
    std::string_view next;
  };
  const std::vector<Row> rows{
      {seconds(1), "10:30:01", "11:00:00"},   {hours(1), "11:30:00", "11:00:00"},
      {minutes(179), "13:29:00", "11:00:00"}, {hours(3), "13:30:00", "14:00:00"},
      {seconds(-1), "10:29:59", "11:00:00"},  {hours(-4), "06:30:00", "07:00:00"},
  };
  for (const Row& row : rows) {
    Ticks ticks = started("0 * * * *", "10:30:00");
    ticks.on_clock_stepped(row.step, at(row.now));
    EXPECT_EQ(coming(ticks), row.next) << row.now;
  }
}

TEST(Ticks, one_that_was_taken_does_not_come_again_after_a_small_step_back) {
  Ticks ticks = started("0 * * * *", "10:30:00");
  ticks.take(at("11:00:00"));
  ticks.on_clock_stepped(hours(-1), at("10:00:10"));
  EXPECT_EQ(coming(ticks), "12:00:00");
  ticks.on_clock_stepped(hours(-3), at("07:00:10"));
  EXPECT_EQ(coming(ticks), "08:00:00");
}

TEST(Ticks, a_new_schedule_counts_at_once_and_repeats_nothing) {
  Ticks ticks = started("0 * * * *", "10:30:00");
  ticks.take(at("10:59:59"));
  ticks.change(schedule("*/15 * * * *"), at("10:59:59"));
  EXPECT_EQ(coming(ticks), "11:15:00");
}

TEST(Ticks, finds_the_first_of_a_stretch_taken_or_not) {
  Ticks ticks = started("0 * * * *", "10:30:00");
  ticks.take(at("11:00:00"));
  EXPECT_EQ(ticks.first_between(at("10:00:00"), at("12:30:00")), at("11:00:00"));
  EXPECT_EQ(ticks.first_between(at("11:00:00"), at("12:00:00")), at("12:00:00"));
  EXPECT_EQ(ticks.first_between(at("11:00:00"), at("11:59:59")), std::nullopt);
}

TEST(Ticks, tell_the_next_three_by_the_moment_they_are_due) {
  EXPECT_EQ(started("0 * * * *", "10:30:00", minutes(5)).describe_coming(),
            "next runs at 2026-11-23T11:05:00+00:00, 2026-11-23T12:05:00+00:00, 2026-11-23T13:05:00+00:00");
  EXPECT_EQ(Ticks(schedule("0 * * * *"), {}).describe_coming(), "the schedule has no further tick");
}

}  // namespace
}  // namespace sidefridge::cron
