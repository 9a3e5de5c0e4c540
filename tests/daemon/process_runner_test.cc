// process_runner_test.cc - real scripts, one after the other, and what becomes of their pipes.
#include "sidefridge/daemon/process_runner.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "console_fixture.h"
#include "sidefridge/os/reaper.h"

namespace sidefridge::daemon {
namespace {

/// Keeps what was posted.
class Posted final : public EventSink {
public:
  void post(core::Event event) override { events.push_back(std::move(event)); }
  std::vector<core::Event> events;
};

class ProcessRunnerTest : public ConsoleTest {
protected:
  void SetUp() override {
    ConsoleTest::SetUp();
    ASSERT_TRUE(os::become_subreaper().ok());
    runner = std::make_unique<ProcessRunner>(test_loop.loop(), *console, posted,
                                             std::vector<std::string>{"PATH=/usr/bin:/bin"});
  }

  void start(const std::string& command) {
    core::Script script{core::Hook::backups, "bkp", "/scripts/backups/bkp", command};
    script.interpreter = core::Interpreter{"/bin/sh", "-c"};
    runner->start({std::move(script), "r-1", core::Trigger::manual, {}, 1, 0, std::nullopt});
  }

  /// Waits until a child has ended, and tells the runner.
  void reap() {
    siginfo_t info{};
    ASSERT_EQ(::waitid(P_ALL, 0, &info, WEXITED | WNOWAIT), 0);
    runner->reap_children();
  }

  /// Runs a script to its end. Returns: what it wrote, one line.
  std::string line_of(const std::string& command) {
    start(command);
    reap();
    const std::vector<std::string> lines = lines_of(all_written());
    EXPECT_EQ(lines.size(), 1U) << command;
    return lines.empty() ? std::string() : own_bytes(lines[0]);
  }

  Posted posted;
  std::vector<core::Event>& events = posted.events;
  std::unique_ptr<ProcessRunner> runner;
};

// "pipe:[…]" of a script's stdout.
constexpr const char* name_stdout = "readlink /proc/self/fd/1";

TEST_F(ProcessRunnerTest, tells_how_a_script_ended_and_its_last_words) {
  start("echo trouble >&2; exit 3");
  reap();
  ASSERT_EQ(events.size(), 1U);
  const core::ScriptResult& result = std::get<core::ScriptEnded>(events[0]).result;
  EXPECT_EQ(result.outcome, core::StepOutcome::exited);
  EXPECT_EQ(result.code, 3);
  EXPECT_EQ(result.stderr_tail, "trouble\n");
}

TEST_F(ProcessRunnerTest, tells_at_once_that_a_script_did_not_start) {
  core::Script script{core::Hook::backups, "bkp", "/scripts/backups/bkp", "/copy/bkp"};
  script.interpreter = core::Interpreter{"/no/such/interpreter"};
  runner->start({script, "r-1", core::Trigger::manual, {}, 1, 0, std::nullopt});
  script.interpreter = Error{ErrorCode::invalid, "its first line is no use"};
  runner->start({script, "r-1", core::Trigger::manual, {}, 1, 0, std::nullopt});
  ASSERT_EQ(events.size(), 2U);
  const core::ScriptResult& missing = std::get<core::ScriptEnded>(events[0]).result;
  EXPECT_EQ(missing.outcome, core::StepOutcome::not_started);
  EXPECT_EQ(missing.code, 127);
  EXPECT_EQ(missing.detail, "interpreter '/no/such/interpreter' of '/scripts/backups/bkp' does not exist");
  const core::ScriptResult& useless = std::get<core::ScriptEnded>(events[1]).result;
  EXPECT_EQ(useless.code, 126);
  EXPECT_EQ(useless.detail, "its first line is no use");
  EXPECT_FALSE(os::any_children());
}

TEST_F(ProcessRunnerTest, hands_the_pipes_of_a_script_to_the_next) {
  const std::string first = line_of(name_stdout);
  EXPECT_EQ(line_of(name_stdout), first);
}

TEST_F(ProcessRunnerTest, gives_the_next_script_pipes_of_its_own_while_somebody_is_left_who_may_write) {
  const std::string first = line_of(std::string(name_stdout) + "; sleep 600 &");
  const std::string second = line_of(name_stdout);
  EXPECT_NE(second, first);
  EXPECT_NE(line_of(name_stdout), second) << "it is still there";
  runner->end_processes({core::Scope::everything, core::Send::kill});
  reap();
}

TEST_F(ProcessRunnerTest, a_script_that_outlives_its_run_is_a_stranger) {
  start("exec sleep 600");
  runner->forget_run(core::Trigger::manual);
  runner->end_processes({core::Scope::everything, core::Send::kill});
  events.clear();
  reap();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_TRUE(std::holds_alternative<core::OrphansReaped>(events[0]));
  EXPECT_EQ(line_of("echo next"), "next");
}

}  // namespace
}  // namespace sidefridge::daemon
