// next_test.cc - `sidefridge next`, called as a function.
#include "sidefridge/cli/next.h"

#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "sidefridge/text/time_format.h"

namespace sidefridge::cli {
namespace {

struct Answer {
  int code;
  std::string out;
  std::string err;
};

Answer asked(const std::vector<std::string>& arguments, const std::vector<core::Setting>& environment = {}) {
  std::ostringstream out;
  std::ostringstream err;
  const int code = next(arguments, environment, *text::parse_rfc3339("2026-11-23T07:55:17Z"), out, err);
  return {code, out.str(), err.str()};
}

void expect_refused(const Answer& answer, std::string_view expected) {
  EXPECT_EQ(answer.code, 2);
  EXPECT_EQ(answer.out, "");
  EXPECT_EQ(answer.err, expected);
}

TEST(Next, prints_five_instants_from_now) {
  const Answer answer = asked({"0 3 * * *"});
  EXPECT_EQ(answer.code, 0);
  EXPECT_EQ(
      answer.out,
      "2026-11-24T03:00:00+00:00\n2026-11-25T03:00:00+00:00\n2026-11-26T03:00:00+00:00\n2026-11-27T03:00:00+00:00\n"
      "2026-11-28T03:00:00+00:00\n");
  EXPECT_EQ(answer.err, "");
}

TEST(Next, prints_as_many_as_asked_from_where_it_is_told) {
  const Answer answer = asked({"--count=2", "0 0 29 2 *", "--from", "2096-02-29T01:00:00+01:00"});
  EXPECT_EQ(answer.code, 0);
  EXPECT_EQ(answer.out, "2104-02-29T00:00:00+00:00\n2108-02-29T00:00:00+00:00\n");
}

TEST(Next, stops_where_time_ends) {
  const Answer answer = asked({"@yearly", "--from", "2260-06-01T00:00:00Z"});
  EXPECT_EQ(answer.code, 0);
  EXPECT_EQ(answer.out, "2261-01-01T00:00:00+00:00\n2262-01-01T00:00:00+00:00\n");
}

TEST(Next, takes_the_schedule_of_the_environment_or_the_option) {
  EXPECT_EQ(asked({"--schedule", "--count", "1"}, {{"CRON_BACKUP_SCHEDULE", "@hourly"}}).out,
            "2026-11-23T08:00:00+00:00\n");
  EXPECT_EQ(
      asked({"--schedule", "--count", "1", "--cron-backup-schedule=@daily"}, {{"CRON_BACKUP_SCHEDULE", "@hourly"}}).out,
      "2026-11-24T00:00:00+00:00\n");
}

TEST(Next, prints_json_for_programs) {
  const Answer answer = asked({"0,30 * * * *", "--json", "--count", "2"});
  EXPECT_EQ(answer.code, 0);
  EXPECT_EQ(answer.out,
            "{\"schedule\":\"0,30 * * * *\",\"words\":\"every 30 minutes, "
            "UTC\",\"next\":[\"2026-11-23T08:00:00+00:00\",\"2026-11-23T08:30:00+00:00\"]}\n");
}

TEST(Next, needs_no_settings_for_an_expression) {
  const Answer answer = asked({"@hourly", "--count", "1"}, {{"SIDEFRIDGE_GRACE", "x"}, {"CRON_BACKUP_SCHEDULE", "x"}});
  EXPECT_EQ(answer.code, 0);
  EXPECT_EQ(answer.out, "2026-11-23T08:00:00+00:00\n");
}

TEST(Next, shows_what_clocks_in_the_zone_show) {
  const std::vector<std::string> night{"30 2 * * *", "--count", "3", "--from", "2025-03-07T00:00:00Z"};
  const std::string_view new_york = "2025-03-07T02:30:00-05:00\n2025-03-08T02:30:00-05:00\n2025-03-09T03:00:00-04:00\n";
  EXPECT_EQ(asked(night, {{"TZ", "America/New_York"}}).out, new_york);
  std::vector<std::string> by_option = night;
  by_option.insert(by_option.end(), {"--tz", "America/New_York"});
  EXPECT_EQ(asked(by_option, {{"TZ", "Europe/Berlin"}}).out, new_york);
  std::vector<std::string> by_text = by_option;
  by_text.front() = "CRON_TZ=Asia/Kolkata 30 2 * * *";
  EXPECT_EQ(asked(by_text).out, "2025-03-08T02:30:00+05:30\n2025-03-09T02:30:00+05:30\n2025-03-10T02:30:00+05:30\n");
}

TEST(Next, explains_the_schedule_in_words) {
  EXPECT_EQ(asked({"--explain", "TZ=Europe/Berlin 30 2 * * mon-fri", "--count", "2"}).out,
            "at 02:30 on weekdays, Europe/Berlin\n2026-11-24T02:30:00+01:00\n2026-11-25T02:30:00+01:00\n");
}

TEST(Next, takes_white_space_off_the_zone) {
  EXPECT_EQ(asked({"@daily", "--count", "1"}, {{"TZ", "Europe/Berlin\n"}}).out, "2026-11-24T00:00:00+01:00\n");
}

TEST(Next, refuses_a_zone_that_is_not_known) {
  const Answer answer = asked({"@daily", "--tz", "Europe/Berlln"});
  EXPECT_EQ(answer.code, 2);
  EXPECT_NE(answer.err.find("'Europe/Berlln'"), std::string::npos) << answer.err;
  EXPECT_EQ(answer.err.find('\n'), answer.err.size() - 1);
}

TEST(Next, refuses_to_say_nothing) {
  const Answer answer = asked({"0 0 1 6 *", "--from", "2261-12-01T00:00:00Z"});
  expect_refused(answer, "sidefridge next: '0 0 1 6 *' has no tick after 2261-12-01T00:00:00+00:00\n");
}

TEST(Next, refuses_a_bad_expression_in_one_line) {
  expect_refused(asked({"0 24 * * *"}), "sidefridge next: hour: found '24', allowed: 0-23\n");
  expect_refused(asked({"0 0 31 2 *"}),
                 "sidefridge next: day of month: found '31', a date that never comes in month '2', allowed: 1-29 "
                 "there\n");
  expect_refused(asked({"--schedule"}, {{"CRON_BACKUP_SCHEDULE", "0 24 * * *"}}),
                 "sidefridge: CRON_BACKUP_SCHEDULE (--cron-backup-schedule): hour: found '24', allowed: 0-23\n");
}

TEST(Next, wants_either_an_expression_or_the_schedule) {
  const std::string_view either =
      "sidefridge next: give either one EXPR in quotes, such as '0 3 * * *', or --schedule\n";
  expect_refused(asked({}), either);
  expect_refused(asked({"@daily", "--schedule"}, {{"CRON_BACKUP_SCHEDULE", "@daily"}}), either);
  expect_refused(
      asked({"--schedule"}),
      "sidefridge: CRON_BACKUP_SCHEDULE (--cron-backup-schedule): not set; set it to a cron expression such as "
      "'0 3 * * *' or @daily\n");
  expect_refused(asked({"0", "3", "*", "*", "*"}),
                 "sidefridge next: unexpected argument '3'; see sidefridge next --help\n");
}

TEST(Next, refuses_a_bad_count_or_start_in_one_line) {
  for (const std::string_view count : {"0", "-1", "10001", "5x", "", "99999999999999999999"}) {
    expect_refused(asked({"@daily", "--count=" + std::string(count)}),
                   "sidefridge next: --count: found '" + std::string(count) + "', allowed: 1 to 10000\n");
  }
  const Answer answer = asked({"@daily", "--from=yesterday"});
  EXPECT_EQ(answer.code, 2);
  EXPECT_TRUE(answer.err.starts_with("sidefridge next: --from: found 'yesterday', allowed: a date and time"))
      << answer.err;
}

TEST(Next, prints_help) {
  const Answer answer = asked({"--help"});
  EXPECT_EQ(answer.code, 0);
  EXPECT_TRUE(answer.out.starts_with("Usage: sidefridge next EXPR | --schedule [OPTION...]\n")) << answer.out;
  EXPECT_NE(answer.out.find("--count N"), std::string::npos);
}

TEST(Next, fails_when_the_output_cannot_be_written) {
  std::ostringstream out;
  std::ostringstream err;
  out.setstate(std::ios::badbit);
  EXPECT_EQ(next(std::vector<std::string>{"@daily"}, {}, WallTime{}, out, err), 74);
  EXPECT_EQ(err.str(), "sidefridge next: cannot write the output\n");
}

}  // namespace
}  // namespace sidefridge::cli
