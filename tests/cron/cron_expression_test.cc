// cron_expression_test.cc - cron's text: what is read, what is refused and in which words.
#include "sidefridge/cron/cron_expression.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "sidefridge/cron/month_days.h"

namespace sidefridge::cron {
namespace {

CronExpression parsed(std::string_view text) {
  const auto expression = parse_cron(text);
  EXPECT_TRUE(expression.ok()) << text << ": " << expression.error().text;
  return expression.ok() ? *expression : CronExpression{};
}

std::uint64_t bits(std::initializer_list<unsigned> values) {
  std::uint64_t out = 0;
  for (const unsigned value : values) out |= std::uint64_t{1} << value;
  return out;
}

std::uint64_t minutes_of(std::string_view field) {
  return parsed(std::string(field) + " * * * *").minutes;
}
std::uint64_t hours_of(std::string_view field) {
  return parsed("* " + std::string(field) + " * * *").hours;
}
std::uint64_t days_of(std::string_view field) {
  return parsed("* * " + std::string(field) + " * *").days;
}
std::uint64_t months_of(std::string_view field) {
  return parsed("* * * " + std::string(field) + " *").months;
}
std::uint64_t weekdays_of(std::string_view field) {
  return parsed("* * * * " + std::string(field)).weekdays;
}

TEST(Cron, reads_numbers_lists_and_ranges) {
  EXPECT_EQ(minutes_of("0"), bits({0}));
  EXPECT_EQ(minutes_of("59"), bits({59}));
  EXPECT_EQ(minutes_of("05"), bits({5}));
  EXPECT_EQ(minutes_of("1,2,40"), bits({1, 2, 40}));
  EXPECT_EQ(minutes_of("3-6"), bits({3, 4, 5, 6}));
  EXPECT_EQ(minutes_of("7-7"), bits({7}));
  EXPECT_EQ(minutes_of("1-3,2-4,9"), bits({1, 2, 3, 4, 9}));
  EXPECT_EQ(minutes_of("*"), (std::uint64_t{1} << 60) - 1);
  EXPECT_EQ(hours_of("*"), (std::uint64_t{1} << 24) - 1);
  EXPECT_EQ(days_of("1-31"), ((std::uint64_t{1} << 31) - 1) << 1);
  EXPECT_EQ(months_of("*"), ((std::uint64_t{1} << 12) - 1) << 1);
  EXPECT_EQ(weekdays_of("0-6"), (std::uint64_t{1} << 7) - 1);
}

TEST(Cron, reads_steps_and_takes_a_step_after_a_number_to_the_end) {
  EXPECT_EQ(minutes_of("*/15"), bits({0, 15, 30, 45}));
  EXPECT_EQ(minutes_of("10-30/10"), bits({10, 20, 30}));
  EXPECT_EQ(minutes_of("10-29/10"), bits({10, 20}));
  EXPECT_EQ(minutes_of("50/3"), bits({50, 53, 56, 59}));
  EXPECT_EQ(minutes_of("*/60"), bits({0}));
  EXPECT_EQ(minutes_of("5-10/30"), bits({5}));
  EXPECT_EQ(days_of("*/10"), bits({1, 11, 21, 31}));
  EXPECT_EQ(months_of("2/5"), bits({2, 7, 12}));
  EXPECT_EQ(weekdays_of("*/2"), bits({0, 2, 4, 6}));
  EXPECT_EQ(weekdays_of("1/2"), bits({1, 3, 5}));
  EXPECT_EQ(weekdays_of("tue/2"), bits({2, 4, 6}));
}

TEST(Cron, reads_names_in_three_letters_or_whole_in_any_case) {
  EXPECT_EQ(months_of("jan"), bits({1}));
  EXPECT_EQ(months_of("DEC"), bits({12}));
  EXPECT_EQ(months_of("September"), bits({9}));
  EXPECT_EQ(months_of("may"), bits({5}));
  EXPECT_EQ(months_of("feb,JUNE-august,12"), bits({2, 6, 7, 8, 12}));
  EXPECT_EQ(weekdays_of("Sun"), bits({0}));
  EXPECT_EQ(weekdays_of("saturday"), bits({6}));
  EXPECT_EQ(weekdays_of("mon-WEDNESDAY,fri"), bits({1, 2, 3, 5}));
  EXPECT_EQ(weekdays_of("mon-5"), bits({1, 2, 3, 4, 5}));
  const char* const months[] = {"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"};
  for (unsigned month = 1; month <= 12; ++month) EXPECT_EQ(months_of(months[month - 1]), bits({month}));
  const char* const weekdays[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
  for (unsigned day = 0; day < 7; ++day) EXPECT_EQ(weekdays_of(weekdays[day]), bits({day}));
}

TEST(Cron, takes_0_and_7_for_sunday) {
  EXPECT_EQ(weekdays_of("0"), bits({0}));
  EXPECT_EQ(weekdays_of("7"), bits({0}));
  EXPECT_EQ(weekdays_of("7-7"), bits({0}));
  EXPECT_EQ(weekdays_of("5-7"), bits({5, 6, 0}));
  EXPECT_EQ(weekdays_of("7-2"), bits({0, 1, 2}));
  EXPECT_EQ(weekdays_of("7-0"), bits({0}));
  EXPECT_EQ(weekdays_of("0-7"), bits({0, 1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(weekdays_of("1-7"), bits({0, 1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(weekdays_of("1-7/2"), bits({1, 3, 5, 0}));
  EXPECT_EQ(weekdays_of("7/2"), bits({0, 2, 4, 6}));
}

TEST(Cron, wraps_a_range_that_ends_before_it_starts) {
  EXPECT_EQ(weekdays_of("fri-mon"), bits({5, 6, 0, 1}));
  EXPECT_EQ(weekdays_of("sat-sun"), bits({6, 0}));
  EXPECT_EQ(hours_of("22-2"), bits({22, 23, 0, 1, 2}));
  EXPECT_EQ(hours_of("22-2/2"), bits({22, 0, 2}));
  EXPECT_EQ(hours_of("21-3/4"), bits({21, 1}));
  EXPECT_EQ(minutes_of("58-1"), bits({58, 59, 0, 1}));
  EXPECT_EQ(days_of("30-2"), bits({30, 31, 1, 2}));
  EXPECT_EQ(months_of("nov-feb"), bits({11, 12, 1, 2}));
}

TEST(Cron, takes_a_question_mark_for_a_star_in_the_day_fields_alone) {
  EXPECT_EQ(parsed("0 0 ? * ?"), parsed("0 0 * * *"));
  EXPECT_EQ(parsed("0 0 ? * mon"), parsed("0 0 * * mon"));
  EXPECT_EQ(parsed("0 0 1 * ?"), parsed("0 0 1 * *"));
  for (const std::string_view text : {"? * * * *", "* ? * * *", "* * * ? *", "? * * * * *"}) {
    EXPECT_FALSE(parse_cron(text).ok()) << text;
  }
}

TEST(Cron, reads_the_macros) {
  EXPECT_EQ(parsed("@hourly"), parsed("0 * * * *"));
  EXPECT_EQ(parsed("@daily"), parsed("0 0 * * *"));
  EXPECT_EQ(parsed("@midnight"), parsed("0 0 * * *"));
  EXPECT_EQ(parsed("@weekly"), parsed("0 0 * * 0"));
  EXPECT_EQ(parsed("@monthly"), parsed("0 0 1 * *"));
  EXPECT_EQ(parsed("@yearly"), parsed("0 0 1 1 *"));
  EXPECT_EQ(parsed("@annually"), parsed("0 0 1 1 *"));
  EXPECT_EQ(parsed(" \t@Daily "), parsed("@daily"));
}

TEST(Cron, reads_six_fields_with_the_second_first) {
  EXPECT_EQ(parsed("*/20 1 2 3 4 5").seconds, bits({0, 20, 40}));
  EXPECT_EQ(parsed("*/20 1 2 3 4 5").minutes, bits({1}));
  EXPECT_EQ(parsed("0 1 2 3 4 5"), parsed("1 2 3 4 5"));
  EXPECT_EQ(parsed("1 2 3 4 5").seconds, bits({0}));
}

TEST(Cron, separates_by_blanks_and_tabs_and_ignores_those_at_the_ends) {
  EXPECT_EQ(parsed("\t 1  2\t3 \t 4 5 \t"), parsed("1 2 3 4 5"));
}

TEST(Cron, calls_a_day_field_restricted_unless_it_is_a_star_or_a_question_mark) {
  const struct {
    std::string_view text;
    DayRule expected;
  } rows[] = {
      {"0 0 * * *", DayRule::every},      {"0 0 ? * *", DayRule::every},    {"0 0 1 * *", DayRule::days},
      {"0 0 */2 * *", DayRule::days},     {"0 0 */1 * *", DayRule::days},   {"0 0 1-31 * ?", DayRule::days},
      {"0 0 *,5 * *", DayRule::days},     {"0 0 * * 1", DayRule::weekdays}, {"0 0 * * */2", DayRule::weekdays},
      {"0 0 ? * 0-7", DayRule::weekdays}, {"0 0 1 * 1", DayRule::either},   {"0 0 */2 * */2", DayRule::either},
      {"0 0 ?/2 * *", DayRule::days},
  };
  for (const auto& row : rows) EXPECT_EQ(parsed(row.text).day_rule, row.expected) << row.text;
}

TEST(Cron, refuses_with_the_field_what_was_found_and_what_is_allowed) {
  const struct {
    std::string_view text;
    std::string_view expected;
  } rows[] = {
      {"60 * * * *", "minute: found '60', allowed: 0-59"},
      {"0 24 * * *", "hour: found '24', allowed: 0-23"},
      {"0 0 0 * *", "day of month: found '0', allowed: 1-31, also 1W to 31W, L, L-1 to L-30 or LW"},
      {"0 0 32 * *", "day of month: found '32', allowed: 1-31, also 1W to 31W, L, L-1 to L-30 or LW"},
      {"0 0 * 0 *", "month: found '0', allowed: 1-12 or jan-dec"},
      {"0 0 * 13 *", "month: found '13', allowed: 1-12 or jan-dec"},
      {"0 0 * * 8",
       "day of week: found '8', allowed: 0-7 (0 and 7 are Sunday) or sun-sat, also with L or #1 to #5 behind"},
      {"60 0 0 * * *", "second: found '60', allowed: 0-59"},
      {"0 60 0 * * *", "minute: found '60', allowed: 0-59"},
      {"*/0 * * * *", "minute: found '*/0', allowed: a step of 1-60 after the /"},
      {"*/61 * * * *", "minute: found '*/61', allowed: a step of 1-60 after the /"},
      {"0 5/25 * * *", "hour: found '5/25', allowed: a step of 1-24 after the /"},
      {"0 0 */32 * *", "day of month: found '*/32', allowed: a step of 1-31 after the /"},
      {"0 0 * */13 *", "month: found '*/13', allowed: a step of 1-12 after the /"},
      {"0 0 * * */8", "day of week: found '*/8', allowed: a step of 1-7 after the /"},
      {"*/ * * * *", "minute: found '*/', allowed: a step of 1-60 after the /"},
      {"*/2/2 * * * *", "minute: found '*/2/2', allowed: a step of 1-60 after the /"},
      {"*/-1 * * * *", "minute: found '*/-1', allowed: a step of 1-60 after the /"},
      {"1,,2 * * * *", "minute: found an empty list item, allowed: 0-59"},
      {",1 * * * *", "minute: found an empty list item, allowed: 0-59"},
      {"0 1, * * *", "hour: found an empty list item, allowed: 0-23"},
      {"-5 * * * *", "minute: found '-5', allowed: 0-59"},
      {"+5 * * * *", "minute: found '+5', allowed: 0-59"},
      {"1- * * * *", "minute: found '1-', allowed: 0-59"},
      {"1-2-3 * * * *", "minute: found '1-2-3', allowed: 0-59"},
      {"1-60 * * * *", "minute: found '1-60', allowed: 0-59"},
      {"*-5 * * * *", "minute: found '*-5', allowed: 0-59"},
      {"** * * * *", "minute: found '**', allowed: 0-59"},
      {"/5 * * * *", "minute: found '/5', allowed: 0-59"},
      {"1.5 * * * *", "minute: found '1.5', allowed: 0-59"},
      {"0x1 * * * *", "minute: found '0x1', allowed: 0-59"},
      {"4294967296 * * * *", "minute: found '4294967296', allowed: 0-59"},
      {"mon * * * *", "minute: found 'mon', allowed: 0-59"},
      {"0 0 * mon *", "month: found 'mon', allowed: 1-12 or jan-dec"},
      {"0 0 * * janu",
       "day of week: found 'janu', allowed: 0-7 (0 and 7 are Sunday) or sun-sat, also with L or #1 to #5 behind"},
      {"0 0 * * tues",
       "day of week: found 'tues', allowed: 0-7 (0 and 7 are Sunday) or sun-sat, also with L or #1 to #5 behind"},
      {"0 0 * * mo",
       "day of week: found 'mo', allowed: 0-7 (0 and 7 are Sunday) or sun-sat, also with L or #1 to #5 behind"},
      {"0 0 jul * *", "day of month: found 'jul', allowed: 1-31, also 1W to 31W, L, L-1 to L-30 or LW"},
      {"0 0 * * *\n",
       "day of week: found '*\\x0a', allowed: 0-7 (0 and 7 are Sunday) or sun-sat, also with L or #1 to #5 behind"},
      {"",
       "schedule: found 0 fields in '', allowed: 5 (minute, hour, day of month, month, day of week), 6 with the second "
       "first, or a macro such as @daily"},
      {"nightly",
       "schedule: found 1 field in 'nightly', allowed: 5 (minute, hour, day of month, month, day of week), 6 with the "
       "second first, or a macro such as @daily"},
      {"* * * *",
       "schedule: found 4 fields in '* * * *', allowed: 5 (minute, hour, day of month, month, day of week), 6 with the "
       "second first, or a macro such as @daily"},
      {"0 0 0 1 1 * 2027",
       "schedule: found 7 fields in '0 0 0 1 1 * 2027', allowed: 5 (minute, hour, day of month, month, day of week), 6 "
       "with the second first, or a macro such as @daily"},
      {"@reboot",
       "macro: found '@reboot', allowed: @hourly, @daily, @midnight, @weekly, @monthly, @yearly or @annually, alone"},
      {"@every 5m",
       "macro: found '@every 5m', allowed: @hourly, @daily, @midnight, @weekly, @monthly, @yearly or @annually, alone"},
      {"@daily *",
       "macro: found '@daily *', allowed: @hourly, @daily, @midnight, @weekly, @monthly, @yearly or @annually, alone"},
      {"@", "macro: found '@', allowed: @hourly, @daily, @midnight, @weekly, @monthly, @yearly or @annually, alone"},
      {"TZ=UTC 0 3 * * *", "time zone: found 'TZ=UTC', allowed: one, ahead of all else"},
      {" CRON_TZ=Europe/Berlin 0 3 * * *", "time zone: found 'CRON_TZ=Europe/Berlin', allowed: one, ahead of all else"},
      {"0 0 L-0 * *", "day of month: found 'L-0', allowed: L-1 to L-30"},
      {"0 0 1,l-31 * *", "day of month: found 'l-31', allowed: L-1 to L-30"},
      {"0 0 L- * *", "day of month: found 'L-', allowed: L-1 to L-30"},
      {"0 0 L-3W * *", "day of month: found 'L-3W', allowed: L-1 to L-30"},
      {"0 0 L-3-1 * *", "day of month: found 'L-3-1', allowed: L-1 to L-30"},
      {"0 0 L/2 * *", "day of month: found 'L/2', allowed: 1-31, also 1W to 31W, L, L-1 to L-30 or LW"},
      {"0 0 5L * *", "day of month: found '5L', allowed: 1-31, also 1W to 31W, L, L-1 to L-30 or LW"},
      {"0 0 L5 * *", "day of month: found 'L5', allowed: 1-31, also 1W to 31W, L, L-1 to L-30 or LW"},
      {"0 0 1-L * *", "day of month: found '1-L', allowed: 1-31, also 1W to 31W, L, L-1 to L-30 or LW"},
      {"0 0 32W * *", "day of month: found '32W', allowed: 1-31, also 1W to 31W, L, L-1 to L-30 or LW"},
      {"0 0 0W * *", "day of month: found '0W', allowed: 1-31, also 1W to 31W, L, L-1 to L-30 or LW"},
      {"0 0 W * *", "day of month: found 'W', allowed: 1-31, also 1W to 31W, L, L-1 to L-30 or LW"},
      {"0 0 WL * *", "day of month: found 'WL', allowed: 1-31, also 1W to 31W, L, L-1 to L-30 or LW"},
      {"0 0 1-15W * *", "day of month: found '1-15W', allowed: 1-31, also 1W to 31W, L, L-1 to L-30 or LW"},
      {"0 0 *W * *", "day of month: found '*W', allowed: 1-31, also 1W to 31W, L, L-1 to L-30 or LW"},
      {"0 0 15W/2 * *", "day of month: found '15W/2', allowed: 1-31, also 1W to 31W, L, L-1 to L-30 or LW"},
      {"0 0 mon#2 * *", "day of month: found 'mon#2', allowed: 1-31, also 1W to 31W, L, L-1 to L-30 or LW"},
      {"0 0 * * mon#0", "day of week: found 'mon#0', allowed: 1-5 after the #"},
      {"0 0 * * mon#6", "day of week: found 'mon#6', allowed: 1-5 after the #"},
      {"0 0 * * fri,1#", "day of week: found '1#', allowed: 1-5 after the #"},
      {"0 0 * * 1#2#3", "day of week: found '1#2#3', allowed: 1-5 after the #"},
      {"0 0 * * 1#-2", "day of week: found '1#-2', allowed: 1-5 after the #"},
      {"0 0 * * 8#1",
       "day of week: found '8#1', allowed: 0-7 (0 and 7 are Sunday) or sun-sat, also with L or #1 to #5 behind"},
      {"0 0 * * #1",
       "day of week: found '#1', allowed: 0-7 (0 and 7 are Sunday) or sun-sat, also with L or #1 to #5 behind"},
      {"0 0 * * mon-fri#2",
       "day of week: found 'mon-fri#2', allowed: 0-7 (0 and 7 are Sunday) or sun-sat, also with L or #1 to #5 behind"},
      {"0 0 * * L",
       "day of week: found 'L', allowed: 0-7 (0 and 7 are Sunday) or sun-sat, also with L or #1 to #5 behind"},
      {"0 0 * * 8L",
       "day of week: found '8L', allowed: 0-7 (0 and 7 are Sunday) or sun-sat, also with L or #1 to #5 behind"},
      {"0 0 * * *L",
       "day of week: found '*L', allowed: 0-7 (0 and 7 are Sunday) or sun-sat, also with L or #1 to #5 behind"},
      {"0 0 * * 15W",
       "day of week: found '15W', allowed: 0-7 (0 and 7 are Sunday) or sun-sat, also with L or #1 to #5 behind"},
      {"0 0 * * LW",
       "day of week: found 'LW', allowed: 0-7 (0 and 7 are Sunday) or sun-sat, also with L or #1 to #5 behind"},
      {"0 0 * L *", "month: found 'L', allowed: 1-12 or jan-dec"},
      {"5L * * * *", "minute: found '5L', allowed: 0-59"},
  };
  for (const auto& row : rows) {
    const auto expression = parse_cron(row.text);
    ASSERT_FALSE(expression.ok()) << row.text;
    EXPECT_EQ(expression.error().code, ErrorCode::invalid) << row.text;
    EXPECT_EQ(expression.error().text, row.expected) << row.text;
  }
}

TEST(Cron, reads_last_days_and_nearest_weekdays) {
  const struct {
    std::string_view field;
    std::uint64_t days, last_days, nearest_weekdays;
  } rows[] = {
      {"L", 0, bits({31}), 0},   {"l", 0, bits({31}), 0},
      {"L-1", 0, bits({30}), 0}, {"l-03", 0, bits({28}), 0},
      {"L-30", 0, bits({1}), 0}, {"LW", 0, 0, bits({0})},
      {"lw", 0, 0, bits({0})},   {"Lw", 0, 0, bits({0})},
      {"1W", 0, 0, bits({1})},   {"15w", 0, 0, bits({15})},
      {"31W", 0, 0, bits({31})}, {"1,L,15W,L-2,LW,20-22,1w", bits({1, 20, 21, 22}), bits({31, 29}), bits({0, 1, 15})},
  };
  for (const auto& row : rows) {
    const CronExpression found = parsed("0 0 " + std::string(row.field) + " * *");
    EXPECT_EQ(found.days, row.days) << row.field;
    EXPECT_EQ(found.last_days, row.last_days) << row.field;
    EXPECT_EQ(found.nearest_weekdays, row.nearest_weekdays) << row.field;
    EXPECT_EQ(found.day_rule, DayRule::days) << row.field;
  }
}

TEST(Cron, reads_nth_and_last_weekdays) {
  const struct {
    std::string_view field;
    std::uint64_t weekdays, nth_weekdays, last_weekdays;
  } rows[] = {
      {"0#1", 0, bits({0}), 0},
      {"7#1", 0, bits({0}), 0},
      {"6#5", 0, bits({34}), 0},
      {"mon#2", 0, bits({8}), 0},
      {"MONDAY#2", 0, bits({8}), 0},
      {"fri#03", 0, bits({19}), 0},
      {"5L", 0, 0, bits({5})},
      {"7L", 0, 0, bits({0})},
      {"friL", 0, 0, bits({5})},
      {"Fridayl", 0, 0, bits({5})},
      {"mon,tue#1,tuesday#3,sat-sun,friL,0l", bits({1, 6, 0}), bits({2, 16}), bits({5, 0})},
  };
  for (const auto& row : rows) {
    const CronExpression found = parsed("0 0 * * " + std::string(row.field));
    EXPECT_EQ(found.weekdays, row.weekdays) << row.field;
    EXPECT_EQ(found.nth_weekdays, row.nth_weekdays) << row.field;
    EXPECT_EQ(found.last_weekdays, row.last_weekdays) << row.field;
    EXPECT_EQ(found.day_rule, DayRule::weekdays) << row.field;
  }
}

// crontab(5) of Debian's cron 3.0pl1: MIN_STAR and HR_STAR; the second is ours.
TEST(Cron, follows_real_time_when_second_minute_or_hour_starts_with_a_star) {
  const struct {
    std::string_view text;
    bool expected;
  } rows[] = {
      {"0 3 * * *", false},      {"0-59 3 * * *", false},  {"0/15 0-23 * * *", false}, {"0,*/15 3 * * *", false},
      {"0 3 */2 * */2", false},  {"0 0 3 * * *", false},   {"0-59 0 3 * * *", false},  {"@daily", false},
      {"@yearly", false},        {"* 3 * * *", true},      {"*/60 3 * * *", true},     {"*,5 3 * * *", true},
      {"0 * * * *", true},       {"30 */24 * * *", true},  {"@hourly", true},          {"* 0 3 * * *", true},
      {"*/60 30 3 * * *", true}, {"0 */30 3 * * *", true}, {"0 0 *,1 * * *", true},
  };
  for (const auto& row : rows) EXPECT_EQ(parsed(row.text).follows_real_time, row.expected) << row.text;
}

TEST(Cron, parts_the_zone_from_the_fields) {
  const struct {
    std::string_view text;
    std::optional<std::string_view> zone;
    std::string_view rest;
  } rows[] = {
      {"0 3 * * *", std::nullopt, "0 3 * * *"},
      {" @daily", std::nullopt, " @daily"},
      {"", std::nullopt, ""},
      {" \t", std::nullopt, " \t"},
      {"TZ=UTC 0 3 * * *", "UTC", " 0 3 * * *"},
      {" \tCRON_TZ=Europe/Berlin\t0 3 * * * ", "Europe/Berlin", "\t0 3 * * * "},
      {"TZ=CET-1CEST,M3.5.0,M10.5.0/3 @daily", "CET-1CEST,M3.5.0,M10.5.0/3", " @daily"},
      {"TZ= 0 3 * * *", "", " 0 3 * * *"},
      {"TZ=UTC", "UTC", ""},
      {"tz=UTC 0 3 * * *", std::nullopt, "tz=UTC 0 3 * * *"},
      {"XTZ=UTC 0 3 * * *", std::nullopt, "XTZ=UTC 0 3 * * *"},
      {"0 3 * * * TZ=UTC", std::nullopt, "0 3 * * * TZ=UTC"},
  };
  for (const auto& row : rows) {
    const ZonedText found = split_zone(row.text);
    EXPECT_EQ(found.zone, row.zone) << row.text;
    EXPECT_EQ(found.rest, row.rest) << row.text;
  }
}

TEST(Cron, refuses_a_date_that_never_comes) {
  const struct {
    std::string_view text;
    std::string_view expected;
  } rows[] = {
      {"0 0 31 2 *", "day of month: found '31', a date that never comes in month '2', allowed: 1-29 there"},
      {"0 0 30 feb ?", "day of month: found '30', a date that never comes in month 'feb', allowed: 1-29 there"},
      {"0 0 30,31 2 *", "day of month: found '30,31', a date that never comes in month '2', allowed: 1-29 there"},
      {"0 0 31 2,4,6,9,11 *",
       "day of month: found '31', a date that never comes in month '2,4,6,9,11', allowed: 1-30 there"},
      {"0 0 31 2,4 *", "day of month: found '31', a date that never comes in month '2,4', allowed: 1-30 there"},
      {"0 0 30W 2 *", "day of month: found '30W', a date that never comes in month '2', allowed: 1-29 there"},
      {"0 0 31W feb,jun *",
       "day of month: found '31W', a date that never comes in month 'feb,jun', allowed: 1-30 there"},
      {"0 0 L-29 2 *",
       "day of month: found 'L-29', a date that never comes in month '2', allowed: 1-29 or L-1 to L-28 there"},
      {"0 0 L-30 2 *",
       "day of month: found 'L-30', a date that never comes in month '2', allowed: 1-29 or L-1 to L-28 there"},
      {"0 0 31,31W,L-30 4,6 ?",
       "day of month: found '31,31W,L-30', a date that never comes in month '4,6', allowed: 1-30 or L-1 to L-29 there"},
  };
  for (const auto& row : rows) {
    const auto expression = parse_cron(row.text);
    ASSERT_FALSE(expression.ok()) << row.text;
    EXPECT_EQ(expression.error().text, row.expected);
  }
  for (const std::string_view text : {"0 0 29 2 *", "0 0 31 2,3 *", "0 0 31 2 mon", "0 0 29-31 2 *", "0 0 L-28 2 *",
                                      "0 0 29W 2 *", "0 0 30,31W 4 *", "0 0 L-29 4 *", "0 0 L-30 1,2 *", "0 0 LW 2 *",
                                      "0 0 * 2 mon#5", "0 0 31 2 mon#5", "0 0 30W 2 friL", "0 0 31W,L 2 *"}) {
    EXPECT_TRUE(parse_cron(text).ok()) << text;
  }
}

// The month's length, the weekday of its first, and the days that match. Origins: Quartz's CronExpression for W (the
// nearest weekday, never in another month) and croner for LW and #; crontab(5) has none of them.
TEST(Cron, knows_which_days_of_a_month_match) {
  constexpr unsigned sunday = 0, monday = 1, wednesday = 3, thursday = 4, friday = 5, saturday = 6;
  const struct {
    std::string_view text;
    unsigned length, first_weekday;
    std::uint64_t expected;
  } rows[] = {
      {"0 0 * * *", 28, monday,
       bits({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28})},
      {"0 0 29-31 * *", 30, monday, bits({29, 30})},
      {"0 0 L * *", 28, monday, bits({28})},
      {"0 0 L * *", 31, friday, bits({31})},
      {"0 0 L-1,L-28,L-30 * *", 31, friday, bits({1, 3, 30})},
      {"0 0 L-1,L-28,L-30 * *", 29, friday, bits({1, 28})},
      {"0 0 L-1,L-28,L-30 * *", 28, friday, bits({27})},
      {"0 0 15W * *", 30, thursday, bits({15})},
      {"0 0 1W * *", 30, saturday, bits({3})},
      {"0 0 1W * *", 30, sunday, bits({2})},
      {"0 0 1W * *", 30, monday, bits({1})},
      {"0 0 2W * *", 30, friday, bits({1})},
      {"0 0 2W * *", 30, saturday, bits({3})},
      {"0 0 1W,2W,3W * *", 30, saturday, bits({3})},
      {"0 0 30W * *", 30, friday, bits({29})},
      {"0 0 30W * *", 30, saturday, bits({28})},
      {"0 0 31W * *", 31, friday, bits({29})},
      {"0 0 31W * *", 31, thursday, bits({30})},
      {"0 0 31W * *", 30, thursday, 0},
      {"0 0 29W * *", 28, thursday, 0},
      {"0 0 29W * *", 29, saturday, bits({28})},
      {"0 0 29W * *", 29, sunday, bits({27})},
      {"0 0 LW * *", 28, monday, bits({26})},
      {"0 0 LW * *", 28, sunday, bits({27})},
      {"0 0 LW * *", 31, wednesday, bits({31})},
      {"0 0 LW * *", 31, friday, bits({29})},
      {"0 0 * * mon#1", 30, monday, bits({1})},
      {"0 0 * * mon#1", 30, sunday, bits({2})},
      {"0 0 * * sun#1", 30, monday, bits({7})},
      {"0 0 * * mon#5", 28, monday, 0},
      {"0 0 * * mon#5", 29, monday, bits({29})},
      {"0 0 * * sat#5", 31, saturday, bits({29})},
      {"0 0 * * sat#5", 30, monday, 0},
      {"0 0 * * tue#2,fri#4", 31, wednesday, bits({14, 24})},
      {"0 0 * * friL", 31, friday, bits({29})},
      {"0 0 * * friL", 28, saturday, bits({28})},
      {"0 0 * * sunL,satL", 30, monday, bits({27, 28})},
      {"0 0 * * mon", 31, saturday, bits({3, 10, 17, 24, 31})},
      {"0 0 L * mon#1", 31, saturday, bits({3, 31})},
      {"0 0 15W,1 * friL", 30, saturday, bits({1, 14, 28})},
      {"0 0 31 * mon#5", 30, wednesday, 0},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(matching_days(parsed(row.text), row.length, row.first_weekday), row.expected)
        << row.text << " in " << row.length << " days from weekday " << row.first_weekday;
  }
}

}  // namespace
}  // namespace sidefridge::cron
