// script_environment_test.cc - what scripts are told.
#include "sidefridge/core/script_environment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <string>
#include <vector>

#include "sidefridge/text/time_format.h"

namespace sidefridge::core {
namespace {

using Lines = std::vector<std::string>;

StartScript a_start() {
  return {7,
          Script{Hook::backups, "bkp", "/scripts/backups/bkp"},
          "20261123-030000-000",
          Trigger::catch_up,
          text::parse_rfc3339("2026-11-23T03:00:00Z").value(),
          2,
          3,
          std::nullopt};
}

StartScript after(StepOutcome outcome, int code) {
  StartScript start = a_start();
  start.failure =
      Failure{"it broke", Script{Hook::before_backups, "x", "/scripts/before_backups/x"}, outcome, code, "tail"};
  return start;
}

bool contains(const Lines& lines, const std::string& line) {
  return std::find(lines.begin(), lines.end(), line) != lines.end();
}

bool any_starts_with(const Lines& lines, const std::string& begin) {
  return std::any_of(lines.begin(), lines.end(), [&](const std::string& line) { return line.starts_with(begin); });
}

TEST(ScriptEnvironment, names_run_hook_script_trigger_and_tick) {
  EXPECT_EQ(
      script_environment(a_start()),
      (Lines{"SIDEFRIDGE_RUN_ID=20261123-030000-000", "SIDEFRIDGE_HOOK=backups",
             "SIDEFRIDGE_SCRIPT=/scripts/backups/bkp", "SIDEFRIDGE_TRIGGER=catch-up",
             "SIDEFRIDGE_SCHEDULED_AT=2026-11-23T03:00:00Z", "SIDEFRIDGE_ATTEMPT=2", "SIDEFRIDGE_ATTEMPTS_LEFT=3"}));
}

TEST(ScriptEnvironment, on_error_gets_the_shortest_variables_when_all_are_too_many) {
  const Lines few{"PATH=/bin", "DATA=" + std::string(100'000, 'x'), "MAIL=me"};
  EXPECT_EQ(shortest_of(few), (Lines{"PATH=/bin", "MAIL=me"}));
  EXPECT_TRUE(shortest_of({}).empty());
  EXPECT_TRUE(shortest_of({"DATA=" + std::string(100'000, 'x')}).empty());
  Lines many{"PATH=/bin"};
  for (int i = 1000; i < 9000; ++i) many.push_back("VARIABLE_" + std::to_string(i) + "=of some length");
  const Lines shortest = shortest_of(many);
  EXPECT_EQ(shortest[0], "PATH=/bin");
  EXPECT_EQ(shortest.back(), many[shortest.size() - 1]) << "the first of those of one length";
  std::size_t bytes = 0;
  for (const std::string& text : shortest) bytes += text.size() + 1;
  EXPECT_LE(bytes, 32u * 1024);
  EXPECT_GT(bytes, 32u * 1024 - 64);
}

TEST(ScriptEnvironment, a_script_is_started_by_its_interpreter) {
  StartScript start = a_start();
  start.script.run_path = "/copy/bkp";
  EXPECT_EQ(script_argv(start, Pipes::last_command_counts), (Lines{"/bin/sh", "/copy/bkp"}));
  start.script.interpreter = Interpreter{"/bin/bash", "-e -u"};
  EXPECT_EQ(script_argv(start, Pipes::last_command_counts), (Lines{"/bin/bash", "-e -u", "/copy/bkp"}));
  EXPECT_EQ(script_argv(start, Pipes::each_command_counts),
            (Lines{"/bin/bash", "-e -u", "-o", "pipefail", "/copy/bkp"}));
  start.script.interpreter = Interpreter{""};
  EXPECT_EQ(script_argv(start, Pipes::last_command_counts), Lines{"/copy/bkp"});
}

TEST(ScriptEnvironment, tells_on_error_what_failed_and_how) {
  StartScript start = after(StepOutcome::exited, 3);
  start.script.run_path = "/copy/mail";
  const Lines told = script_environment(start);
  EXPECT_TRUE(contains(told, "SIDEFRIDGE_ERROR_MESSAGE=it broke"));
  EXPECT_TRUE(contains(told, "SIDEFRIDGE_ERROR_HOOK=before_backups"));
  EXPECT_TRUE(contains(told, "SIDEFRIDGE_ERROR_SCRIPT=/scripts/before_backups/x"));
  EXPECT_TRUE(contains(told, "SIDEFRIDGE_ERROR_STDERR=tail"));
  EXPECT_TRUE(contains(told, "SIDEFRIDGE_ERROR_EXIT_CODE=3"));
  EXPECT_FALSE(any_starts_with(told, "SIDEFRIDGE_ERROR_SIGNAL"));
  EXPECT_EQ(script_argv(start, Pipes::last_command_counts), (Lines{"/bin/sh", "/copy/mail", "it broke"}));
}

TEST(ScriptEnvironment, gives_always_an_exit_code_and_the_signal_besides) {
  const Lines signalled = script_environment(after(StepOutcome::signalled, SIGTERM));
  EXPECT_TRUE(contains(signalled, "SIDEFRIDGE_ERROR_SIGNAL=SIGTERM"));
  EXPECT_TRUE(contains(signalled, "SIDEFRIDGE_ERROR_EXIT_CODE=143"));
  for (const StepOutcome outcome : {StepOutcome::exited, StepOutcome::timed_out, StepOutcome::not_started}) {
    EXPECT_FALSE(any_starts_with(script_environment(after(outcome, 3)), "SIDEFRIDGE_ERROR_SIGNAL"));
  }
  EXPECT_TRUE(contains(script_environment(after(StepOutcome::timed_out, 0)), "SIDEFRIDGE_ERROR_EXIT_CODE=124"));
  EXPECT_TRUE(contains(script_environment(after(StepOutcome::not_started, 127)), "SIDEFRIDGE_ERROR_EXIT_CODE=127"));
}

TEST(ScriptEnvironment, what_another_run_told_us_is_not_passed_on) {
  const Lines ours{"PATH=/bin",
                   "SIDEFRIDGE_STATE_DIR=/state",
                   "SIDEFRIDGE_HOOKS_LIMIT=1M",
                   "SIDEFRIDGE_ATTEMPTS_LEFTOVER=1",
                   "XSIDEFRIDGE_HOOK=1",
                   "A=SIDEFRIDGE_HOOK=1",
                   "no equals sign",
                   ""};
  Lines inherited = ours;
  for (const Lines& told : {script_environment(after(StepOutcome::signalled, SIGTERM)), Lines{"SIDEFRIDGE_HOOK"}}) {
    inherited.insert(inherited.begin() + 1, told.begin(), told.end());
  }
  EXPECT_EQ(without_script_variables(inherited), ours);
}

TEST(ScriptEnvironment, of_a_run_that_could_not_begin_names_no_script) {
  StartScript start = after(StepOutcome::not_started, 1);
  start.failure->script.reset();
  const Lines told = script_environment(start);
  EXPECT_TRUE(contains(told, "SIDEFRIDGE_ERROR_MESSAGE=it broke"));
  EXPECT_FALSE(any_starts_with(told, "SIDEFRIDGE_ERROR_SCRIPT"));
  EXPECT_FALSE(any_starts_with(told, "SIDEFRIDGE_ERROR_HOOK"));
}

}  // namespace
}  // namespace sidefridge::core
