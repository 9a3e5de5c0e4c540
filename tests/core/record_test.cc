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

// What the hexadecimal digits say, blanks aside.
std::string bytes_of(std::string_view hex) {
  const auto value = [](char digit) { return digit <= '9' ? digit - '0' : digit - 'a' + 10; };
  std::string digits;
  for (const char c : hex) {
    if (c != ' ') digits += c;
  }
  std::string bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    bytes += static_cast<char>(value(digits[i]) * 16 + value(digits[i + 1]));
  }
  return bytes;
}

constexpr std::string_view step_fields =
    "01 0001 04"                                            // hook: on_error
    "02 0016 2f736372697074732f6f6e5f6572726f722f74656c6c"  // script
    "03 0008 0102030405060708"                              // started_at
    "04 0008 0000000000000003"                              // elapsed
    "05 0001 03"                                            // outcome: signalled
    "06 0004 00000009"                                      // code
    "07 0001 64";                                           // detail

std::string run_fields() {
  return "01 0002 7231"              // run_id
         "02 0001 03"                // trigger: catch_up
         "03 0004 00000002"          // attempt
         "04 0001 03"                // outcome: failed
         "05 0008 0000000000000001"  // scheduled_at
         "06 0008 fffffffffffffffe"  // started_at
         "07 0008 0000000000000100"  // finished_at
         "08 0001 62"                // boot_id
         "09 0003 776879"            // reason
         "0c 0001 01"                // job: backup
         "0b 0004 00000007"          // steps_omitted
         "0a 0042" +                 // a step
         std::string(step_fields);
}

// A record of these fields, its length worked out.
std::string record_of(std::string_view kind_and_layout, std::string_view fields) {
  const std::string bytes = bytes_of(fields);
  std::string record = bytes_of(kind_and_layout);
  for (int shift = 24; shift >= 0; shift -= 8) record += static_cast<char>(bytes.size() >> shift & 0xff);
  return record + bytes;
}

// These bytes are on people's disks: when they change, another layout begins and all before must still be read.
TEST(Record, a_run_has_these_bytes) {
  const std::string bytes = format_record(sample_run());
  EXPECT_EQ(hex(bytes), hex(bytes_of("52 02 0000008f" + run_fields())));
}

TEST(Record, that_a_run_is_owed_has_these_bytes) {
  RunRecord owed;
  owed.owed = true;
  const std::string bytes = format_record(owed);
  EXPECT_NE(hex(bytes).find("0f000101"), std::string::npos) << hex(bytes);
  const auto parsed = parse_run_record(bytes);
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(*parsed, owed);
}

TEST(Record, a_step_has_these_bytes) {
  EXPECT_EQ(hex(format_record(sample_step())), hex(bytes_of("53 02 00000042" + std::string(step_fields))));
}

TEST(Record, a_daemon_has_these_bytes) {
  EXPECT_EQ(hex(format_record(DaemonRecord{.pid = 1, .started_at = at(2), .schedule = "@daily", .version = "0.1.0"})),
            hex(bytes_of("44 02 00000027"
                         "01 0008 0000000000000001"  // pid
                         "02 0008 0000000000000002"  // started_at
                         "03 0006 406461696c79"      // schedule
                         "04 0005 302e312e30")));    // version
}

TEST(Record, a_schedule_has_these_bytes) {
  EXPECT_EQ(
      hex(format_record(ScheduleRecord{.settled_until = at(1), .last_scheduled_at = at(2), .last_started_at = at(3)})),
      hex(bytes_of("54 02 00000021"
                   "01 0008 0000000000000001"      // settled_until
                   "02 0008 0000000000000002"      // last_scheduled_at
                   "03 0008 0000000000000003")));  // last_started_at
}

TEST(Record, what_is_empty_or_unknown_takes_no_room) {
  EXPECT_EQ(hex(format_record(ScheduleRecord{})), "540200000000");
  const std::string bytes = format_record(RunRecord{});
  EXPECT_EQ(hex(bytes), hex(bytes_of("52 02 00000030"
                                     "02 0001 01 03 0004 00000001 04 0001 01 05 0008 0000000000000000"
                                     "06 0008 0000000000000000 0c 0001 01 0b 0004 00000000")));
  EXPECT_EQ(*parse_run_record(bytes), RunRecord{});
}

// The numbers behind the names.
TEST(Record, enumerators_have_these_numbers) {
  const auto number = [](auto enumerator) { return static_cast<int>(enumerator); };
  EXPECT_EQ(number(Hook::install_dependencies), 0);
  EXPECT_EQ(number(Hook::before_backups), 1);
  EXPECT_EQ(number(Hook::backups), 2);
  EXPECT_EQ(number(Hook::after_backups), 3);
  EXPECT_EQ(number(Hook::on_error), 4);
  EXPECT_EQ(number(JobId::backup), 1);
  EXPECT_EQ(number(JobId::install), 2);
  EXPECT_EQ(number(Trigger::schedule), 1);
  EXPECT_EQ(number(Trigger::manual), 2);
  EXPECT_EQ(number(Trigger::catch_up), 3);
  EXPECT_EQ(number(Trigger::install), 4);
  EXPECT_EQ(number(Trigger::start), 5);
  EXPECT_EQ(number(Outcome::running), 1);
  EXPECT_EQ(number(Outcome::succeeded), 2);
  EXPECT_EQ(number(Outcome::failed), 3);
  EXPECT_EQ(number(Outcome::interrupted), 4);
  EXPECT_EQ(number(Outcome::lost), 5);
  EXPECT_EQ(number(Outcome::skipped), 6);
  EXPECT_EQ(number(Outcome::missed), 7);
  EXPECT_EQ(number(StepOutcome::running), 1);
  EXPECT_EQ(number(StepOutcome::exited), 2);
  EXPECT_EQ(number(StepOutcome::signalled), 3);
  EXPECT_EQ(number(StepOutcome::not_started), 4);
  EXPECT_EQ(number(StepOutcome::timed_out), 5);
  EXPECT_EQ(number(StepOutcome::interrupted), 6);
}

TEST(Record, fields_are_read_in_any_order_and_unknown_ones_are_passed_over) {
  const auto parsed =
      parse_run_record(record_of("52 02", "ff 0003 010203" + run_fields() + "10 0000" + "64 0008 0000000000000001"));
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(*parsed, sample_run());

  const auto step = parse_step_record(record_of("53 02", "07 0001 64 c8 0001 ff 06 0004 00000009 05 0001 03"));
  ASSERT_TRUE(step.ok());
  EXPECT_EQ(step->detail, "d");
  EXPECT_EQ(step->code, 9);
  EXPECT_EQ(step->outcome, StepOutcome::signalled);
}

TEST(Record, fields_that_are_not_there_have_their_defaults) {
  const auto parsed = parse_run_record(record_of("52 02", "01 0002 7231 0a 0000"));
  ASSERT_TRUE(parsed.ok());
  RunRecord run;
  run.run_id = "r1";
  run.steps = {StepRecord{}};
  EXPECT_EQ(*parsed, run);
  EXPECT_EQ(parsed->job, JobId::backup);
  EXPECT_EQ(*parse_daemon_record(record_of("44 02", "")), DaemonRecord{});
  EXPECT_EQ(*parse_schedule_record(record_of("54 02", "")), ScheduleRecord{});
}

TEST(Record, numbers_that_have_no_name_yet_are_kept_and_called_unknown) {
  const std::string bytes = record_of("52 02", "02 0001 c8 04 0001 64 0c 0001 09 0a 0008 01 0001 08 05 0001 2a");
  const auto parsed = parse_run_record(bytes);
  ASSERT_TRUE(parsed.ok());
  ASSERT_EQ(parsed->steps.size(), 1U);
  EXPECT_EQ(name_of(parsed->trigger), "unknown");
  EXPECT_EQ(name_of(parsed->outcome), "unknown");
  EXPECT_EQ(name_of(parsed->job), "unknown");
  EXPECT_EQ(name_of(parsed->steps[0].hook), "unknown");
  EXPECT_EQ(name_of(parsed->steps[0].outcome), "unknown");
  EXPECT_EQ(*parse_run_record(format_record(*parsed)), *parsed) << "stored again they are what they were";
}

TEST(Record, a_field_of_another_width_is_refused) {
  for (const std::string_view fields :
       {"04 0002 0003", "03 0003 000002", "05 0004 00000001", "06 0009 010203040506070809", "02 0000", "0b 0002 0001",
        "0a 0004 01 0001", "0a 0005 01 0002 0404"}) {
    EXPECT_FALSE(parse_run_record(record_of("52 02", fields)).ok()) << fields;
  }
}

TEST(Record, layout_1_is_read) {
  const std::string step =
      "0403"              // on_error, signalled
      "00000009"          // code
      "0102030405060708"  // started_at
      "0000000000000003"  // elapsed
      "000000162f736372697074732f6f6e5f6572726f722f74656c6c"
      "0000000164";
  const auto run =
      parse_run_record(bytes_of("5201"                // 'R', layout 1
                                "0303"                // catch_up, failed
                                "00000002"            // attempt
                                "0000000000000001"    // scheduled_at
                                "fffffffffffffffe"    // started_at
                                "010000000000000100"  // finished_at
                                "000000027231"        // run_id
                                "0000000162"          // boot_id
                                "00000003776879"      // reason
                                "00000007"            // steps_omitted
                                "00000001" +          // steps
                                step));
  ASSERT_TRUE(run.ok());
  EXPECT_EQ(*run, sample_run());
  EXPECT_EQ(*parse_step_record(bytes_of("5301" + step)), sample_step());
  EXPECT_EQ(*parse_daemon_record(bytes_of("4401 0000000000000001 0000000000000002 00000006 406461696c79"
                                          "00000005 302e312e30")),
            (DaemonRecord{.pid = 1, .started_at = at(2), .schedule = "@daily", .version = "0.1.0"}));
  EXPECT_EQ(*parse_schedule_record(bytes_of("5401 010000000000000001 000000000000000000 010000000000000003")),
            (ScheduleRecord{.settled_until = at(1), .last_scheduled_at = {}, .last_started_at = at(3)}));
}

// A run of layout 1 with one step, and where its two bytes of trigger and outcome are.
const std::string_view run_of_layout_1 =
    "5201 0303 00000002 0000000000000001 fffffffffffffffe 010000000000000100 000000027231 0000000162 00000003776879"
    "00000007 00000001 0403 00000009 0102030405060708 0000000000000003 0000000178 0000000164";

TEST(Record, of_layout_1_what_is_cut_or_longer_or_has_a_number_it_never_had_is_refused) {
  const std::string bytes = bytes_of(run_of_layout_1);
  ASSERT_TRUE(parse_run_record(bytes).ok());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(parse_run_record(std::string_view(bytes).substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(parse_run_record(bytes + '\0').ok());
  for (const char outcome : {'\0', '\7', '\xff'}) {
    std::string changed = bytes;
    changed[3] = outcome;
    EXPECT_FALSE(parse_run_record(changed).ok());
  }
  EXPECT_FALSE(
      parse_schedule_record(bytes_of("5401 010000000000000001 000000000000000000 010000000000000003 00")).ok());
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
  bytes[1] = 3;
  auto parsed = parse_run_record(bytes);
  ASSERT_FALSE(parsed.ok());
  EXPECT_EQ(parsed.error().code, ErrorCode::invalid);
  EXPECT_EQ(parsed.error().text, "the record has layout 3, this version of sidefridge knows only layouts 1 and 2");
}

TEST(Record, a_record_of_another_kind_is_refused) {
  EXPECT_FALSE(parse_run_record(format_record(sample_step())).ok());
  EXPECT_FALSE(parse_step_record(format_record(sample_run())).ok());
  EXPECT_FALSE(parse_daemon_record("").ok());
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
  const std::string sound[] = {format_record(sample_run()), bytes_of(run_of_layout_1)};
  int accepted = 0;
  for (int round = 0; round < 10'000; ++round) {
    std::string bytes = sound[round % 2];
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

TEST(Record, missed_ticks_keep_their_span_and_their_count) {
  RunRecord run;
  run.outcome = Outcome::missed;
  run.scheduled_at = at(5);
  run.last_scheduled_at = at(65);
  run.ticks = 61;
  EXPECT_EQ(parse_run_record(format_record(run)).value(), run);
  const std::string bytes = format_record(run);
  EXPECT_NE(bytes.find(std::string("\x0e\x00\x08\x00\x00\x00\x00\x00\x00\x00\x3d", 11)), std::string::npos)
      << "the tag and the layout of the count are on people's disks";
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
  EXPECT_GT(parsed->steps.size(), 700U);
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
  EXPECT_EQ(parsed->reason, std::string(1021, 'x').append("…"));
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
