// execution_test.cc - every cell of a run: what each event leads to in each state.
#include "sidefridge/core/execution.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/core/turns.h"

namespace sidefridge::core {
namespace {

using namespace std::chrono_literals;
using Texts = std::vector<std::string>;

/// Of each script one: what a run of the backup job takes, and what an install does.
HookSet two_of_each() {
  HookSet hooks;
  hooks.assign(Hook::install_dependencies, {script(Hook::install_dependencies, "tools")});
  hooks.assign(Hook::backups, {script(Hook::backups, "1"), script(Hook::backups, "2")});
  hooks.assign(Hook::on_error, {script(Hook::on_error, "1"), script(Hook::on_error, "2")});
  return hooks;
}

/// One run, and what it asked for.
class Runner {
public:
  explicit Runner(JobId job = JobId::backup, Execution::Settings its_settings = {10min, 1h, 2, {}}) {
    turns.now = {wall("03:00:00") - 40ms, MonoTime(1h)};
    plan = {job, job == JobId::backup ? Trigger::schedule : Trigger::install, wall("03:00:00"), wall("03:00:00")};
    take([&](Turn& turn) {
      run = std::make_unique<Execution>(plan, "r-1", two_of_each(), std::move(its_settings), turn);
    });
  }

  /// Gives the run an event, and then a look at the clock, as the scheduler does.
  template <class E>
  void hear(const E& event) {
    take([&](Turn& turn) {
      run->on(event, turn);
      run->on_time(turn);
    });
  }
  void on_time() {
    take([&](Turn& turn) { run->on_time(turn); });
  }
  void shut_down(const Shutdown& shutdown) {
    take([&](Turn& turn) {
      run->shut_down(shutdown, turn);
      run->on_time(turn);
    });
  }
  void sigterm(Duration grace) { shut_down(Shutdown::at(turns.now.mono, grace)); }
  void sigterm_again() { shut_down(Shutdown::at(turns.now.mono, default_grace).again(turns.now.mono)); }

  void begun() { hear(RunBegun{asked.begin, 5}); }
  void busy() { hear(RunBusy{asked.begin, 77}); }
  void unrecorded() { hear(RunUnrecorded{asked.begin, Error{ErrorCode::full, "no space left"}}); }
  void script_ended(int code) {
    ScriptEnded ended{asked.script, {}};
    ended.result.code = code;
    hear(ended);
  }
  void alive(const Texts& processes) { hear(ProcessesAlive{asked.look, processes}); }
  void recorded() { hear(RunRecorded{asked.record}); }

  /// Lets time pass until the tick.
  void until_due() {
    turns.pass(plan.due_at - turns.now.wall);
    on_time();
  }
  void pass(Duration time) {
    turns.pass(time);
    on_time();
  }
  /// Lets time pass until the next deadline, or a year where there is none.
  void until_deadline() {
    if (const auto at = run->wall_deadline()) return pass(*at - turns.now.wall);
    const std::optional<MonoTime> deadline = run->mono_deadline();
    pass(deadline ? *deadline - turns.now.mono : Duration(24h * 365));
  }

  template <class Step>
  void take(Step step) {
    actions = turns.take(step);
    asked.note(actions);
  }

  std::string state() const { return run->state_name(); }
  const RunRecord& record() const { return run->record(); }

  Turns turns;
  Plan plan;
  std::unique_ptr<Execution> run;
  std::vector<Action> actions;  // of the last turn
  Asked asked;
};

// ---- what a script feeds

TEST(Execution, a_script_that_feeds_is_over_when_what_it_feeds_is) {
  Runner r;
  r.begun();
  r.until_due();
  r.hear(ScriptFeeds{r.asked.script, {"xz (pid 12)"}});
  r.pass(4min);
  EXPECT_EQ(r.state(), "running");
  r.script_ended(0);
  EXPECT_EQ(words_for(r.actions), "start backups/2, save steps");
}

TEST(Execution, what_a_script_feeds_has_its_time_from_the_end_of_the_script_on) {
  Runner r;
  r.begun();
  r.until_due();
  r.pass(1min);
  r.hear(ScriptFeeds{r.asked.script, {"xz (pid 12)"}});
  r.pass(4min);
  r.hear(ScriptFeeds{r.asked.script, {"xz (pid 12)"}});  // told again: the time goes on
  r.pass(1min);
  EXPECT_EQ(words_for(r.actions), "SIGTERM to script");
  r.script_ended(0);
  EXPECT_EQ(r.record().steps[0].outcome, StepOutcome::timed_out);
  EXPECT_EQ(r.record().steps[0].detail,
            "it has ended, but what it feeds has not within SIDEFRIDGE_FEED_TIMEOUT (5 min)");
}

TEST(Execution, the_time_of_a_script_is_also_that_of_what_it_feeds) {
  Runner r;
  r.begun();
  r.until_due();
  r.pass(9min);
  r.hear(ScriptFeeds{r.asked.script, {"xz (pid 12)"}});
  r.pass(1min);
  EXPECT_EQ(words_for(r.actions), "SIGTERM to script");
}

TEST(Execution, what_another_script_feeds_changes_nothing) {
  Runner r;
  r.begun();
  r.until_due();
  r.hear(ScriptFeeds{r.asked.script + 1, {"xz (pid 12)"}});
  r.pass(9min);
  EXPECT_EQ(r.state(), "running");
}

// ---- the table

using Step = std::function<void(Runner&)>;

/// How each state is reached.
Runner in(const std::string& state) {
  Runner r;
  if (state == "recording") return r;
  r.begun();
  if (state == "poised") return r;
  r.until_due();
  if (state == "running") return r;
  if (state == "ending") {
    r.pass(10min);
    return r;
  }
  r.script_ended(0);
  r.script_ended(0);
  if (state == "sweeping") return r;
  r.alive({});
  if (state == "finishing") return r;
  r.recorded();
  return r;
}

const std::map<std::string, Step>& events() {
  static const std::map<std::string, Step> all{
      {"RunBegun", [](Runner& r) { r.begun(); }},
      {"RunBusy", [](Runner& r) { r.busy(); }},
      {"RunUnrecorded", [](Runner& r) { r.unrecorded(); }},
      {"ScriptFeeds",
       [](Runner& r) {
         r.hear(ScriptFeeds{r.asked.script, {"xz (pid 12)"}});
       }},
      {"ScriptEnded, 0", [](Runner& r) { r.script_ended(0); }},
      {"ScriptEnded, 3", [](Runner& r) { r.script_ended(3); }},
      {"ProcessesAlive, none", [](Runner& r) { r.alive({}); }},
      {"ProcessesAlive, some", [](Runner& r) { r.alive({"dump (pid 12)"}); }},
      {"OrphansReaped", [](Runner& r) { r.hear(OrphansReaped{}); }},
      {"RunRecorded", [](Runner& r) { r.recorded(); }},
      {"no deadline yet", [](Runner& r) { r.pass(1ms); }},
      {"deadline", [](Runner& r) { r.until_deadline(); }},
      {"SIGTERM", [](Runner& r) { r.sigterm(15s); }},
      {"SIGTERM, no grace", [](Runner& r) { r.sigterm(0s); }},
      {"SIGTERM twice", [](Runner& r) { r.sigterm_again(); }},
      {"grace over", [](Runner& r) { r.pass(15s); }},
  };
  return all;
}

struct Cell {
  std::string event;
  std::string becomes;
  std::string asks_for{};
};

/// Under which circumstances the events of a table come.
enum class Told { nothing, sigterm };

/// Whether an event can come then.
bool possible(const std::string& event, Told before) {
  if (event == "SIGTERM" || event == "SIGTERM, no grace") return before == Told::nothing;
  if (event == "SIGTERM twice" || event == "grace over") return before == Told::sigterm;
  return true;
}

/// All cells of one state: no event may be left out.
void expect_cells(const std::string& state, Told before, const std::vector<Cell>& cells) {
  std::set<std::string> covered;
  for (const Cell& cell : cells) {
    EXPECT_TRUE(covered.insert(cell.event).second) << cell.event << " twice";
    Runner r = in(state);
    if (before == Told::sigterm) r.sigterm(15s);
    ASSERT_EQ(r.state(), state);
    events().at(cell.event)(r);
    EXPECT_EQ(r.state(), cell.becomes) << state << ", " << cell.event;
    EXPECT_EQ(words_for(r.actions), cell.asks_for) << state << ", " << cell.event;
  }
  for (const auto& [event, step] : events()) {
    EXPECT_EQ(covered.contains(event), possible(event, before)) << state << ", " << event;
  }
}

TEST(ExecutionTable, recording) {
  expect_cells("recording", Told::nothing,
               {
                   {"RunBegun", "poised"},
                   {"RunBusy", "over"},
                   {"RunUnrecorded", "poised"},
                   {"ScriptFeeds", "recording"},
                   {"ScriptEnded, 0", "recording"},
                   {"ScriptEnded, 3", "recording"},
                   {"ProcessesAlive, none", "recording"},
                   {"ProcessesAlive, some", "recording"},
                   {"OrphansReaped", "recording"},
                   {"RunRecorded", "recording"},
                   {"no deadline yet", "recording"},
                   {"deadline", "running", "start on_error/1, save steps"},
                   {"SIGTERM", "recording"},
                   {"SIGTERM, no grace", "recording"},
               });
}

TEST(ExecutionTable, poised) {
  expect_cells("poised", Told::nothing,
               {
                   {"RunBegun", "poised"},
                   {"RunBusy", "poised"},
                   {"RunUnrecorded", "poised"},
                   {"ScriptFeeds", "poised"},
                   {"ScriptEnded, 0", "poised"},
                   {"ScriptEnded, 3", "poised"},
                   {"ProcessesAlive, none", "poised"},
                   {"ProcessesAlive, some", "poised"},
                   {"OrphansReaped", "poised"},
                   {"RunRecorded", "poised"},
                   {"no deadline yet", "poised"},
                   {"deadline", "running", "start backups/1, save steps"},
                   {"SIGTERM", "finishing", "record skipped"},
                   {"SIGTERM, no grace", "finishing", "record skipped"},
               });
}

TEST(ExecutionTable, running) {
  expect_cells("running", Told::nothing,
               {
                   {"RunBegun", "running"},
                   {"RunBusy", "running"},
                   {"RunUnrecorded", "running"},
                   {"ScriptFeeds", "running"},
                   {"ScriptEnded, 0", "running", "start backups/2, save steps"},
                   {"ScriptEnded, 3", "running", "start on_error/1, save steps"},
                   {"ProcessesAlive, none", "running"},
                   {"ProcessesAlive, some", "running"},
                   {"OrphansReaped", "running"},
                   {"RunRecorded", "running"},
                   {"no deadline yet", "running"},
                   {"deadline", "ending", "SIGTERM to script"},
                   {"SIGTERM", "running"},
                   {"SIGTERM, no grace", "ending", "SIGTERM to everything"},
               });
}

TEST(ExecutionTable, ending) {
  expect_cells("ending", Told::nothing,
               {
                   {"RunBegun", "ending"},
                   {"RunBusy", "ending"},
                   {"RunUnrecorded", "ending"},
                   {"ScriptFeeds", "ending"},
                   {"ScriptEnded, 0", "running", "start on_error/1, save steps"},
                   {"ScriptEnded, 3", "running", "start on_error/1, save steps"},
                   {"ProcessesAlive, none", "ending"},
                   {"ProcessesAlive, some", "ending"},
                   {"OrphansReaped", "ending"},
                   {"RunRecorded", "ending"},
                   {"no deadline yet", "ending"},
                   {"deadline", "ending", "SIGKILL to script"},
                   {"SIGTERM", "ending"},
                   {"SIGTERM, no grace", "ending", "SIGTERM to everything"},
               });
}

TEST(ExecutionTable, sweeping) {
  expect_cells("sweeping", Told::nothing,
               {
                   {"RunBegun", "sweeping"},
                   {"RunBusy", "sweeping"},
                   {"RunUnrecorded", "sweeping"},
                   {"ScriptFeeds", "sweeping"},
                   {"ScriptEnded, 0", "sweeping"},
                   {"ScriptEnded, 3", "sweeping"},
                   {"ProcessesAlive, none", "finishing", "record succeeded"},
                   {"ProcessesAlive, some", "sweeping"},
                   {"OrphansReaped", "sweeping", "look at run"},
                   {"RunRecorded", "sweeping"},
                   {"no deadline yet", "sweeping"},
                   {"deadline", "sweeping", "SIGKILL to run"},
                   {"SIGTERM", "sweeping"},
                   {"SIGTERM, no grace", "sweeping", "SIGTERM to everything"},
               });
}

TEST(ExecutionTable, finishing) {
  expect_cells("finishing", Told::nothing,
               {
                   {"RunBegun", "finishing"},
                   {"RunBusy", "finishing"},
                   {"RunUnrecorded", "finishing"},
                   {"ScriptFeeds", "finishing"},
                   {"ScriptEnded, 0", "finishing"},
                   {"ScriptEnded, 3", "finishing"},
                   {"ProcessesAlive, none", "finishing"},
                   {"ProcessesAlive, some", "finishing"},
                   {"OrphansReaped", "finishing"},
                   {"RunRecorded", "over"},
                   {"no deadline yet", "finishing"},
                   {"deadline", "over"},
                   {"SIGTERM", "finishing"},
                   {"SIGTERM, no grace", "finishing"},
               });
}

TEST(ExecutionTable, over) {
  expect_cells("over", Told::nothing,
               {
                   {"RunBegun", "over"},
                   {"RunBusy", "over"},
                   {"RunUnrecorded", "over"},
                   {"ScriptFeeds", "over"},
                   {"ScriptEnded, 0", "over"},
                   {"ScriptEnded, 3", "over"},
                   {"ProcessesAlive, none", "over"},
                   {"ProcessesAlive, some", "over"},
                   {"OrphansReaped", "over"},
                   {"RunRecorded", "over"},
                   {"no deadline yet", "over"},
                   {"deadline", "over"},
                   {"SIGTERM", "over"},
                   {"SIGTERM, no grace", "over"},
               });
}

TEST(ExecutionTable, recording_after_sigterm) {
  expect_cells("recording", Told::sigterm,
               {
                   {"RunBegun", "finishing", "record skipped"},
                   {"RunBusy", "over"},
                   {"RunUnrecorded", "finishing", "record skipped"},
                   {"ScriptFeeds", "recording"},
                   {"ScriptEnded, 0", "recording"},
                   {"ScriptEnded, 3", "recording"},
                   {"ProcessesAlive, none", "recording"},
                   {"ProcessesAlive, some", "recording"},
                   {"OrphansReaped", "recording"},
                   {"RunRecorded", "recording"},
                   {"no deadline yet", "recording"},
                   {"deadline", "finishing", "record skipped"},
                   {"SIGTERM twice", "recording"},
                   {"grace over", "finishing", "record skipped"},
               });
}

TEST(ExecutionTable, running_after_sigterm) {
  expect_cells("running", Told::sigterm,
               {
                   {"RunBegun", "running"},
                   {"RunBusy", "running"},
                   {"RunUnrecorded", "running"},
                   {"ScriptFeeds", "running"},
                   {"ScriptEnded, 0", "running", "start backups/2, save steps"},
                   {"ScriptEnded, 3", "running", "start on_error/1, save steps"},
                   {"ProcessesAlive, none", "running"},
                   {"ProcessesAlive, some", "running"},
                   {"OrphansReaped", "running"},
                   {"RunRecorded", "running"},
                   {"no deadline yet", "running"},
                   {"deadline", "ending", "SIGTERM to everything"},
                   {"SIGTERM twice", "ending", "SIGTERM to everything, SIGKILL to everything"},
                   {"grace over", "ending", "SIGTERM to everything"},
               });
}

TEST(ExecutionTable, ending_after_sigterm) {
  expect_cells("ending", Told::sigterm,
               {
                   {"RunBegun", "ending"},
                   {"RunBusy", "ending"},
                   {"RunUnrecorded", "ending"},
                   {"ScriptFeeds", "ending"},
                   {"ScriptEnded, 0", "running", "start on_error/1, save steps"},
                   {"ScriptEnded, 3", "running", "start on_error/1, save steps"},
                   {"ProcessesAlive, none", "ending"},
                   {"ProcessesAlive, some", "ending"},
                   {"OrphansReaped", "ending"},
                   {"RunRecorded", "ending"},
                   {"no deadline yet", "ending"},
                   {"deadline", "ending", "SIGKILL to script"},
                   {"SIGTERM twice", "ending", "SIGKILL to everything"},
                   {"grace over", "ending", "SIGKILL to everything"},
               });
}

TEST(ExecutionTable, sweeping_after_sigterm) {
  expect_cells("sweeping", Told::sigterm,
               {
                   {"RunBegun", "sweeping"},
                   {"RunBusy", "sweeping"},
                   {"RunUnrecorded", "sweeping"},
                   {"ScriptFeeds", "sweeping"},
                   {"ScriptEnded, 0", "sweeping"},
                   {"ScriptEnded, 3", "sweeping"},
                   {"ProcessesAlive, none", "finishing", "record succeeded"},
                   {"ProcessesAlive, some", "sweeping"},
                   {"OrphansReaped", "sweeping", "look at run"},
                   {"RunRecorded", "sweeping"},
                   {"no deadline yet", "sweeping"},
                   {"deadline", "sweeping", "SIGKILL to run"},
                   {"SIGTERM twice", "sweeping", "SIGKILL to everything"},
                   {"grace over", "sweeping", "SIGKILL to everything"},
               });
}

TEST(ExecutionTable, finishing_after_sigterm) {
  expect_cells("finishing", Told::sigterm,
               {
                   {"RunBegun", "finishing"},
                   {"RunBusy", "finishing"},
                   {"RunUnrecorded", "finishing"},
                   {"ScriptFeeds", "finishing"},
                   {"ScriptEnded, 0", "finishing"},
                   {"ScriptEnded, 3", "finishing"},
                   {"ProcessesAlive, none", "finishing"},
                   {"ProcessesAlive, some", "finishing"},
                   {"OrphansReaped", "finishing"},
                   {"RunRecorded", "over"},
                   {"no deadline yet", "finishing"},
                   {"deadline", "over"},
                   {"SIGTERM twice", "finishing"},
                   {"grace over", "finishing"},
               });
}

TEST(ExecutionTable, over_after_sigterm) {
  expect_cells("over", Told::sigterm,
               {
                   {"RunBegun", "over"},
                   {"RunBusy", "over"},
                   {"RunUnrecorded", "over"},
                   {"ScriptFeeds", "over"},
                   {"ScriptEnded, 0", "over"},
                   {"ScriptEnded, 3", "over"},
                   {"ProcessesAlive, none", "over"},
                   {"ProcessesAlive, some", "over"},
                   {"OrphansReaped", "over"},
                   {"RunRecorded", "over"},
                   {"no deadline yet", "over"},
                   {"deadline", "over"},
                   {"SIGTERM twice", "over"},
                   {"grace over", "over"},
               });
}

TEST(ExecutionTable, poised_after_sigterm_is_no_state) {
  Runner r = in("poised");
  r.sigterm(15s);
  EXPECT_EQ(r.state(), "finishing");
  EXPECT_EQ(r.record().outcome, Outcome::skipped);
}

TEST(ExecutionTable, an_answer_to_something_else_changes_nothing_in_any_state) {
  for (const char* const state : {"recording", "poised", "running", "ending", "sweeping", "finishing", "over"}) {
    Runner r = in(state);
    const Serial nobodys = 999;
    r.take([&](Turn& turn) {
      r.run->on(RunBegun{nobodys, 9}, turn);
      r.run->on(RunBusy{nobodys, 9}, turn);
      r.run->on(RunUnrecorded{nobodys, Error{ErrorCode::io, "x"}}, turn);
      r.run->on(ScriptEnded{nobodys, {}}, turn);
      r.run->on(ProcessesAlive{nobodys, {}}, turn);
      r.run->on(RunRecorded{nobodys}, turn);
    });
    EXPECT_EQ(r.state(), state);
    EXPECT_TRUE(r.actions.empty()) << state;
    EXPECT_NE(r.record().sequence, 9U) << state;
  }
}

TEST(ExecutionTable, no_state_but_a_running_script_waits_without_a_deadline) {
  for (const char* const state : {"recording", "poised", "running", "ending", "sweeping", "finishing"}) {
    const Runner r = in(state);
    EXPECT_TRUE(r.run->wall_deadline() || r.run->mono_deadline()) << state;
  }
  Runner unlimited(JobId::backup, {});
  unlimited.begun();
  unlimited.until_due();
  EXPECT_EQ(unlimited.run->mono_deadline(), std::nullopt);
  unlimited.sigterm(15s);
  EXPECT_EQ(unlimited.run->mono_deadline(), unlimited.turns.now.mono + 15s);
  EXPECT_EQ(in("over").run->mono_deadline(), std::nullopt);
}

// Nobody answers anything: from each state time alone leads to the end, and within 28 s of SIGTERM.
TEST(ExecutionTable, from_every_state_time_alone_leads_to_the_end) {
  for (const bool told : {false, true}) {
    for (const char* const state : {"recording", "poised", "running", "ending", "sweeping", "finishing"}) {
      Runner r = in(state);
      if (told) r.sigterm(default_grace);
      const MonoTime start = r.turns.now.mono;
      for (int step = 0; step < 50 && r.run->over() == nullptr; ++step) r.until_deadline();
      ASSERT_NE(r.run->over(), nullptr) << state;
      if (told) {
        EXPECT_LE(r.turns.now.mono - start, kubernetes_patience - last_store_patience) << state;
      }
    }
  }
}

// ---- the beginning

TEST(Execution, begins_with_the_intent_of_its_plan) {
  Runner r;
  const RunRecord intent = last<BeginRun>(r.actions).record;
  EXPECT_EQ(intent.run_id, "r-1");
  EXPECT_EQ(intent.trigger, Trigger::schedule);
  EXPECT_EQ(intent.outcome, Outcome::running);
  EXPECT_EQ(intent.scheduled_at, wall("03:00:00"));
  EXPECT_EQ(intent.started_at, wall("03:00:00")) << "when its first script is due";
  EXPECT_FALSE(r.run->begun());
  EXPECT_EQ(r.run->wall_deadline(), std::nullopt);
  EXPECT_EQ(r.run->mono_deadline(), r.turns.now.mono + store_patience);
}

TEST(Execution, whose_intent_is_stored_late_starts_at_once) {
  Runner r;
  r.pass(5s);
  r.begun();
  EXPECT_EQ(r.state(), "running");
  EXPECT_TRUE(r.run->begun());
  EXPECT_EQ(r.record().sequence, 5U);
}

TEST(Execution, starts_at_its_tick_and_not_before) {
  Runner r = in("poised");
  EXPECT_EQ(r.run->wall_deadline(), wall("03:00:00"));
  r.pass(39ms);
  EXPECT_EQ(r.state(), "poised");
  r.until_due();
  EXPECT_EQ(r.state(), "running");
}

TEST(Execution, is_not_held_up_by_a_wall_clock_that_was_set_back_before_its_tick) {
  Runner r = in("poised");
  r.turns.now.wall -= 1h;
  r.on_time();
  EXPECT_EQ(r.state(), "running");
  EXPECT_EQ(r.record().started_at, r.turns.now.wall);
}

TEST(Execution, tells_a_script_all_it_has_to_know) {
  Runner r = in("poised");
  r.until_due();
  const StartScript start = last<StartScript>(r.actions);
  EXPECT_EQ(start.script.tag(), "backups/1");
  EXPECT_EQ(start.run_id, "r-1");
  EXPECT_EQ(start.trigger, Trigger::schedule);
  EXPECT_EQ(start.scheduled_at, wall("03:00:00"));
  EXPECT_EQ(start.attempt, 1U);
  EXPECT_EQ(start.attempts_left, 2U);
  EXPECT_FALSE(start.failure);
  r.script_ended(3);
  const StartScript on_error = last<StartScript>(r.actions);
  ASSERT_TRUE(on_error.failure);
  EXPECT_EQ(on_error.failure->script->tag(), "backups/1");
  EXPECT_EQ(on_error.failure->code, 3);
}

TEST(Execution, that_cannot_begin_fails_with_the_reason_and_runs_on_error) {
  Runner r(JobId::backup, {{}, {}, 0, "Run could not start: the hooks cannot be read"});
  r.begun();
  r.until_due();
  EXPECT_EQ(words_for(r.actions), "start on_error/1, save steps");
  r.script_ended(0);
  r.script_ended(0);
  r.alive({});
  EXPECT_EQ(r.record().outcome, Outcome::failed);
  EXPECT_EQ(r.record().reason, "Run could not start: the hooks cannot be read");
}

TEST(Execution, whose_intent_is_stored_after_it_was_given_up_keeps_its_place_in_the_history) {
  Runner r;
  r.until_deadline();
  ASSERT_EQ(r.state(), "running");
  r.begun();
  EXPECT_EQ(r.state(), "running");
  r.script_ended(0);
  r.script_ended(0);
  r.alive({});
  EXPECT_EQ(last<FinishRun>(r.actions).record.sequence, 5U);
  EXPECT_EQ(r.record().reason, "Run could not start: the state folder did not answer for 30 s");
}

TEST(Execution, that_is_busy_is_over_with_the_pid_of_who_runs) {
  Runner r;
  r.busy();
  ASSERT_NE(r.run->over(), nullptr);
  EXPECT_EQ(r.run->over()->end, Execution::End::busy);
  EXPECT_EQ(r.run->over()->holder_pid, 77);
}

TEST(Execution, that_sigterm_meets_before_its_first_script_is_withdrawn_and_recorded_as_skipped) {
  Runner r;
  r.sigterm(0s);
  r.begun();
  const RunRecord record = last<FinishRun>(r.actions).record;
  EXPECT_EQ(record.outcome, Outcome::skipped);
  EXPECT_EQ(record.reason, "SIGTERM came before it started");
  EXPECT_EQ(record.sequence, 5U);
  EXPECT_TRUE(tells<happened::TickSkipped>(r.actions));
  r.recorded();
  EXPECT_EQ(r.run->over()->end, Execution::End::withdrawn);
}

TEST(Execution, is_withdrawn_within_two_seconds_of_sigterm_whatever_the_store_does) {
  Runner r;
  r.sigterm(1h);
  EXPECT_EQ(r.run->mono_deadline(), r.turns.now.mono + last_store_patience);
  r.until_deadline();
  EXPECT_EQ(r.state(), "finishing");
}

// ---- scripts and their limits

TEST(Execution, takes_a_script_that_exits_with_0_after_its_limit_for_timed_out) {
  Runner r = in("ending");
  r.script_ended(0);
  const StepRecord step = r.record().steps.front();
  EXPECT_EQ(step.outcome, StepOutcome::timed_out);
  EXPECT_EQ(step.detail, "it ran longer than SIDEFRIDGE_SCRIPT_TIMEOUT allows (10 min)");
}

TEST(Execution, abandons_a_script_that_outlives_sigkill_and_goes_on_to_on_error) {
  Runner r = in("ending");
  r.until_deadline();
  EXPECT_EQ(words_for(r.actions), "SIGKILL to script");
  const Serial hung = r.asked.script;
  r.until_deadline();
  EXPECT_EQ(words_for(r.actions), "abandon script, start on_error/1, save steps");
  EXPECT_EQ(r.record().steps.front().detail,
            "it ran longer than SIDEFRIDGE_SCRIPT_TIMEOUT allows (10 min); it did not end although it got SIGKILL");
  r.hear(ScriptEnded{hung, {}});
  EXPECT_TRUE(r.actions.empty()) << "it is a stranger now";
  EXPECT_EQ(r.state(), "running");
}

TEST(Execution, gives_on_error_as_a_whole_the_time_of_the_chain_once_more) {
  Runner r(JobId::backup, {{}, 1min, 0, {}});
  r.begun();
  r.until_due();
  r.pass(40s);
  r.script_ended(3);
  EXPECT_EQ(r.run->mono_deadline(), r.turns.now.mono + 1min);
  r.pass(30s);
  r.script_ended(0);
  EXPECT_EQ(r.run->mono_deadline(), r.turns.now.mono + 30s);
  r.pass(30s);
  EXPECT_EQ(r.state(), "ending");
}

TEST(Execution, has_a_limit_for_each_on_error_script_also_after_one_that_used_it_up) {
  Runner r(JobId::backup, {{}, 1min, 0, {}});
  r.begun();
  r.until_due();
  r.script_ended(3);
  r.pass(1min);
  ASSERT_EQ(r.state(), "ending");
  r.script_ended(0);
  ASSERT_EQ(words_for(r.actions), "start on_error/2, save steps");
  EXPECT_EQ(r.run->mono_deadline(), r.turns.now.mono + 1min) << "it hangs as well as the one before";
}

TEST(Execution, saves_the_step_that_ended_and_the_one_that_was_started) {
  Runner r = in("running");
  EXPECT_EQ(last<SaveSteps>(r.actions).steps.size(), 1U);
  r.script_ended(0);
  SaveSteps saved = last<SaveSteps>(r.actions);
  EXPECT_EQ(saved.first, 0U);
  ASSERT_EQ(saved.steps.size(), 2U);
  EXPECT_EQ(saved.steps[0].outcome, StepOutcome::exited);
  EXPECT_EQ(saved.steps[1].outcome, StepOutcome::running);
  r.script_ended(3);
  saved = last<SaveSteps>(r.actions);
  EXPECT_EQ(saved.first, 1U);
  EXPECT_EQ(saved.steps[0].code, 3);
}

TEST(Execution, takes_no_negative_time_when_the_wall_clock_is_set_back_under_it) {
  Runner r = in("running");
  r.turns.pass(10s);
  r.turns.now.wall -= 1h;
  r.script_ended(0);
  r.script_ended(0);
  r.alive({});
  EXPECT_EQ(r.record().started_at, wall("03:00:00"));
  EXPECT_EQ(r.record().steps[0].elapsed, 10s);
  EXPECT_EQ(r.record().steps[1].started_at, wall("03:00:10"));
  EXPECT_EQ(r.record().finished_at, wall("03:00:10"));
}

// ---- the end

TEST(Execution, of_an_install_leaves_alone_what_it_left_behind) {
  Runner r(JobId::install, {});
  r.begun();
  r.until_due();
  r.script_ended(0);
  EXPECT_EQ(words_for(r.actions), "save steps, record succeeded");
  EXPECT_EQ(r.state(), "finishing");
}

TEST(Execution, gives_up_what_outlives_sigkill_and_keeps_its_outcome) {
  Runner r = in("sweeping");
  r.until_deadline();
  r.until_deadline();
  EXPECT_EQ(words_for(r.actions), "record succeeded");
  EXPECT_TRUE(tells<happened::ProcessesGivenUp>(r.actions));
}

TEST(Execution, interrupted_starts_nothing_more_and_ends_everything) {
  Runner r = in("running");
  r.sigterm(15s);
  r.pass(15s);
  EXPECT_EQ(words_for(r.actions), "SIGTERM to everything");
  r.script_ended(143);
  EXPECT_EQ(words_for(r.actions), "save steps, SIGTERM to everything") << "on_error does not run";
  r.alive({});
  EXPECT_EQ(r.record().outcome, Outcome::interrupted);
  EXPECT_EQ(r.record().reason, "SIGTERM came, and SIDEFRIDGE_GRACE was over");
  EXPECT_EQ(r.record().steps.front().outcome, StepOutcome::interrupted);
}

TEST(Execution, interrupted_in_on_error_stays_failed) {
  Runner r = in("running");
  r.script_ended(3);
  r.sigterm(0s);
  r.script_ended(143);
  r.alive({});
  EXPECT_EQ(r.record().outcome, Outcome::failed);
  EXPECT_EQ(r.record().steps.size(), 2U);
}

TEST(Execution, interrupted_once_its_scripts_are_over_keeps_its_outcome) {
  Runner r = in("sweeping");
  r.sigterm(0s);
  EXPECT_EQ(words_for(r.actions), "SIGTERM to everything");
  r.alive({});
  EXPECT_EQ(r.record().outcome, Outcome::succeeded);
}

TEST(Execution, told_twice_says_so) {
  Runner r = in("running");
  r.sigterm(15s);
  r.sigterm_again();
  r.script_ended(137);
  r.alive({});
  EXPECT_EQ(r.record().reason, "SIGTERM came twice");
}

TEST(Execution, finds_out_in_time_that_its_record_is_not_confirmed) {
  Runner r = in("finishing");
  EXPECT_EQ(r.run->mono_deadline(), r.turns.now.mono + store_patience);
  r.sigterm(15s);
  EXPECT_EQ(r.run->mono_deadline(), r.turns.now.mono + 24s);
  r.sigterm_again();
  EXPECT_EQ(r.run->mono_deadline(), r.turns.now.mono + 4s);
  r.until_deadline();
  EXPECT_TRUE(tells<happened::RecordUnconfirmed>(r.actions));
  ASSERT_NE(r.run->over(), nullptr);
  EXPECT_EQ(r.run->over()->end, Execution::End::finished);
}

TEST(Execution, that_passes_its_limit_while_a_script_of_on_error_is_ended_gives_the_next_one_its_time) {
  Runner r(JobId::backup, {1s, 2s, 0, {}});
  r.begun();
  r.until_due();
  r.script_ended(1);
  ASSERT_EQ(words_for(r.actions), "start on_error/1, save steps");
  r.pass(1s);
  ASSERT_EQ(r.state(), "ending");
  r.pass(term_patience);
  r.script_ended(0);
  ASSERT_EQ(words_for(r.actions), "start on_error/2, save steps");
  r.pass(900ms);
  EXPECT_EQ(r.state(), "running");
}

}  // namespace
}  // namespace sidefridge::core
