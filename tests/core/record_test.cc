#include "sidefridge/core/record.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace sidefridge::core {
namespace {

using namespace std::chrono_literals;

WallTime at(std::int64_t nanoseconds) {
  return WallTime(Duration(nanoseconds));
}

StepRecord sample_step() {
  StepRecord step;
  step.hook = Hook::on_error;
  step.script = "/scripts/on_error/tell";
  step.started_at = at(0x0102030405060708);
  step.elapsed = 3ns;
  step.outcome = StepOutcome::signalled;
  step.code = 9;
  step.detail = "d";
  return step;
}

RunRecord sample_run() {
  RunRecord run;
  run.run_id = "r1";
  run.trigger = Trigger::catch_up;
  run.outcome = Outcome::failed;
  run.attempt = 2;
  run.scheduled_at = at(1);
  run.started_at = at(-2);
  run.finished_at = at(256);
  run.boot_id = "b";
  run.reason = "why";
  run.steps = {sample_step()};
  run.steps_omitted = 7;
  return run;
}

std::string hex(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const char byte : bytes) {
    text += digits[static_cast<unsigned char>(byte) >> 4];
    text += digits[static_cast<unsigned char>(byte) & 15];
  }
  return text;
}

// These bytes are on people's disks: when they change, layout 2 begins and layout 1 must still be read.
TEST(Record, a_run_has_these_bytes) {
  EXPECT_EQ(hex(format_record(sample_run())),
            "5201"                // 'R', layout 1
            "0303"                // catch_up, failed
            "00000002"            // attempt
            "0000000000000001"    // scheduled_at
            "fffffffffffffffe"    // started_at
            "010000000000000100"  // finished_at
            "000000027231"        // run_id
            "0000000162"          // boot_id
            "00000003776879"      // reason
            "00000007"            // steps_omitted
            "00000001"            // steps
            "0403"                // on_error, signalled
            "00000009"            // code
            "0102030405060708"    // started_at
            "0000000000000003"    // elapsed
            "000000162f736372697074732f6f6e5f6572726f722f74656c6c"
            "0000000164");
}

TEST(Record, a_step_has_these_bytes) {
  EXPECT_EQ(hex(format_record(sample_step())),
            "5301"
            "0403"
            "00000009"
            "0102030405060708"
            "0000000000000003"
            "000000162f736372697074732f6f6e5f6572726f722f74656c6c"
            "0000000164");
}

TEST(Record, a_daemon_has_these_bytes) {
  EXPECT_EQ(hex(format_record(DaemonRecord{.pid = 1, .started_at = at(2), .schedule = "@daily", .version = "0.1.0"})),
            "4401"
            "0000000000000001"
            "0000000000000002"
            "0000000640646169"
            "6c79"
            "00000005302e312e30");
}

TEST(Record, a_schedule_has_these_bytes) {
  EXPECT_EQ(
      hex(format_record(ScheduleRecord{.settled_until = at(1), .last_scheduled_at = {}, .last_started_at = at(3)})),
      "5401"
      "010000000000000001"
      "000000000000000000"
      "010000000000000003");
}

TEST(Record, a_run_is_read_back_as_it_was) {
  auto parsed = parse_run_record(format_record(sample_run()));
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(*parsed, sample_run());
}

TEST(Record, a_run_that_goes_on_has_no_end) {
  RunRecord run = sample_run();
  run.outcome = Outcome::running;
  run.finished_at.reset();
  auto parsed = parse_run_record(format_record(run));
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(*parsed, run);
}

TEST(Record, the_sequence_is_the_key_and_not_among_the_bytes) {
  RunRecord run = sample_run();
  run.sequence = 12;
  EXPECT_EQ(format_record(run), format_record(sample_run()));
}

TEST(Record, any_bytes_in_a_text_are_kept) {
  StepRecord step = sample_step();
  step.script = std::string("/s/\n\0\xff\x80", 7);
  auto parsed = parse_step_record(format_record(step));
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(*parsed, step);
}

TEST(Record, a_daemon_is_read_back_as_it_was) {
  const DaemonRecord daemon{.pid = 4711, .started_at = at(5), .schedule = "*/5 * * * *", .version = "0.1.0"};
  auto parsed = parse_daemon_record(format_record(daemon));
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(*parsed, daemon);
}

TEST(Record, a_schedule_is_read_back_as_it_was) {
  const ScheduleRecord schedule{.settled_until = at(1), .last_scheduled_at = at(-2), .last_started_at = {}};
  const auto parsed = parse_schedule_record(format_record(schedule));
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(*parsed, schedule);
  EXPECT_FALSE(parse_schedule_record(format_record(schedule) + '\0').ok());
}

TEST(Record, an_unknown_layout_is_refused_by_its_number) {
  std::string bytes = format_record(sample_run());
  bytes[1] = 2;
  auto parsed = parse_run_record(bytes);
  ASSERT_FALSE(parsed.ok());
  EXPECT_EQ(parsed.error().code, ErrorCode::invalid);
  EXPECT_EQ(parsed.error().text, "the record has layout 2, this version of sidefridge knows only layout 1");
}

TEST(Record, a_record_of_another_kind_is_refused) {
  EXPECT_FALSE(parse_run_record(format_record(sample_step())).ok());
  EXPECT_FALSE(parse_step_record(format_record(sample_run())).ok());
  EXPECT_FALSE(parse_daemon_record("").ok());
}

TEST(Record, an_outcome_nobody_knows_is_refused) {
  std::string bytes = format_record(sample_run());
  bytes[3] = 7;
  EXPECT_FALSE(parse_run_record(bytes).ok());
  bytes[3] = 0;
  EXPECT_FALSE(parse_run_record(bytes).ok());
}

TEST(Record, one_that_is_cut_anywhere_is_refused) {
  const std::string bytes = format_record(sample_run());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(parse_run_record(std::string_view(bytes).substr(0, size)).ok()) << size;
  }
}

TEST(Record, one_with_something_behind_it_is_refused) {
  EXPECT_FALSE(parse_run_record(format_record(sample_run()) + '\0').ok());
  EXPECT_FALSE(parse_step_record(format_record(sample_step()) + '\0').ok());
  EXPECT_FALSE(parse_daemon_record(format_record(DaemonRecord{}) + '\0').ok());
}

// What is accepted means something: it must come back from its own bytes.
TEST(Record, changed_bytes_are_refused_or_make_sense) {
  std::mt19937 random(20260101);
  const std::string sound = format_record(sample_run());
  int accepted = 0;
  for (int round = 0; round < 5000; ++round) {
    std::string bytes = sound;
    for (auto changes = 1 + random() % 3; changes > 0; --changes)
      bytes[random() % bytes.size()] = static_cast<char>(random());
    auto parsed = parse_run_record(bytes);
    if (!parsed) continue;
    ++accepted;
    auto again = parse_run_record(format_record(*parsed));
    ASSERT_TRUE(again.ok());
    EXPECT_EQ(*again, *parsed);
  }
  EXPECT_GT(accepted, 0);
}

RunRecord long_run(std::size_t steps) {
  RunRecord run = sample_run();
  run.steps.clear();
  run.steps_omitted = 0;
  for (std::size_t i = 0; i < steps; ++i) {
    StepRecord step = sample_step();
    step.script = "/scripts/backups/" + std::to_string(i);
    run.steps.push_back(step);
  }
  return run;
}

TEST(Record, of_too_many_steps_the_newest_are_kept_and_the_others_counted) {
  const RunRecord run = long_run(5000);
  const std::string bytes = format_record(run);
  EXPECT_LE(bytes.size(), maximum_record_bytes);
  EXPECT_GT(bytes.size(), maximum_record_bytes - 100);
  auto parsed = parse_run_record(bytes);
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->steps_omitted + parsed->steps.size(), 5000U);
  EXPECT_GT(parsed->steps.size(), 1000U);
  EXPECT_EQ(parsed->steps.back(), run.steps.back());
  EXPECT_EQ(parsed->steps.front(), run.steps[parsed->steps_omitted]);
  EXPECT_EQ(parsed->reason, run.reason);
}

TEST(Record, steps_left_out_before_are_counted_on) {
  RunRecord run = long_run(5000);
  run.steps_omitted = 40;
  auto parsed = parse_run_record(format_record(run));
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->steps_omitted + parsed->steps.size(), 5040U);
}

TEST(Record, a_long_text_is_cut_and_marked) {
  RunRecord run = sample_run();
  run.reason = std::string(100000, 'x');
  auto parsed = parse_run_record(format_record(run));
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->reason, std::string(1021, 'x') + "…");
}

TEST(Record, a_text_is_not_cut_within_a_character) {
  RunRecord run = sample_run();
  run.reason.clear();
  for (int i = 0; i < 1000; ++i) run.reason += "é";
  auto parsed = parse_run_record(format_record(run));
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->reason.size(), 1023U);
  EXPECT_EQ(parsed->reason.substr(1018), "é…");
}

TEST(Record, even_the_longest_steps_leave_a_dozen_of_them) {
  RunRecord run = sample_run();
  StepRecord step = sample_step();
  step.script = std::string(10000, 's');
  step.detail = std::string(10000, 'd');
  run.steps.assign(100, step);
  const std::string bytes = format_record(run);
  EXPECT_LE(bytes.size(), maximum_record_bytes);
  auto parsed = parse_run_record(bytes);
  ASSERT_TRUE(parsed.ok());
  EXPECT_GE(parsed->steps.size(), 12U);
}

}  // namespace
}  // namespace sidefridge::core
