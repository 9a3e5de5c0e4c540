// after_run_test.cc - which records settle ticks: a tick's own, and no other.
#include <gtest/gtest.h>

#include <chrono>
#include <optional>

#include "sidefridge/core/record.h"
#include "tests/core/turns.h"

namespace sidefridge::core {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

const ScheduleRecord before{wall("02:00:00"), wall("02:00:00"), wall("02:00:00")};

RunRecord run_of(Trigger trigger, Outcome outcome) {
  RunRecord run;
  run.trigger = trigger;
  run.outcome = outcome;
  run.scheduled_at = wall("03:00:00");
  run.started_at = wall("03:04:00");  // as with a delay, or held up
  return run;
}

TEST(AfterRun, a_tick_is_settled_at_its_own_instant_whenever_its_run_started) {
  for (const Outcome outcome :
       {Outcome::running, Outcome::succeeded, Outcome::failed, Outcome::interrupted, Outcome::lost}) {
    const ScheduleRecord after = after_run(before, run_of(Trigger::schedule, outcome));
    EXPECT_EQ(after.settled_until, wall("03:00:00")) << name_of(outcome);
    EXPECT_EQ(after.last_scheduled_at, wall("03:00:00")) << name_of(outcome);
    EXPECT_EQ(after.last_started_at, wall("03:04:00")) << name_of(outcome);
  }
}

TEST(AfterRun, a_skipped_tick_is_settled_and_was_no_start) {
  const ScheduleRecord after = after_run(before, run_of(Trigger::schedule, Outcome::skipped));
  EXPECT_EQ(after.settled_until, wall("03:00:00"));
  EXPECT_EQ(after.last_scheduled_at, wall("03:00:00"));
  EXPECT_EQ(after.last_started_at, wall("02:00:00"));
}

TEST(AfterRun, missed_ticks_are_settled_up_to_the_last_and_were_no_start) {
  RunRecord missed = run_of(Trigger::schedule, Outcome::missed);
  missed.last_scheduled_at = wall("05:00:00");
  missed.ticks = 3;
  const ScheduleRecord after = after_run(before, missed);
  EXPECT_EQ(after.settled_until, wall("05:00:00"));
  EXPECT_EQ(after.last_scheduled_at, wall("05:00:00"));
  EXPECT_EQ(after.last_started_at, wall("02:00:00"));
}

TEST(AfterRun, what_nobody_scheduled_settles_nothing) {
  for (const Trigger trigger : {Trigger::manual, Trigger::catch_up, Trigger::start}) {
    const ScheduleRecord after = after_run(before, run_of(trigger, Outcome::succeeded));
    EXPECT_EQ(after.settled_until, before.settled_until) << name_of(trigger);
    EXPECT_EQ(after.last_scheduled_at, before.last_scheduled_at) << name_of(trigger);
    EXPECT_EQ(after.last_started_at, wall("03:04:00")) << name_of(trigger);
  }
}

TEST(AfterRun, a_retry_settles_nothing_because_its_tick_is) {
  RunRecord retry = run_of(Trigger::schedule, Outcome::succeeded);
  retry.attempt = 2;
  const ScheduleRecord after = after_run({wall("03:01:00"), wall("03:01:00"), {}}, retry);
  EXPECT_EQ(after.settled_until, wall("03:01:00")) << "not back to its own tick";
  EXPECT_EQ(after.last_scheduled_at, wall("03:01:00"));
  EXPECT_EQ(after.last_started_at, wall("03:04:00"));
}

TEST(AfterRun, an_install_changes_nothing) {
  EXPECT_EQ(after_run(before, run_of(Trigger::install, Outcome::succeeded)), before);
}

}  // namespace
}  // namespace sidefridge::core
