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

TEST(Ticks, one_that_is_taken_does_not_come_again_however_early_it_was) {
  Ticks ticks = started("* * * * *", "10:00:30");
  EXPECT_EQ(ticks.take().at, at("10:01:00"));
  EXPECT_EQ(coming(ticks), "10:02:00");
  EXPECT_EQ(ticks.settled_until(), at("10:01:00"));
}

TEST(Ticks, each_is_taken_by_itself_whatever_has_come_since) {
  Ticks ticks = started("* * * * *", "10:00:30");
  EXPECT_EQ(ticks.take().at, at("10:01:00"));
  EXPECT_EQ(ticks.take().at, at("10:02:00"));
  EXPECT_EQ(coming(ticks), "10:03:00");
}

TEST(Ticks, those_that_are_due_are_passed_over_and_counted) {
  Ticks ticks = started("* * * * *", "10:00:30");
  EXPECT_EQ(ticks.pass_over(at("10:00:59")), std::nullopt);
  EXPECT_EQ(ticks.pass_over(at("10:05:10")), (TickSpan{at("10:01:00"), at("10:05:00"), 5}));
  EXPECT_EQ(coming(ticks), "10:06:00");
  EXPECT_EQ(ticks.pass_over(at("10:06:00")), (TickSpan{at("10:06:00"), at("10:06:00"), 1}));
  EXPECT_EQ(ticks.settled_until(), at("10:06:00"));
  EXPECT_EQ(ticks.pass_over(at("10:00:00")), std::nullopt) << "a clock that was set back";
}

TEST(Ticks, one_that_has_come_and_is_due_later_is_not_passed_over) {
  Ticks ticks = started("*/10 * * * *", "10:00:00", minutes(3));
  EXPECT_EQ(ticks.pass_over(at("10:22:00")), (TickSpan{at("10:10:00"), at("10:10:00"), 1}));
  EXPECT_EQ(coming(ticks), "10:20:00");
}

TEST(Ticks, too_many_to_count_are_passed_over_all_the_same) {
  Ticks ticks = started("* * * * * *", "10:00:00");
  const WallTime now = at("10:00:00") + hours(24 * 365) + std::chrono::milliseconds(500);
  const std::optional<TickSpan> passed = ticks.pass_over(now);
  ASSERT_TRUE(passed);
  EXPECT_EQ(passed->first, at("10:00:01"));
  EXPECT_EQ(passed->last, at("10:00:00") + hours(24 * 365)) << "a tick, not the moment";
  EXPECT_EQ(passed->count, most_counted_ticks);
  EXPECT_EQ(ticks.next()->at, at("10:00:01") + hours(24 * 365));
}

TEST(Ticks, too_many_to_count_leave_one_that_is_due_later) {
  Ticks ticks = started("0-29 * * * * *", "10:00:00", std::chrono::milliseconds(400));
  const WallTime now = at("10:00:29") + hours(24 * 365) + std::chrono::milliseconds(300);
  const std::optional<TickSpan> passed = ticks.pass_over(now);
  ASSERT_TRUE(passed);
  EXPECT_EQ(passed->count, most_counted_ticks);
  EXPECT_EQ(passed->last, at("10:00:28") + hours(24 * 365));
  EXPECT_EQ(ticks.next()->at, at("10:00:29") + hours(24 * 365));
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

TEST(Ticks, a_start_forgets_what_was_not_dealt_with) {
  Ticks ticks = started("0 * * * *", "10:30:00");
  ticks.take();
  ticks.start(at("07:00:10"));
  EXPECT_EQ(coming(ticks), "08:00:00");
  ticks.start(at("13:30:00"));
  EXPECT_EQ(coming(ticks), "14:00:00");
  EXPECT_EQ(ticks.settled_until(), at("13:30:00"));
}

TEST(Ticks, a_new_schedule_counts_at_once_and_repeats_nothing) {
  Ticks ticks = started("0 * * * *", "10:30:00");
  ticks.take();
  ticks.change(schedule("*/15 * * * *"), at("10:59:59"));
  EXPECT_EQ(coming(ticks), "11:15:00");
}

TEST(Ticks, a_new_schedule_counts_from_the_moment_of_the_change) {
  Ticks ticks = started("0 11 * * *", "10:10:00");
  ticks.change(schedule("*/5 * * * *"), at("10:32:00"));
  EXPECT_EQ(coming(ticks), "10:35:00") << "not 10:15";
}

TEST(Ticks, a_change_keeps_one_that_has_come_and_was_not_dealt_with_yet) {
  Ticks ticks = started("0 * * * *", "10:30:00", minutes(5));
  ticks.change(schedule("*/2 * * * *"), at("11:01:00"));
  EXPECT_EQ(ticks.next(), (Tick{at("11:00:00"), at("11:05:00")}));
  EXPECT_EQ(ticks.take().at, at("11:00:00"));
  EXPECT_EQ(coming(ticks), "11:02:00") << "none of the new one from before the change";
}

TEST(Ticks, an_owed_one_is_passed_over_once_it_is_due) {
  Ticks ticks = started("0 * * * *", "10:30:00", minutes(5));
  ticks.change(schedule("*/2 * * * *"), at("11:01:00"));
  EXPECT_EQ(ticks.pass_over(at("11:04:00")), std::nullopt);
  // The delay of 5 minutes of 2 is one.
  EXPECT_EQ(ticks.pass_over(at("11:05:00")), (TickSpan{at("11:00:00"), at("11:04:00"), 3}));
}

TEST(Ticks, a_change_after_the_stop_brings_none) {
  Ticks ticks = started("0 * * * *", "10:30:00");
  ticks.stop();
  ticks.change(schedule("* * * * *"), at("10:30:00"));
  EXPECT_EQ(coming(ticks), "none");
}

TEST(Ticks, tell_the_next_three_by_the_moment_they_are_due) {
  EXPECT_EQ(started("0 * * * *", "10:30:00", minutes(5)).describe_coming(),
            "next runs at 2026-11-23T11:05:00+00:00, 2026-11-23T12:05:00+00:00, 2026-11-23T13:05:00+00:00");
  EXPECT_EQ(Ticks(schedule("0 * * * *"), {}).describe_coming(), "the schedule has no further tick");
}

}  // namespace
}  // namespace sidefridge::cron
