// narration_test.cc - each happening is one line, in the words that operators grep for.
#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include "sidefridge/core/happening.h"
#include "tests/core/turns.h"

namespace sidefridge::core {
namespace {

using namespace std::chrono_literals;
using namespace happened;

const Script dump{Hook::backups, "10-dump", "/scripts/backups/10-dump"};

RunRecord record_of(Outcome outcome, std::string reason = {}) {
  RunRecord record;
  record.run_id = "r-1";
  record.outcome = outcome;
  record.scheduled_at = wall("03:00:00");
  record.reason = std::move(reason);
  return record;
}

RunRecord missed_ticks(std::uint64_t count) {
  RunRecord record = record_of(Outcome::missed, "no daemon was running");
  record.last_scheduled_at = wall("05:00:00");
  record.ticks = count;
  return record;
}

RunRecord with(RunRecord record, Trigger trigger) {
  record.trigger = trigger;
  return record;
}

ScriptResult ended(StepOutcome outcome, int code = 0, std::string detail = {}) {
  ScriptResult result;
  result.outcome = outcome;
  result.code = code;
  result.detail = std::move(detail);
  return result;
}

struct Row {
  Happening happening;
  LogLevel level;
  std::string text;
  std::string run_id{};
  std::string script_path{};
};

const std::vector<Row>& rows() {
  static const std::vector<Row> all{
      {Log{LogLevel::debug, "as it is", "r-1", "/s"}, LogLevel::debug, "as it is", "r-1", "/s"},
      {Ready{"next runs at 03:00"}, LogLevel::info, "ready; next runs at 03:00"},
      {ClockSet{wall("02:00:00"), "next runs at 03:00"}, LogLevel::info,
       "the wall clock was set to 2026-11-23T02:00:00Z; next runs at 03:00"},
      {ScheduleChanged{"@daily", "every day at 00:00", "next runs at 00:00"}, LogLevel::info,
       "schedule changed to '@daily': every day at 00:00; next runs at 00:00"},
      {ScheduleUnreadable{"hour: found '24', allowed: 0-23", "@daily"}, LogLevel::error,
       "hour: found '24', allowed: 0-23; the schedule stays '@daily'"},
      {HistoryAhead{wall("09:00:00")}, LogLevel::warning,
       "the history knows of the tick of 2026-11-23T09:00:00Z, which is still to come: the wall clock was set back, "
       "and whether a tick was missed cannot be told"},
      {TicksMissed{missed_ticks(1)}, LogLevel::warning,
       "the tick of 2026-11-23T03:00:00Z was missed: no daemon was running"},
      {TicksMissed{missed_ticks(3)}, LogLevel::warning,
       "3 ticks from 2026-11-23T03:00:00Z to 2026-11-23T05:00:00Z were missed: no daemon was running"},
      {TickSkipped{record_of(Outcome::skipped, "run r-0 is still going")}, LogLevel::warning,
       "tick of 2026-11-23T03:00:00Z skipped: run r-0 is still going"},
      {TickSkipped{with(record_of(Outcome::skipped, "SIGTERM came before it started"), Trigger::manual)},
       LogLevel::warning, "run of 2026-11-23T03:00:00Z skipped: SIGTERM came before it started"},
      {RunRefused{"process 7 runs one"}, LogLevel::error, "no run begins: process 7 runs one"},
      {RunUnrecorded{"r-1", "no space left"}, LogLevel::error, "run r-1 cannot be recorded: no space left", "r-1"},
      {RunStarted{"r-1", Trigger::catch_up}, LogLevel::info, "run r-1 started (catch-up)", "r-1"},
      {LostRunFollowed{"r-1"}, LogLevel::info, "on_error runs for the lost run r-1", "r-1"},
      {ScriptStarted{"r-1", dump}, LogLevel::info, "backups/10-dump started", "r-1", dump.path},
      {ScriptFeeds{"r-1", dump, {"xz (pid 1)", "tee (pid 2)"}}, LogLevel::debug,
       "backups/10-dump waits for what it feeds: xz (pid 1), tee (pid 2)", "r-1", dump.path},
      {ScriptFinished{"r-1", dump, ended(StepOutcome::exited), 2s}, LogLevel::info, "backups/10-dump finished in 2 s",
       "r-1", dump.path},
      {ScriptFinished{"r-1", dump, ended(StepOutcome::exited, 3), 2s}, LogLevel::error,
       "Script '/scripts/backups/10-dump' finished with exit code '3' (ran 2 s)", "r-1", dump.path},
      {ScriptFinished{"r-1", dump,
                      ended(StepOutcome::exited, 1, "xz (pid 1), which it fed, finished with exit code '1'"), 2s},
       LogLevel::error,
       "Script '/scripts/backups/10-dump' ended, but xz (pid 1), which it fed, finished with exit code '1' (ran 2 s)",
       "r-1", dump.path},
      {ScriptFinished{"r-1", dump, ended(StepOutcome::timed_out, 0, "it ran longer than 1m"), 1min}, LogLevel::error,
       "Script '/scripts/backups/10-dump' timed out: it ran longer than 1m (ran 1 min)", "r-1", dump.path},
      {ScriptFinished{"r-1", dump, ended(StepOutcome::interrupted, 0, "SIGTERM came twice"), 2s}, LogLevel::error,
       "Script '/scripts/backups/10-dump' was interrupted: SIGTERM came twice (ran 2 s)", "r-1", dump.path},
      {RunFinished{record_of(Outcome::succeeded), 2s}, LogLevel::info, "run r-1 succeeded in 2 s", "r-1"},
      {RunFinished{record_of(Outcome::failed, "it broke"), 2s}, LogLevel::error, "run r-1 failed after 2 s: it broke",
       "r-1"},
      {RunFinished{record_of(Outcome::interrupted, "SIGTERM came twice"), 2s}, LogLevel::error,
       "run r-1 interrupted after 2 s: SIGTERM came twice", "r-1"},
      {RecordUnconfirmed{"r-1"}, LogLevel::error,
       "the state folder did not answer: whether the record of run r-1 is stored is not known", "r-1"},
      {RetryPlanned{10s, 2, 4}, LogLevel::info, "retry in 10 s, attempt 2 of 4"},
      {InstallChanged{}, LogLevel::info, "install_dependencies has changed and runs first"},
      {StopAsked{"", 0s}, LogLevel::info, "SIGTERM: ending"},
      {StopAsked{"r-1", 15s}, LogLevel::info, "SIGTERM: run r-1 may take another 15 s", "r-1"},
      {StopAskedAgain{}, LogLevel::warning, "SIGTERM again: SIGKILL to what runs"},
      {ProcessesSignalled{"r-1", Whose::leftovers, Send::term, {"dump (pid 1)", "tail (pid 2)"}}, LogLevel::warning,
       "SIGTERM to what scripts left running: dump (pid 1), tail (pid 2)", "r-1"},
      {ProcessesSignalled{"r-1", Whose::script, Send::kill, {"dump (pid 1)"}}, LogLevel::warning,
       "SIGKILL to dump (pid 1)", "r-1"},
      {ProcessesSignalled{"", Whose::leftovers, Send::nothing, {"dump (pid 1)"}}, LogLevel::warning,
       "waiting for what scripts left running: dump (pid 1)"},
      {ProcessesGivenUp{"r-1"}, LogLevel::error, "processes do not end although they got SIGKILL, and are given up",
       "r-1"},
      {Ended{}, LogLevel::info, "ended"},
  };
  return all;
}

TEST(Narration, says_each_happening_in_one_line_of_its_level_about_its_run) {
  for (const Row& row : rows()) {
    const Log line = narrate(row.happening);
    EXPECT_EQ(line.text, row.text);
    EXPECT_EQ(line.level, row.level) << row.text;
    EXPECT_EQ(line.run_id, row.run_id) << row.text;
    EXPECT_EQ(line.script_path, row.script_path) << row.text;
    EXPECT_EQ(line.text.find('\n'), std::string::npos) << row.text;
  }
}

TEST(Narration, is_known_of_every_happening) {
  std::set<std::size_t> seen;
  for (const Row& row : rows()) seen.insert(row.happening.index());
  EXPECT_EQ(seen.size(), std::variant_size_v<Happening>);
}

TEST(Narration, of_a_record_without_its_last_tick_names_the_first) {
  RunRecord record = missed_ticks(2);
  record.last_scheduled_at.reset();
  EXPECT_EQ(narrate(TicksMissed{record}).text,
            "2 ticks from 2026-11-23T03:00:00Z to 2026-11-23T03:00:00Z were missed: no daemon was running");
}

}  // namespace
}  // namespace sidefridge::core
