// cron_expression_test.cc - cron's text: what is read, what is refused and in which words.
#include "sidefridge/core/cron_expression.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace sidefridge::core {
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
      {"0 0 0 * *", "day of month: found '0', allowed: 1-31"},
      {"0 0 32 * *", "day of month: found '32', allowed: 1-31"},
      {"0 0 * 0 *", "month: found '0', allowed: 1-12 or jan-dec"},
      {"0 0 * 13 *", "month: found '13', allowed: 1-12 or jan-dec"},
      {"0 0 * * 8", "day of week: found '8', allowed: 0-7 (0 and 7 are Sunday) or sun-sat"},
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
      {"0 0 * * janu", "day of week: found 'janu', allowed: 0-7 (0 and 7 are Sunday) or sun-sat"},
      {"0 0 * * tues", "day of week: found 'tues', allowed: 0-7 (0 and 7 are Sunday) or sun-sat"},
      {"0 0 * * mo", "day of week: found 'mo', allowed: 0-7 (0 and 7 are Sunday) or sun-sat"},
      {"0 0 jul * *", "day of month: found 'jul', allowed: 1-31"},
      {"0 0 * * *\n", "day of week: found '*\\x0a', allowed: 0-7 (0 and 7 are Sunday) or sun-sat"},
      {"",
       "schedule: found 0 fields in '', allowed: 5 (minute, hour, day of month, month, day of week), 6 with the second "
       "first, or a macro such as @daily"},
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
      {"TZ=UTC 0 3 * * *", "time zone: found 'TZ=UTC', allowed: none, schedules are in UTC"},
      {" CRON_TZ=Europe/Berlin 0 3 * * *",
       "time zone: found 'CRON_TZ=Europe/Berlin', allowed: none, schedules are in UTC"},
  };
  for (const auto& row : rows) {
    const auto expression = parse_cron(row.text);
    ASSERT_FALSE(expression.ok()) << row.text;
    EXPECT_EQ(expression.error().code, ErrorCode::invalid) << row.text;
    EXPECT_EQ(expression.error().text, row.expected) << row.text;
  }
}

TEST(Cron, says_that_l_w_and_hash_are_not_supported) {
  for (const std::string_view item : {"L", "l", "L-3", "LW", "15W", "1w"}) {
    const auto expression = parse_cron("0 0 " + std::string(item) + " * *");
    ASSERT_FALSE(expression.ok()) << item;
    EXPECT_EQ(expression.error().text,
              "day of month: found '" + std::string(item) + "' (L, W and # are not supported), allowed: 1-31");
  }
  for (const std::string_view item : {"5L", "friL", "FRIDAYl", "mon#2", "1#1"}) {
    const auto expression = parse_cron("0 0 * * 1," + std::string(item));
    ASSERT_FALSE(expression.ok()) << item;
    EXPECT_EQ(expression.error().text, "day of week: found '" + std::string(item) +
                                           "' (L, W and # are not supported), allowed: 0-7 (0 and 7 are Sunday) or "
                                           "sun-sat");
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
  };
  for (const auto& row : rows) {
    const auto expression = parse_cron(row.text);
    ASSERT_FALSE(expression.ok()) << row.text;
    EXPECT_EQ(expression.error().text, row.expected);
  }
  for (const std::string_view text : {"0 0 29 2 *", "0 0 31 2,3 *", "0 0 31 2 mon", "0 0 29-31 2 *"}) {
    EXPECT_TRUE(parse_cron(text).ok()) << text;
  }
}

TEST(Cron, is_written_in_one_canonical_way) {
  const struct {
    std::string_view text;
    std::string_view expected;
  } rows[] = {
      {"@daily", "0 0 * * *"},
      {"@weekly", "0 0 * * 0"},
      {"0,15,30,45 0-23 ? jan-dec ?", "*/15 * * * *"},
      {"5,6,7 22-2 1 * *", "5-7 0-2,22,23 1 * *"},
      {"0,30 */2 */1 * *", "0,30 */2 1-31 * *"},
      {"10-30/10 0 * * fri-mon", "10-30/10 0 * * 0,1,5,6"},
      {"0 0 * jan,mar 0-7", "0 0 * 1,3 0-6"},
      {"0 0 0 1 1 *", "0 0 1 1 *"},
      {"*/5 * * * * *", "*/5 * * * * *"},
      {"* * * * * *", "* * * * * *"},
  };
  for (const auto& row : rows) EXPECT_EQ(format_cron(parsed(row.text)), row.expected) << row.text;
}

TEST(Cron, means_the_same_after_being_written_and_read_again) {
  for (const std::string_view text :
       {"* * * * *", "*/7 * * * *", "1-59/2 * * * *", "0 22-2/2 * * *", "0 0 */2 * *", "0 0 */2 * */2", "0 0 1-31 * *",
        "0 0 * * 0-6", "0 0 29 2 *", "0 0 1,15 * mon", "0 0 31 1/2 7", "1,2,4,8,16,32 * * * * *", "58-1 * * * * *",
        "5 4 3 2 1", "0 0 30-2 nov-feb sat-sun"}) {
    const CronExpression once = parsed(text);
    EXPECT_EQ(parsed(format_cron(once)), once) << text << " became " << format_cron(once);
  }
}

}  // namespace
}  // namespace sidefridge::core
