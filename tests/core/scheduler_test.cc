// scheduler_test.cc - every cell of the scheduler: what each event leads to, by the daemon's life and its work.
#include "sidefridge/core/scheduler.h"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "tests/core/turns.h"

namespace sidefridge::core {
namespace {

using namespace std::chrono_literals;

HookSet hooks_with_install(std::uint64_t digest) {
  HookSet hooks;
  Script tools = script(Hook::install_dependencies, "tools");
  tools.digest = digest;
  hooks.assign(Hook::install_dependencies, {tools}, digest);
  hooks.assign(Hook::backups, {script(Hook::backups, "dump")}, 1);
  return hooks;
}

/// A daemon of an hourly schedule that is retried, and the answers to what it asked for last.
class Daemon {
public:
  Daemon() : scheduler(settings()) { now = {wall("03:30:00"), MonoTime(1h)}; }

  void hear(const Event& event) {
    actions = scheduler.on(event, now);
    asked.note(actions);
  }
  void pass(Duration time) {
    now.wall += time;
    now.mono += time;
    hear(TimePassed{});
  }

  void read(std::uint64_t digest = 1) { hear(HooksRead{asked.reading, hooks_with_install(digest), 1, {}, {}}); }
  void ended(int code = 0) {
    ScriptEnded ended{asked.script, {}};
    ended.result.code = code;
    hear(ended);
  }
  void alive(const std::vector<std::string>& processes) { hear(ProcessesAlive{asked.look, processes}); }
  void until_tick() { pass(wall("04:00:00") - now.wall); }

  Scheduler scheduler;
  Now now;
  std::vector<Action> actions;  // of the last event
  Asked asked;

private:
  static Scheduler::Settings settings() {
    Scheduler::Settings settings;
    settings.schedule = schedule_of("0 * * * *");
    settings.job.retries = 1;
    settings.hooks.poll = 0s;  // where no event tells of changes, they are read before each run only
    return settings;
  }
};

const Request signal{1, Asker::signal};

/// How each state is reached: its name is what state_name() says, and in brackets what it does not.
Daemon in(const std::string& state) {
  Daemon d;
  d.hear(HooksWatched{HooksWatched::By::events});
  d.hear(Begun{});
  if (state == "preparing, awaiting hooks") return d;
  d.read();
  if (state == "preparing, recording") return d;
  d.hear(RunBegun{d.asked.begin, 1});
  if (state == "preparing, running") return d;
  if (state == "leaving, idle") {
    d.ended(1);
    d.hear(RunRecorded{d.asked.record});
    return d;
  }
  d.ended();
  d.hear(RunRecorded{d.asked.record});
  if (state == "serving, idle") return d;
  if (state == "serving, awaiting hooks") {
    d.hear(HooksWatched{HooksWatched::By::polling});
    d.pass(1s);
    d.read();
    d.until_tick();
    return d;
  }
  if (state == "serving, running [install before a run]") {
    d.hear(HooksTouched{});
    d.pass(1s);
    d.read(2);
    d.until_tick();
    d.hear(RunBegun{d.asked.begin, 2});
    return d;
  }
  d.until_tick();
  if (state == "serving, recording") return d;
  d.hear(RunBegun{d.asked.begin, 2});
  if (state == "serving, running") return d;
  if (state == "serving (SIGTERM), running") {
    d.hear(StopRequested{signal});
    return d;
  }
  d.ended();
  if (state == "serving, sweeping") return d;
  d.alive({});
  if (state == "serving, finishing") return d;
  d.hear(RunRecorded{d.asked.record});
  d.hear(StopRequested{signal});
  if (state == "leaving (SIGTERM), idle") return d;
  d.alive({});
  d.hear(RecordsFlushed{d.asked.flush});
  return d;
}

const std::map<std::string, std::function<void(Daemon&)>>& events() {
  static const std::map<std::string, std::function<void(Daemon&)>> all{
      {"a second passes", [](Daemon& d) { d.pass(1s); }},
      {"a tick comes",
       [](Daemon& d) { d.pass((d.now.wall < wall("04:00:00") ? wall("04:00:00") : wall("05:00:00")) - d.now.wall); }},
      {"ClockStepped back",
       [](Daemon& d) {
         d.now.wall -= 24h;
         d.hear(ClockStepped{});
       }},
      {"ClockStepped over a tick",
       [](Daemon& d) {
         d.now.wall += 90min;
         d.hear(ClockStepped{});
       }},
      {"StopRequested", [](Daemon& d) { d.hear(StopRequested{signal}); }},
      {"ReloadRequested", [](Daemon& d) { d.hear(ReloadRequested{signal}); }},
      {"RunRequested", [](Daemon& d) { d.hear(RunRequested{signal}); }},
      {"HooksTouched", [](Daemon& d) { d.hear(HooksTouched{}); }},
      {"HooksWatched, polling", [](Daemon& d) { d.hear(HooksWatched{HooksWatched::By::polling}); }},
      {"HooksRead", [](Daemon& d) { d.read(); }},
      {"HooksRead, changed", [](Daemon& d) { d.read(3); }},
      {"HooksUnreadable",
       [](Daemon& d) {
         d.hear(HooksUnreadable{d.asked.reading, Error{ErrorCode::io, "it is gone"}});
       }},
      {"ScheduleRead", [](Daemon& d) { d.hear(ScheduleRead{schedule_of("30 * * * *")}); }},
      {"ScheduleUnreadable",
       [](Daemon& d) {
         d.hear(ScheduleUnreadable{Error{ErrorCode::io, "it is gone"}});
       }},
      {"RunBegun",
       [](Daemon& d) {
         d.hear(RunBegun{d.asked.begin, 9});
       }},
      {"RunBusy",
       [](Daemon& d) {
         d.hear(RunBusy{d.asked.begin, 77});
       }},
      {"RunUnrecorded",
       [](Daemon& d) {
         d.hear(RunUnrecorded{d.asked.begin, Error{ErrorCode::full, "no space"}});
       }},
      {"ScriptFeeds",
       [](Daemon& d) {
         d.hear(ScriptFeeds{d.asked.script, {"xz (pid 12)"}});
       }},
      {"ScriptEnded, 0", [](Daemon& d) { d.ended(); }},
      {"ScriptEnded, 3", [](Daemon& d) { d.ended(3); }},
      {"ProcessesAlive, none", [](Daemon& d) { d.alive({}); }},
      {"ProcessesAlive, some", [](Daemon& d) { d.alive({"dump (pid 12)"}); }},
      {"OrphansReaped", [](Daemon& d) { d.hear(OrphansReaped{}); }},
      {"RunRecorded", [](Daemon& d) { d.hear(RunRecorded{d.asked.record}); }},
      {"RecordsFlushed", [](Daemon& d) { d.hear(RecordsFlushed{d.asked.flush}); }},
  };
  return all;
}

struct Cell {
  std::string becomes;
  std::string asks_for{};
};

/// All cells of one state: an event that is not named leaves the state as it is, and asks for nothing.
void expect_cells(const std::string& state, const std::map<std::string, Cell>& cells) {
  const std::string name = state.substr(0, state.find(" ["));
  for (const auto& [event, cell] : cells) ASSERT_TRUE(events().contains(event)) << event;
  for (const auto& [event, step] : events()) {
    Daemon d = in(state);
    ASSERT_EQ(d.scheduler.state_name(), name);
    step(d);
    const auto cell = cells.find(event);
    EXPECT_EQ(d.scheduler.state_name(), cell == cells.end() ? name : cell->second.becomes) << state << ", " << event;
    EXPECT_EQ(words_for(d.actions), cell == cells.end() ? "" : cell->second.asks_for) << state << ", " << event;
  }
}

TEST(SchedulerTable, preparing_awaiting_hooks) {
  expect_cells(
      "preparing, awaiting hooks",
      {
          {"ClockStepped over a tick", {"preparing, awaiting hooks", "record tick skipped, record tick missed"}},
          {"HooksRead", {"preparing, recording", "begin"}},
          {"HooksRead, changed", {"preparing, recording", "begin"}},
          {"HooksUnreadable", {"serving, idle"}},
          {"StopRequested", {"leaving (SIGTERM), idle", "SIGTERM to everything, flush"}},
          {"a tick comes", {"serving, recording", "begin"}},
      });
}

TEST(SchedulerTable, preparing_recording) {
  expect_cells("preparing, recording",
               {
                   {"ClockStepped over a tick", {"preparing, recording", "record tick skipped, record tick missed"}},
                   {"ReloadRequested", {"preparing, recording", "read hooks"}},
                   {"RunBegun", {"preparing, running", "start install_dependencies/tools, save steps"}},
                   {"RunBusy", {"leaving, idle", "SIGTERM to everything, flush"}},
                   {"RunUnrecorded", {"preparing, finishing", "record failed"}},
                   {"StopRequested", {"preparing (SIGTERM), recording"}},
                   {"a tick comes", {"preparing, finishing", "record failed, record tick skipped"}},
               });
}

TEST(SchedulerTable, preparing_running) {
  expect_cells("preparing, running",
               {
                   {"ClockStepped over a tick", {"preparing, running", "record tick skipped, record tick missed"}},
                   {"ReloadRequested", {"preparing, running", "read hooks"}},
                   {"ScriptEnded, 0", {"preparing, finishing", "save steps, record succeeded"}},
                   {"ScriptEnded, 3", {"preparing, finishing", "save steps, record failed"}},
                   {"StopRequested", {"preparing (SIGTERM), running"}},
                   {"a tick comes", {"preparing, running", "record tick skipped"}},
               });
}

TEST(SchedulerTable, serving_idle) {
  expect_cells("serving, idle", {
                                    {"ClockStepped over a tick", {"serving, recording", "begin"}},
                                    {"ReloadRequested", {"serving, idle", "read hooks"}},
                                    {"RunRequested", {"serving, recording", "begin"}},
                                    {"StopRequested", {"leaving (SIGTERM), idle", "SIGTERM to everything, flush"}},
                                    {"a tick comes", {"serving, recording", "begin"}},
                                });
}

TEST(SchedulerTable, serving_awaiting_hooks) {
  expect_cells("serving, awaiting hooks",
               {
                   {"HooksRead", {"serving, recording", "begin"}},
                   {"HooksRead, changed", {"serving, recording", "begin"}},
                   {"HooksUnreadable", {"serving, recording", "begin"}},
                   {"RunRequested", {"serving, awaiting hooks", "answer busy"}},
                   {"StopRequested", {"leaving (SIGTERM), idle", "record tick skipped, SIGTERM to everything, flush"}},
                   {"a tick comes", {"serving, recording", "begin"}},
               });
}

TEST(SchedulerTable, serving_recording) {
  expect_cells("serving, recording", {
                                         {"ReloadRequested", {"serving, recording", "read hooks"}},
                                         {"RunBegun", {"serving, running", "start backups/dump, save steps"}},
                                         {"RunBusy", {"serving, idle", "record tick skipped"}},
                                         {"RunRequested", {"serving, recording", "answer busy"}},
                                         {"RunUnrecorded", {"serving, sweeping", "SIGTERM to run"}},
                                         {"StopRequested", {"serving (SIGTERM), recording"}},
                                         {"a tick comes", {"serving, sweeping", "SIGTERM to run"}},
                                     });
}

TEST(SchedulerTable, serving_running) {
  expect_cells("serving, running", {
                                       {"ClockStepped over a tick", {"serving, running", "record tick skipped"}},
                                       {"ReloadRequested", {"serving, running", "read hooks"}},
                                       {"RunRequested", {"serving, running", "answer busy"}},
                                       {"ScriptEnded, 0", {"serving, sweeping", "save steps, SIGTERM to run"}},
                                       {"ScriptEnded, 3", {"serving, sweeping", "save steps, SIGTERM to run"}},
                                       {"StopRequested", {"serving (SIGTERM), running"}},
                                       {"a tick comes", {"serving, running", "record tick skipped"}},
                                   });
}

TEST(SchedulerTable, serving_running_install_before_a_run) {
  expect_cells("serving, running [install before a run]",
               {
                   {"ReloadRequested", {"serving, running", "read hooks"}},
                   {"RunRequested", {"serving, running", "answer busy"}},
                   {"ScriptEnded, 0", {"serving, finishing", "save steps, record succeeded"}},
                   {"ScriptEnded, 3", {"serving, finishing", "save steps, record failed"}},
                   {"StopRequested", {"serving (SIGTERM), running"}},
               });
}

TEST(SchedulerTable, serving_sweeping) {
  expect_cells("serving, sweeping", {
                                        {"ClockStepped over a tick", {"serving, sweeping", "record tick skipped"}},
                                        {"OrphansReaped", {"serving, sweeping", "look at run"}},
                                        {"ProcessesAlive, none", {"serving, finishing", "record succeeded"}},
                                        {"ReloadRequested", {"serving, sweeping", "read hooks"}},
                                        {"RunRequested", {"serving, sweeping", "answer busy"}},
                                        {"StopRequested", {"serving (SIGTERM), sweeping"}},
                                        {"a tick comes", {"serving, sweeping", "SIGKILL to run, record tick skipped"}},
                                    });
}

TEST(SchedulerTable, serving_finishing) {
  expect_cells("serving, finishing", {
                                         {"ClockStepped over a tick", {"serving, finishing", "record tick skipped"}},
                                         {"ReloadRequested", {"serving, finishing", "read hooks"}},
                                         {"RunRecorded", {"serving, idle"}},
                                         {"RunRequested", {"serving, finishing", "answer busy"}},
                                         {"StopRequested", {"serving (SIGTERM), finishing"}},
                                         {"a tick comes", {"serving, recording", "begin"}},
                                     });
}

TEST(SchedulerTable, serving_after_sigterm_running) {
  expect_cells("serving (SIGTERM), running",
               {
                   {"ReloadRequested", {"serving (SIGTERM), running", "read hooks"}},
                   {"RunRequested", {"serving (SIGTERM), running", "answer stopping"}},
                   {"ScriptEnded, 0", {"serving (SIGTERM), sweeping", "save steps, SIGTERM to everything"}},
                   {"ScriptEnded, 3", {"serving (SIGTERM), sweeping", "save steps, SIGTERM to everything"}},
                   {"StopRequested", {"serving (SIGTERM), ending", "SIGTERM to everything, SIGKILL to everything"}},
                   {"a tick comes", {"serving (SIGTERM), ending", "SIGTERM to everything, SIGKILL to everything"}},
               });
}

TEST(SchedulerTable, leaving_idle) {
  expect_cells("leaving, idle", {
                                    {"OrphansReaped", {"leaving, idle", "look at everything"}},
                                    {"ReloadRequested", {"leaving, idle", "answer stopping"}},
                                    {"RunRequested", {"leaving, idle", "answer stopping"}},
                                    {"StopRequested", {"leaving (SIGTERM), idle", "SIGTERM to everything"}},
                                    {"a tick comes", {"leaving, idle", "SIGKILL to everything"}},
                                });
}

TEST(SchedulerTable, leaving_after_sigterm_idle) {
  expect_cells("leaving (SIGTERM), idle", {
                                              {"OrphansReaped", {"leaving (SIGTERM), idle", "look at everything"}},
                                              {"ReloadRequested", {"leaving (SIGTERM), idle", "answer stopping"}},
                                              {"RunRequested", {"leaving (SIGTERM), idle", "answer stopping"}},
                                              {"StopRequested", {"leaving (SIGTERM), idle", "SIGKILL to everything"}},
                                              {"a tick comes", {"leaving (SIGTERM), idle", "SIGKILL to everything"}},
                                          });
}

TEST(SchedulerTable, gone_after_sigterm_idle) {
  expect_cells("gone (SIGTERM), idle", {});
}

}  // namespace
}  // namespace sidefridge::core
