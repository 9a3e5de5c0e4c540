// process_runner_test.cc - real scripts, one after the other, and what becomes of their pipes.
#include "sidefridge/daemon/process_runner.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "../os/fixture.h"
#include "console_fixture.h"
#include "sidefridge/os/process_scan.h"
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
    open_runner();
  }

  /// Again, on the console that is there now.
  void open_runner() {
    events.clear();
    runner = std::make_unique<ProcessRunner>(
        test_loop.loop(), *console, posted,
        std::vector<std::string>{"PATH=/usr/bin:/bin", "SIDEFRIDGE_RUN_ID=r-0", "SIDEFRIDGE_ERROR_SIGNAL=SIGTERM"});
  }

  void TearDown() override {
    runner->end_processes({1, core::Scope::everything, core::Send::kill});
    while (os::any_children()) reap();
  }

  void start(const std::string& command) { start_by("/bin/sh", command, core::Trigger::manual); }
  void start_bash(const std::string& command, core::Trigger trigger = core::Trigger::manual) {
    events.clear();
    start_by("/bin/bash", command, trigger);
  }
  void start_by(const std::string& shell, const std::string& command, core::Trigger trigger) {
    core::Script script{core::Hook::backups, "bkp", "/scripts/backups/bkp", command};
    script.interpreter = core::Interpreter{shell, "-c"};
    const std::string run_id = trigger == core::Trigger::install ? "r-install" : "r-1";
    runner->start({1, std::move(script), run_id, trigger, {}, 1, 0, std::nullopt});
  }

  /// Waits until a child has ended, and tells the runner.
  void reap() {
    siginfo_t info{};
    ASSERT_EQ(::waitid(P_ALL, 0, &info, WEXITED | WNOWAIT), 0);
    runner->reap_children();
  }

  /// Lets the loop turn and reaps until the script is over.
  void reap_until_ended() {
    while (ends_told() == 0) {
      runner->reap_children();
      test_loop.run_until_idle();
    }
  }
  /// Lets the loop turn and reaps until the script's process has ended and what it feeds was found.
  void reap_until_feeding() {
    while (count_of<core::ScriptFeeds>() == 0 && ends_told() == 0) {
      runner->reap_children();
      test_loop.run_until_idle();
    }
  }
  void continue_all() { os::signal_processes(*os::find_descendants(), SIGCONT); }
  core::ScriptResult last_result() const {
    for (const core::Event& event : events) {
      if (const auto* ended = std::get_if<core::ScriptEnded>(&event)) return ended->result;
    }
    return {};
  }

  std::vector<std::string> alive(core::Scope scope) {
    runner->end_processes({1, scope, core::Send::nothing});
    return std::get<core::ProcessesAlive>(events.back()).processes;
  }

  /// Runs a script to its end. Returns: what it wrote, one line.
  std::string line_of(const std::string& command) {
    events.clear();
    start(command);
    reap_until_ended();
    const std::vector<std::string> lines = lines_of(all_written());
    EXPECT_EQ(lines.size(), 1U) << command;
    return lines.empty() ? std::string() : own_bytes(lines[0]);
  }

  /// Relays until a script's line with these bytes has come. Returns: all that came.
  std::string relayed_up_to(const std::string& line) {
    std::string bytes;
    test_loop.run_until([&] {
      bytes += written();
      return bytes.find(" | " + line + "\n") != bytes.npos;
    });
    return bytes;
  }

  template <class Event>
  std::size_t count_of() const {
    return static_cast<std::size_t>(std::count_if(
        events.begin(), events.end(), [](const core::Event& event) { return std::holds_alternative<Event>(event); }));
  }
  std::size_t ends_told() const { return count_of<core::ScriptEnded>(); }

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
  runner->start({1, script, "r-1", core::Trigger::manual, {}, 1, 0, std::nullopt});
  script.interpreter = Error{ErrorCode::invalid, "its first line is no use"};
  runner->start({1, script, "r-1", core::Trigger::manual, {}, 1, 0, std::nullopt});
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
  runner->end_processes({1, core::Scope::everything, core::Send::kill});
  reap();
}

TEST_F(ProcessRunnerTest, a_script_that_outlives_its_run_is_a_stranger) {
  start("exec sleep 600");
  runner->forget_run(core::Trigger::manual);
  runner->end_processes({1, core::Scope::everything, core::Send::kill});
  events.clear();
  reap();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_TRUE(std::holds_alternative<core::OrphansReaped>(events[0]));
  EXPECT_EQ(line_of("echo next"), "next");
}

TEST_F(ProcessRunnerTest, a_script_is_over_when_what_it_feeds_is) {
  const os::TempDir dir;
  ASSERT_EQ(::mkfifo((dir / "cue").c_str(), 0600), 0);
  const os::UniqueFd cue(::open((dir / "cue").c_str(), O_RDWR | O_CLOEXEC));
  start_bash("exec > >(cat; read -r x <>" + (dir / "cue") + "; echo last; exit 0); echo first");
  reap_until_feeding();
  ASSERT_EQ(ends_told(), 0U);
  ASSERT_EQ(::write(cue.get(), "\n", 1), 1);
  reap_until_ended();
  EXPECT_TRUE(last_result().succeeded());
  std::vector<std::string> lines;
  for (const std::string& line : lines_of(all_written())) lines.push_back(own_bytes(line));
  EXPECT_EQ(lines, (std::vector<std::string>{"first", "last"}));
}

TEST_F(ProcessRunnerTest, what_a_script_feeds_fails_the_script_when_it_fails) {
  start_bash("exec > >(cat; exit 7)");
  reap_until_ended();
  const core::ScriptResult result = last_result();
  EXPECT_EQ(result.outcome, core::StepOutcome::exited);
  EXPECT_EQ(result.code, 7);
  EXPECT_EQ(result.detail.substr(0, 10), "bash (pid ");
  EXPECT_NE(result.detail.find("), which it fed, finished with exit code '7'"), result.detail.npos) << result.detail;

  start_bash("exec > >(kill -STOP $BASHPID; cat; kill -KILL $BASHPID)");
  reap_until_feeding();
  // It may be found before it has stopped itself.
  while (ends_told() == 0) {
    continue_all();
    runner->reap_children();
    test_loop.run_until_idle();
  }
  EXPECT_EQ(last_result().outcome, core::StepOutcome::signalled);
  EXPECT_EQ(last_result().code, SIGKILL);
}

TEST_F(ProcessRunnerTest, a_script_that_failed_itself_keeps_its_own_exit_code) {
  start_bash("exec > >(cat; exit 7); exit 3");
  reap_until_ended();
  EXPECT_EQ(last_result().code, 3);
  EXPECT_EQ(last_result().detail, "");
}

TEST_F(ProcessRunnerTest, what_a_script_feeds_may_stop_reading) {
  for (const char* end : {"kill -PIPE $BASHPID", "exit 141"}) {
    start_bash("exec > >(cat; " + std::string(end) + ")");
    reap_until_ended();
    EXPECT_TRUE(last_result().succeeded()) << end;
  }
}

TEST_F(ProcessRunnerTest, a_process_in_the_background_neither_holds_nor_fails_a_script) {
  start_bash("(exit 9) & wait $! ; sleep 600 & sleep 600 | sleep 600 &");
  reap_until_ended();
  EXPECT_TRUE(last_result().succeeded());
  EXPECT_EQ(count_of<core::ScriptFeeds>(), 0U);
}

TEST_F(ProcessRunnerTest, what_a_script_feeds_can_be_ended_with_it) {
  start_bash("exec > >(exec sleep 600)");
  reap_until_feeding();
  ASSERT_EQ(ends_told(), 0U);
  runner->end_processes({2, core::Scope::script, core::Send::term});
  reap_until_ended();
  EXPECT_EQ(last_result().outcome, core::StepOutcome::signalled);
}

TEST_F(ProcessRunnerTest, a_script_that_feeds_can_be_given_up) {
  start_bash("exec > >(exec sleep 600)");
  reap_until_feeding();
  runner->abandon_script();
  start("exit 4");
  reap_until_ended();
  EXPECT_EQ(last_result().code, 4);
  EXPECT_EQ(ends_told(), 1U);
}

TEST_F(ProcessRunnerTest, writers_are_ended_before_those_that_read_what_they_write) {
  const os::TempDir dir;
  start_bash("{ echo first; exec sleep 600; } | { trap 'exit 9' TERM; cat; echo whole; } > " + (dir / "copy") + " &");
  reap_until_ended();
  // Until the reader reads: before, it is no reader yet.
  while (!std::filesystem::exists(dir / "copy") || std::filesystem::file_size(dir / "copy") == 0) ::sched_yield();
  runner->end_processes({2, core::Scope::run, core::Send::term});
  while (os::any_children()) reap();
  std::string copy;
  std::getline(std::ifstream(dir / "copy"), copy, '\0');
  EXPECT_EQ(copy, "first\nwhole\n");
}

TEST_F(ProcessRunnerTest, a_reader_that_fails_at_the_runs_end_is_told) {
  start_bash("exec 5> >(cat >/dev/null; exit 3); sleep 600 & sleep 600 | (cat; kill -KILL $BASHPID) &");
  reap_until_ended();
  EXPECT_TRUE(last_result().succeeded());
  runner->end_processes({2, core::Scope::run, core::Send::term});
  while (os::any_children()) reap();
  const std::string log = all_written();
  EXPECT_NE(log.find("), which read what a process left behind wrote, finished with exit code '3'\n"), log.npos) << log;
  EXPECT_NE(log.find("), which read what a process left behind wrote, was killed by signal 'SIGKILL'\n"), log.npos)
      << log;
}

TEST_F(ProcessRunnerTest, all_that_a_run_left_is_the_runs_wherever_it_went) {
  start_bash("(env -i setsid sleep 600 &) ; (setsid sleep 600 &)");
  reap_until_ended();
  EXPECT_EQ(alive(core::Scope::run).size(), 2U);
}

TEST_F(ProcessRunnerTest, what_was_there_before_us_is_no_runs) {
  start_bash("(env -i setsid sleep 600 &)");
  reap_until_ended();
  open_runner();
  start_bash("sleep 600 &");
  reap_until_ended();
  EXPECT_EQ(alive(core::Scope::run).size(), 1U);
  EXPECT_EQ(alive(core::Scope::everything).size(), 2U);
}

TEST_F(ProcessRunnerTest, what_install_dependencies_left_is_no_later_runs) {
  const os::TempDir dir;
  ASSERT_EQ(::mkfifo((dir / "cue").c_str(), 0600), 0);
  const os::UniqueFd cue(::open((dir / "cue").c_str(), O_RDWR | O_CLOEXEC));
  start_bash("{ read -r x <>" + (dir / "cue") + "; (setsid sleep 600 &); exec sleep 600; } &", core::Trigger::install);
  reap_until_ended();
  runner->forget_run(core::Trigger::install);
  ASSERT_EQ(::write(cue.get(), "\n", 1), 1);
  while (alive(core::Scope::everything).size() != 2) ::sched_yield();
  start_bash("sleep 600 &");
  reap_until_ended();
  EXPECT_EQ(alive(core::Scope::run).size(), 1U);
}

TEST_F(ProcessRunnerTest, tells_a_script_nothing_of_the_run_that_started_us) {
  EXPECT_EQ(line_of("env | grep -c -e ^SIDEFRIDGE_RUN_ID= -e ^SIDEFRIDGE_ERROR_"), "1");
  EXPECT_EQ(line_of("echo $SIDEFRIDGE_RUN_ID"), "r-1");
}

TEST_F(ProcessRunnerTest, what_each_install_dependencies_left_behind_goes_on_being_heard) {
  const os::TempDir dir;
  const std::vector<std::string> names{"first", "second", "third"};
  std::vector<os::UniqueFd> cues;
  for (const std::string& name : names) {
    ASSERT_EQ(::mkfifo((dir / name).c_str(), 0600), 0);
    cues.emplace_back(::open((dir / name).c_str(), O_RDWR | O_CLOEXEC));
    start("{ read cue; echo " + name + "; echo " + name + " again >&2; read cue; } < " + (dir / name) + " &");
    reap();
    runner->forget_run(core::Trigger::install);
  }
  start("exit 0");
  reap();
  runner->forget_run(core::Trigger::schedule);
  for (std::size_t i = 0; i < names.size(); ++i) {
    ASSERT_EQ(::write(cues[i].get(), "\n", 1), 1);
    const std::string bytes = relayed_up_to(names[i] + " again");
    EXPECT_NE(bytes.find("out   r-1 backups/bkp | " + names[i] + "\n"), bytes.npos) << bytes;
  }
}

TEST_F(ProcessRunnerTest, a_script_that_was_given_up_is_a_process_left_behind) {
  const os::TempDir dir;
  ASSERT_EQ(::mkfifo((dir / "cue").c_str(), 0600), 0);
  const os::UniqueFd cue(::open((dir / "cue").c_str(), O_RDWR | O_CLOEXEC));
  start("echo begun; read cue < " + (dir / "cue") + "; echo late");
  relayed_up_to("begun");
  runner->abandon_script();
  runner->abandon_script();

  start("echo next; exit 4");
  reap();
  relayed_up_to("next");
  ASSERT_EQ(ends_told(), 1U);
  EXPECT_EQ(std::get<core::ScriptEnded>(events.back()).result.code, 4);

  // It still counts as the run's.
  runner->end_processes({1, core::Scope::run, core::Send::nothing});
  EXPECT_EQ(std::get<core::ProcessesAlive>(events.back()).processes.size(), 1U);
  ASSERT_EQ(::write(cue.get(), "\n", 1), 1);
  relayed_up_to("late");
  events.clear();
  reap();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_TRUE(std::holds_alternative<core::OrphansReaped>(events[0]));
  runner->forget_run(core::Trigger::manual);
}

TEST_F(ProcessRunnerTest, a_script_whose_output_nobody_reads_can_be_given_up_and_nothing_it_wrote_is_lost) {
  for (const bool closed_first : {false, true}) {
    runner.reset();
    open_console(text);
    open_runner();
    congest();
    start("echo one; echo two; echo three >&2; printf four");
    reap();
    test_loop.run_until_idle();
    EXPECT_EQ(ends_told(), 0U) << "its output cannot be relayed";
    runner->abandon_script();

    start("exit 4");
    reap();
    ASSERT_EQ(ends_told(), 1U);
    EXPECT_EQ(std::get<core::ScriptEnded>(events.back()).result.code, 4);
    start("echo five");
    reap();
    runner->abandon_script();
    if (closed_first) runner->forget_run(core::Trigger::manual);

    std::vector<std::string> out_lines;
    std::vector<std::string> err_lines;
    for (const std::string& line : lines_of(all_written())) {
      if (line.find(" | ") == line.npos) continue;
      (line.find("Z out ") != line.npos ? out_lines : err_lines).push_back(own_bytes(line));
    }
    // What the last one wrote is a stream of its own.
    EXPECT_EQ(std::erase(out_lines, "five"), 1U);
    EXPECT_EQ(out_lines, (std::vector<std::string>{"one", "two", "four"}));
    EXPECT_EQ(err_lines, std::vector<std::string>{"three"});
    EXPECT_EQ(ends_told(), 1U);
  }
}

TEST_F(ProcessRunnerTest, how_a_script_ended_is_told_though_nobody_reads_what_it_wrote) {
  congest();
  start("echo one; exit 3");
  reap();
  EXPECT_EQ(ends_told(), 0U) << "it may be read yet";
  test_loop.run_until([&] { return ends_told() > 0; });
  EXPECT_EQ(last_result().code, 3);
  start("echo two");
  reap();
  std::vector<std::string> lines;
  for (const std::string& line : lines_of(all_written())) {
    if (line.find(" | ") != line.npos) lines.push_back(own_bytes(line));
  }
  EXPECT_EQ(lines, (std::vector<std::string>{"one", "two"}));
}

TEST_F(ProcessRunnerTest, a_script_may_be_given_up_while_one_of_its_outputs_is_drained_already) {
  congest();
  start("echo one");
  reap();
  EXPECT_EQ(ends_told(), 0U);
  runner->abandon_script();
  EXPECT_EQ(own_bytes(lines_of(all_written()).back()), "one");
  EXPECT_EQ(ends_told(), 0U);
  start("exit 0");
  reap();
  EXPECT_EQ(ends_told(), 1U);
}

}  // namespace
}  // namespace sidefridge::daemon
