// status_history_test.cc - `sidefridge status` and `sidefridge history`, called as functions on real stores.
#include <gtest/gtest.h>

#include <functional>
#include <iostream>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "../store/fixture.h"
#include "sidefridge/cli/history.h"
#include "sidefridge/cli/status.h"
#include "sidefridge/os/boot_id.h"
#include "sidefridge/os/file_lock.h"
#include "sidefridge/store/history.h"
#include "sidefridge/text/time_format.h"

namespace sidefridge::cli {
namespace {

using core::Outcome;
using core::RunRecord;
using store::must;
using store::StateFolder;

WallTime at(std::string_view text) {
  return *text::parse_rfc3339(text);
}

class StatusHistoryTest : public testing::Test {
protected:
  struct Answer {
    int code;
    std::string out;
    std::string err;
  };
  using Verb = int (*)(std::span<const std::string>, std::span<const core::Setting>, WallTime, std::ostream&,
                       std::ostream&);

  Answer ask(Verb verb, const std::vector<std::string>& arguments = {}) const {
    const std::vector<core::Setting> environment{{"SIDEFRIDGE_STATE_DIR", dir_.path()}};
    std::ostringstream out;
    std::ostringstream err;
    const int code = verb(arguments, environment, at("2026-11-23T08:00:00Z"), out, err);
    return {code, out.str(), err.str()};
  }

  // What runs leave behind. In a child, since a process opens a store once.
  void write(const std::function<void(store::History&)>& work) const {
    ASSERT_EQ(store::in_child([&] {
                auto history = must(store::History::open(must(StateFolder::open(dir_.path())), {.limit = 1000}));
                must(os::FileLock::open(StateFolder::at(dir_.path()).lock_path()));
                work(history);
              }),
              0);
  }

  store::TempDir dir_;
};

core::StepRecord step_of(std::string script, core::StepOutcome outcome, int code = 0) {
  core::StepRecord step;
  step.script = std::move(script);
  step.started_at = at("2026-11-23T07:00:01Z");
  step.elapsed = std::chrono::milliseconds(1500);
  step.outcome = outcome;
  step.code = code;
  if (outcome == core::StepOutcome::running) step.elapsed = {};
  return step;
}

RunRecord success() {
  RunRecord run;
  run.run_id = "20261123T060000Z-0001";
  run.outcome = Outcome::succeeded;
  run.scheduled_at = at("2026-11-23T06:00:00Z");
  run.started_at = at("2026-11-23T06:00:00.001Z");
  run.finished_at = at("2026-11-23T06:00:03.001Z");
  return run;
}

RunRecord failure() {
  RunRecord run;
  run.run_id = "20261123T070000Z-0002";
  run.outcome = Outcome::failed;
  run.scheduled_at = at("2026-11-23T07:00:00Z");
  run.started_at = at("2026-11-23T07:00:00.001Z");
  run.finished_at = at("2026-11-23T07:00:02.501Z");
  run.reason = "Script '/scripts/backups/b' finished with exit code '3'";
  run.steps = {step_of("/scripts/backups/a", core::StepOutcome::exited),
               step_of("/scripts/backups/b", core::StepOutcome::exited, 3),
               step_of("/scripts/on_error/tell", core::StepOutcome::signalled, 15)};
  return run;
}

RunRecord skip() {
  RunRecord run;
  run.outcome = Outcome::skipped;
  run.scheduled_at = run.started_at = at("2026-11-23T07:30:00Z");
  run.reason = "run 20261123T070000Z-0002 was still running";
  return run;
}

RunRecord running() {
  RunRecord run;
  run.run_id = "20261123T075948Z-0003";
  run.trigger = core::Trigger::manual;
  run.scheduled_at = run.started_at = at("2026-11-23T07:59:48Z");
  run.boot_id = *os::read_boot_id();
  return run;
}

// A daemon in the middle of a run, until it is killed.
class LiveDaemon {
public:
  explicit LiveDaemon(const std::string& state_dir) {
    int ready[2];
    EXPECT_EQ(::pipe2(ready, O_CLOEXEC), 0);
    std::fflush(nullptr);
    pid_ = ::fork();
    if (pid_ == 0) {
      const StateFolder folder = must(StateFolder::open(state_dir));
      auto lock = must(os::FileLock::open(folder.lock_path()));
      must(lock.try_lock(store::daemon_lock_byte));
      must(lock.try_lock(store::run_lock_byte));
      auto history = must(store::History::open(folder, {.limit = 1000}));
      auto variables = must(store::Variables::recreate(folder, store::some_limit_bytes));
      must(history.note_daemon({.pid = ::getpid(),
                                .started_at = at("2026-11-23T07:00:00Z"),
                                .schedule = "*/5 * * * *",
                                .version = "0.1.0"}));
      must(variables.begin(running().run_id));
      must(history.begin(running()));
      must(variables.save_steps(running().run_id, 0,
                                std::vector{step_of("/scripts/backups/a", core::StepOutcome::exited)}));
      core::StepRecord step = step_of("/scripts/backups/b", core::StepOutcome::running);
      step.started_at = at("2026-11-23T07:59:50Z");
      must(variables.save_steps(running().run_id, 1, std::vector{step}));
      EXPECT_EQ(::write(ready[1], "", 1), 1);
      for (;;) ::pause();
    }
    ::close(ready[1]);
    char byte = 0;
    EXPECT_EQ(::read(ready[0], &byte, 1), 1) << "it failed";
    ::close(ready[0]);
  }
  LiveDaemon(const LiveDaemon&) = delete;
  LiveDaemon& operator=(const LiveDaemon&) = delete;
  ~LiveDaemon() { kill(); }

  std::string pid() const { return std::to_string(pid_); }
  void kill() {
    if (pid_ == 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

private:
  pid_t pid_ = 0;
};

TEST_F(StatusHistoryTest, without_a_store_both_say_so_and_make_no_file) {
  for (const Verb verb : {&status, &history}) {
    const Answer answer = ask(verb);
    EXPECT_EQ(answer.code, 69);
    EXPECT_EQ(answer.out, "");
    EXPECT_EQ(answer.err, std::string("sidefridge ") + (verb == &status ? "status" : "history") +
                              ": nothing ever ran with this state folder: there is no " + (dir_ / "store/history.mdb") +
                              "; SIDEFRIDGE_STATE_DIR or --state-dir names another\n");
  }
  EXPECT_TRUE(std::filesystem::is_empty(dir_.path()));
}

TEST_F(StatusHistoryTest, history_is_a_table_with_the_newest_last) {
  write([](store::History& history) {
    must(history.finish(success()));
    must(history.finish(failure()));
    must(history.finish(skip()));
  });
  const LiveDaemon daemon(dir_.path());
  const Answer answer = ask(&history);
  EXPECT_EQ(answer.code, 0);
  EXPECT_EQ(answer.err, "");
  EXPECT_EQ(answer.out,
            "RUN                    TRIGGER   STARTED               TOOK   OUTCOME    REASON\n"
            "20261123T060000Z-0001  schedule  2026-11-23T06:00:00Z  3 s    succeeded\n"
            "20261123T070000Z-0002  schedule  2026-11-23T07:00:00Z  2.5 s  failed     Script '/scripts/backups/b' "
            "finished with exit code '3'\n"
            "-                      schedule  2026-11-23T07:30:00Z  -      skipped    run 20261123T070000Z-0002 was "
            "still running\n"
            "20261123T075948Z-0003  manual    2026-11-23T07:59:48Z  12 s   running\n");
}

TEST_F(StatusHistoryTest, history_takes_a_limit) {
  write([](store::History& history) {
    must(history.finish(success()));
    must(history.finish(failure()));
  });
  const Answer answer = ask(&history, {"--limit", "1"});
  EXPECT_EQ(answer.out.find("-0001"), std::string::npos);
  EXPECT_NE(answer.out.find("-0002"), std::string::npos);
  const Answer refused = ask(&history, {"--limit", "0"});
  EXPECT_EQ(refused.code, 2);
  EXPECT_EQ(refused.err, "sidefridge history: --limit: found '0', allowed: 1 to 1000000\n");
}

TEST_F(StatusHistoryTest, history_of_one_run_shows_its_steps) {
  write([](store::History& history) { must(history.finish(failure())); });
  const Answer answer = ask(&history, {"20261123T070000Z-0002"});
  EXPECT_EQ(answer.code, 0);
  EXPECT_EQ(answer.out,
            "run        20261123T070000Z-0002\n"
            "trigger    schedule\n"
            "scheduled  2026-11-23T07:00:00Z\n"
            "started    2026-11-23T07:00:00Z\n"
            "finished   2026-11-23T07:00:02Z\n"
            "took       2.5 s\n"
            "outcome    failed\n"
            "reason     Script '/scripts/backups/b' finished with exit code '3'\n"
            "\n"
            "SCRIPT                  STARTED               TOOK   OUTCOME\n"
            "/scripts/backups/a      2026-11-23T07:00:01Z  1.5 s  exit code 0\n"
            "/scripts/backups/b      2026-11-23T07:00:01Z  1.5 s  exit code 3\n"
            "/scripts/on_error/tell  2026-11-23T07:00:01Z  1.5 s  signal 15\n");
}

TEST_F(StatusHistoryTest, history_says_how_many_steps_are_not_kept) {
  write([](store::History& history) {
    RunRecord run = failure();
    run.steps_omitted = 12;
    must(history.finish(run));
  });
  EXPECT_NE(ask(&history, {"20261123T070000Z-0002"}).out.find("\n(12 earlier steps are not kept)\n"),
            std::string::npos);
}

TEST_F(StatusHistoryTest, a_run_that_is_not_there_is_told) {
  write([](store::History& history) { must(history.finish(success())); });
  const Answer answer = ask(&history, {"nope"});
  EXPECT_EQ(answer.code, 69);
  EXPECT_EQ(answer.err, "sidefridge history: there is no run 'nope' in the history\n");
}

TEST_F(StatusHistoryTest, a_reason_of_several_lines_stays_on_one) {
  write([](store::History& history) {
    RunRecord run = failure();
    run.reason = "one\ntwo\x1b[31m";
    must(history.finish(run));
  });
  EXPECT_NE(ask(&history).out.find("failed   one?two?[31m\n"), std::string::npos);
}

TEST_F(StatusHistoryTest, history_prints_json) {
  write([](store::History& history) {
    RunRecord run = failure();
    run.steps.erase(run.steps.begin(), run.steps.begin() + 1);
    must(history.finish(run));
    must(history.finish(skip()));
  });
  const std::string run =
      R"({"sequence":1,"run_id":"20261123T070000Z-0002","job":"backup","trigger":"schedule","attempt":1,"outcome":"failed",)"
      R"("reason":"Script '/scripts/backups/b' finished with exit code '3'",)"
      R"("scheduled_at":"2026-11-23T07:00:00.000Z","started_at":"2026-11-23T07:00:00.001Z",)"
      R"("finished_at":"2026-11-23T07:00:02.501Z","elapsed_ms":2500,"ticks":1,"last_scheduled_at":null,"steps_omitted":0,"steps":[)"
      R"({"hook":"backups","script":"/scripts/backups/b","started_at":"2026-11-23T07:00:01.000Z","elapsed_ms":1500,)"
      R"("outcome":"exited","exit_code":3,"signal":null,"detail":""},)"
      R"({"hook":"backups","script":"/scripts/on_error/tell","started_at":"2026-11-23T07:00:01.000Z",)"
      R"("elapsed_ms":1500,"outcome":"signalled","exit_code":null,"signal":15,"detail":""}]})";
  const std::string skipped =
      R"({"sequence":2,"run_id":null,"job":"backup","trigger":"schedule","attempt":1,"outcome":"skipped",)"
      R"("reason":"run 20261123T070000Z-0002 was still running","scheduled_at":"2026-11-23T07:30:00.000Z",)"
      R"("started_at":"2026-11-23T07:30:00.000Z","finished_at":null,"elapsed_ms":null,"ticks":1,"last_scheduled_at":null,"steps_omitted":0,"steps":[]})";
  EXPECT_EQ(ask(&history, {"--json"}).out, R"({"runs":[)" + run + "," + skipped + "]}\n");
  EXPECT_EQ(ask(&history, {"--json", "20261123T070000Z-0002"}).out, run + "\n");
}

TEST_F(StatusHistoryTest, status_of_a_daemon_that_does_not_run) {
  write([](store::History& history) {
    must(history.note_daemon(
        {.pid = 1, .started_at = at("2026-11-23T05:00:00Z"), .schedule = "@hourly", .version = "0.1.0"}));
    must(history.finish(success()));
    must(history.finish(failure()));
    must(history.finish(skip()));
  });
  const Answer answer = ask(&status);
  EXPECT_EQ(answer.code, 0);
  EXPECT_EQ(answer.err, "");
  EXPECT_EQ(
      answer.out,
      "daemon        not running; the last one started at 2026-11-23T05:00:00Z (3 h ago)\n"
      "now           no run\n"
      "last tick     2026-11-23T07:30:00Z (30 min ago)\n"
      "last run      failed, run 20261123T070000Z-0002 (schedule), started at 2026-11-23T07:00:00Z (59 min 59 s "
      "ago), took 2.5 s\n"
      "reason        Script '/scripts/backups/b' finished with exit code '3'\n"
      "last success  succeeded, run 20261123T060000Z-0001 (schedule), started at 2026-11-23T06:00:00Z (1 h 59 min "
      "ago), took 3 s\n"
      "runs          3 recorded: 1 succeeded, 1 failed, 1 skipped\n");
}

TEST_F(StatusHistoryTest, a_missed_tick_is_shown_by_its_own_time_and_is_no_last_run) {
  write([](store::History& history) {
    must(history.finish(success()));
    RunRecord missed;
    missed.outcome = Outcome::missed;
    missed.scheduled_at = at("2026-11-23T07:00:00Z");
    missed.started_at = at("2026-11-23T07:45:00Z");
    missed.reason = "no daemon was running";
    must(history.finish(missed));
  });
  EXPECT_NE(ask(&history).out.find(
                "-                      schedule  2026-11-23T07:00:00Z  -     missed     no daemon was running\n"),
            std::string::npos)
      << ask(&history).out;
  const std::string json = ask(&history, {"--json"}).out;
  EXPECT_NE(json.find(R"("outcome":"missed","reason":"no daemon was running",)"), std::string::npos) << json;
  EXPECT_NE(json.find(R"("finished_at":null,"elapsed_ms":null,)"), std::string::npos) << json;
  const std::string told = ask(&status).out;
  EXPECT_NE(told.find("last tick     2026-11-23T07:00:00Z (1 h ago)\n"), std::string::npos) << told;
  EXPECT_NE(told.find("last run      succeeded, run 20261123T060000Z-0001"), std::string::npos) << told;
  EXPECT_NE(told.find("last missed   2026-11-23T07:00:00Z: no daemon was running\n"), std::string::npos) << told;
  EXPECT_NE(told.find("runs          2 recorded: 1 succeeded, 1 missed\n"), std::string::npos) << told;
  EXPECT_NE(ask(&status, {"--json"}).out.find(R"("counts":{"succeeded":1,"missed":1})"), std::string::npos);
}

TEST_F(StatusHistoryTest, several_missed_ticks_are_shown_as_how_many_with_the_first_and_the_last) {
  write([](store::History& history) {
    must(history.finish(success()));
    RunRecord missed;
    missed.outcome = Outcome::missed;
    missed.scheduled_at = at("2026-11-23T07:00:00Z");
    missed.last_scheduled_at = at("2026-11-23T07:30:00Z");
    missed.ticks = 3;
    missed.started_at = at("2026-11-23T07:45:00Z");
    missed.reason = "no daemon was running";
    must(history.finish(missed));
  });
  const std::string ticks = "3 ticks from 2026-11-23T07:00:00Z to 2026-11-23T07:30:00Z: no daemon was running\n";
  const std::string table = ask(&history).out;
  EXPECT_NE(table.find("-                      schedule  2026-11-23T07:00:00Z  -     missed     " + ticks),
            std::string::npos)
      << table;
  const std::string told = ask(&status).out;
  EXPECT_NE(told.find("last tick     2026-11-23T07:30:00Z (30 min ago)\n"), std::string::npos) << told;
  EXPECT_NE(told.find("last missed   " + ticks), std::string::npos) << told;
  const std::string members = R"("ticks":3,"last_scheduled_at":"2026-11-23T07:30:00.000Z",)";
  for (const Verb verb : {&history, &status}) {
    const std::string json = ask(verb, {"--json"}).out;
    EXPECT_NE(json.find(members), std::string::npos) << json;
  }
}

TEST_F(StatusHistoryTest, outcomes_of_a_newer_version_are_shown_as_unknown) {
  write([](store::History& history) {
    for (const int number : {100, 101}) {
      RunRecord run = success();
      run.outcome = static_cast<Outcome>(number);
      must(history.finish(run));
    }
  });
  EXPECT_NE(ask(&history).out.find("  3 s   unknown\n"), std::string::npos) << ask(&history).out;
  EXPECT_NE(ask(&status).out.find("last run      unknown, run 20261123T060000Z-0001"), std::string::npos);
  EXPECT_NE(ask(&status, {"--json"}).out.find(R"("counts":{"unknown":2})"), std::string::npos);
}

TEST_F(StatusHistoryTest, status_of_a_daemon_in_the_middle_of_a_run) {
  const LiveDaemon daemon(dir_.path());
  const Answer answer = ask(&status);
  EXPECT_EQ(answer.code, 0);
  EXPECT_EQ(answer.out,
            "daemon        running, process " + daemon.pid() +
                ", version 0.1.0, since 2026-11-23T07:00:00Z (1 h ago)\n"
                "schedule      */5 * * * *\n"
                "now           run 20261123T075948Z-0003 (manual), started at 2026-11-23T07:59:48Z (12 s ago)\n"
                "script        /scripts/backups/b, for 10 s\n"
                "next run      2026-11-23T08:05:00Z (in 5 min)\n"
                "last run      none\n"
                "last success  none\n"
                "runs          1 recorded: 1 running\n");
}

TEST_F(StatusHistoryTest, the_next_run_is_told_in_the_zone_and_with_the_delay_of_the_daemon) {
  const LiveDaemon daemon(dir_.path());
  const std::string delayed = ask(&status, {"--jitter=4m", "--pod-name=pod-a"}).out;
  EXPECT_EQ(delayed.find("next run      2026-11-23T08:05:00Z"), std::string::npos) << delayed;
  EXPECT_NE(delayed.find("next run      2026-11-23T08:0"), std::string::npos) << delayed;
}

TEST_F(StatusHistoryTest, on_a_terminal_good_is_green_and_bad_is_red) {
  write([](store::History& history) {
    must(history.finish(success()));
    must(history.finish(failure()));
  });
  const auto on_a_terminal = [&](Verb verb, std::vector<core::Setting> environment) {
    environment.push_back({"SIDEFRIDGE_STATE_DIR", dir_.path()});
    const int terminal = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    EXPECT_EQ(::grantpt(terminal) + ::unlockpt(terminal), 0);
    EXPECT_EQ(store::in_child([&] {
                EXPECT_EQ(::dup2(::open(::ptsname(terminal), O_RDWR | O_NOCTTY), STDOUT_FILENO), STDOUT_FILENO);
                std::ostringstream err;
                EXPECT_EQ(verb({}, environment, at("2026-11-23T08:00:00Z"), std::cout, err), 0);
              }),
              0);
    std::string text(8192, '\0');
    const ssize_t got = ::read(terminal, text.data(), text.size());
    ::close(terminal);
    return text.substr(0, got > 0 ? static_cast<std::size_t>(got) : 0);
  };
  const std::string shown = on_a_terminal(&status, {});
  EXPECT_NE(shown.find("daemon        \x1b[31mnot running\x1b[0m"), std::string::npos) << shown;
  EXPECT_NE(shown.find("last run      \x1b[31mfailed\x1b[0m, run"), std::string::npos) << shown;
  EXPECT_NE(shown.find("last success  \x1b[32msucceeded\x1b[0m, run"), std::string::npos) << shown;
  const std::string table = on_a_terminal(&history, {});
  EXPECT_NE(table.find("  3 s    \x1b[32msucceeded\x1b[0m\r\n"), std::string::npos) << table;
  EXPECT_NE(table.find("  2.5 s  \x1b[31mfailed\x1b[0m     Script"), std::string::npos) << table;
  for (const core::Setting& none : {core::Setting{"NO_COLOR", "1"}, core::Setting{"TERM", "dumb"}}) {
    EXPECT_EQ(on_a_terminal(&status, {none}).find('\x1b'), std::string::npos) << none.name;
  }
}

TEST_F(StatusHistoryTest, status_prints_json) {
  const LiveDaemon daemon(dir_.path());
  const std::string expected =
      R"({"daemon":{"running":true,"pid":)" + daemon.pid() +
      R"(,"started_at":"2026-11-23T07:00:00.000Z","schedule":"*/5 * * * *","version":"0.1.0"},)"
      R"("next_run_at":"2026-11-23T08:05:00.000Z",)"
      R"("last_scheduled_at":null,"last_started_at":"2026-11-23T07:59:48.000Z",)"
      R"("current_run":{"sequence":1,"run_id":"20261123T075948Z-0003","job":"backup","trigger":"manual","attempt":1,)"
      R"("outcome":"running",)"
      R"("reason":"","scheduled_at":"2026-11-23T07:59:48.000Z","started_at":"2026-11-23T07:59:48.000Z",)"
      R"("finished_at":null,"elapsed_ms":12000,"ticks":1,"last_scheduled_at":null,"steps_omitted":0,"steps":[)"
      R"({"hook":"backups","script":"/scripts/backups/a","started_at":"2026-11-23T07:00:01.000Z","elapsed_ms":1500,)"
      R"("outcome":"exited","exit_code":0,"signal":null,"detail":""},)"
      R"({"hook":"backups","script":"/scripts/backups/b","started_at":"2026-11-23T07:59:50.000Z",)"
      R"("elapsed_ms":10000,"outcome":"running","exit_code":null,"signal":null,"detail":""}]},)"
      R"("last_run":null,"last_success":null,"last_missed":null,"counts":{"running":1}})"
      "\n";
  EXPECT_EQ(ask(&status, {"--json"}).out, expected);
}

TEST_F(StatusHistoryTest, history_of_the_run_that_goes_on_shows_its_steps_so_far) {
  const LiveDaemon daemon(dir_.path());
  EXPECT_NE(ask(&history, {running().run_id}).out.find("/scripts/backups/b  2026-11-23T07:59:50Z  10 s   running\n"),
            std::string::npos);
}

TEST_F(StatusHistoryTest, a_run_whose_daemon_was_killed_is_lost_before_anybody_recorded_it) {
  LiveDaemon daemon(dir_.path());
  daemon.kill();
  const Answer answer = ask(&status);
  EXPECT_EQ(answer.code, 0);
  EXPECT_EQ(answer.out,
            "daemon        not running; the last one started at 2026-11-23T07:00:00Z (1 h ago)\n"
            "now           no run\n"
            "last run      lost, run 20261123T075948Z-0003 (manual), started at 2026-11-23T07:59:48Z (12 s ago)\n"
            "reason        its process was killed\n"
            "last success  none\n"
            "runs          1 recorded: 1 lost\n");
  EXPECT_NE(ask(&history).out.find("2026-11-23T07:59:48Z  -     lost     its process was killed\n"), std::string::npos)
      << ask(&history).out;
}

TEST_F(StatusHistoryTest, steps_noted_before_the_machine_went_down_are_not_shown) {
  const LiveDaemon daemon(dir_.path());
  write([](store::History& history) {
    RunRecord run = running();
    run.sequence = 1;
    run.boot_id = "another";
    must(history.begin(run));
  });
  EXPECT_EQ(ask(&history, {running().run_id}).out.find("/scripts/"), std::string::npos);
}

TEST_F(StatusHistoryTest, a_successful_install_is_not_told_as_the_last_run) {
  write([](store::History& history) {
    must(history.finish(failure()));
    RunRecord install = success();
    install.trigger = core::Trigger::install;
    must(history.finish(install));
  });
  EXPECT_NE(ask(&status).out.find("last run      failed, run 20261123T070000Z-0002"), std::string::npos);
}

TEST_F(StatusHistoryTest, what_lies_in_the_way_of_a_file_is_named_at_once) {
  write([](store::History& history) { must(history.finish(success())); });
  const StateFolder folder = StateFolder::at(dir_.path());
  // The locks are looked at first.
  for (const std::string& path : {folder.history_path(), folder.lock_path()}) {
    std::filesystem::remove(path);
    ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
    for (const Verb verb : {&status, &history}) {
      const Answer answer = ask(verb);
      EXPECT_EQ(answer.code, 74);
      EXPECT_EQ(answer.out, "");
      EXPECT_EQ(answer.err, std::string("sidefridge ") + (verb == &status ? "status: " : "history: ") + path +
                                " is not a regular file; remove it\n");
    }
  }
}

TEST_F(StatusHistoryTest, a_history_that_is_none_is_told_with_what_will_become_of_it) {
  write([](store::History& history) { must(history.finish(success())); });
  std::ofstream(StateFolder::at(dir_.path()).history_path()) << std::string(10'000, 'x');
  for (const Verb verb : {&status, &history}) {
    const Answer answer = ask(verb);
    EXPECT_EQ(answer.code, 0);
    EXPECT_EQ(answer.err, std::string("sidefridge ") + (verb == &status ? "status: " : "history: ") +
                              "the history cannot be read (" + StateFolder::at(dir_.path()).history_path() +
                              " is damaged or not an LMDB file: its header is not one of LMDB); the daemon moves it "
                              "aside when it starts or runs next, and begins a new one\n");
  }
}

// A process that was stopped in the middle of a transaction of its own, until it is killed.
class StoppedWriter {
public:
  explicit StoppedWriter(const std::string& path) {
    std::fflush(nullptr);
    pid_ = ::fork();
    if (pid_ == 0) {
      auto environment = must(store::Environment::open(path, {}));
      auto transaction = must(environment.begin_write());
      ::raise(SIGSTOP);
      ::_exit(1);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(pid_, &status, WUNTRACED), pid_);
    EXPECT_TRUE(WIFSTOPPED(status));
  }
  StoppedWriter(const StoppedWriter&) = delete;
  StoppedWriter& operator=(const StoppedWriter&) = delete;
  ~StoppedWriter() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

private:
  pid_t pid_ = 0;
};

TEST_F(StatusHistoryTest, a_writer_that_was_stopped_in_the_middle_holds_nobody_up_who_looks) {
  const LiveDaemon daemon(dir_.path());
  const StateFolder folder = StateFolder::at(dir_.path());
  const StoppedWriter of_history(folder.history_path());
  const StoppedWriter of_variables(folder.variables_path());
  EXPECT_NE(ask(&status).out.find("script        /scripts/backups/b, for 10 s\n"), std::string::npos);
  EXPECT_NE(ask(&history, {running().run_id}).out.find("/scripts/backups/b  2026-11-23T07:59:50Z  10 s   running\n"),
            std::string::npos);
}

TEST_F(StatusHistoryTest, both_have_help_and_refuse_what_they_do_not_know) {
  for (const Verb verb : {&status, &history}) {
    const Answer help = ask(verb, {"--help"});
    EXPECT_EQ(help.code, 0);
    EXPECT_EQ(help.out.substr(0, 18), "Usage: sidefridge ");
    EXPECT_EQ(ask(verb, {"--nope"}).code, 2);
    EXPECT_EQ(ask(verb, {"a", "b"}).code, 2);
  }
}

}  // namespace
}  // namespace sidefridge::cli
