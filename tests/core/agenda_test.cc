// agenda_test.cc - what a job has ahead of it, and what becomes of each tick.
#include "sidefridge/core/agenda.h"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string_view>
#include <vector>

#include "sidefridge/core/patience.h"
#include "tests/core/turns.h"

namespace sidefridge::core {
namespace {

using namespace std::chrono_literals;

constexpr MonoTime now_mono = MonoTime(1h);

JobSettings catching_up(Duration window) {
  JobSettings settings;
  settings.catch_up = window;
  return settings;
}

JobSettings retrying(std::uint32_t retries, Duration delay = 10s) {
  JobSettings settings;
  settings.retries = retries;
  settings.retry_delay = delay;
  return settings;
}

/// Of every hour, started by the first daemon at half past nine.
Agenda hourly(JobSettings settings = {}, Duration delay = {}) {
  Agenda agenda(schedule_of("0 * * * *"), delay, settings);
  agenda.start(wall("09:30:00"), std::nullopt);
  return agenda;
}

Plan tick_of(std::string_view time) {
  return {JobId::backup, Trigger::schedule, wall(time), wall(time)};
}

// ---- the start

TEST(Agenda, of_the_first_daemon_owes_nothing) {
  Agenda agenda(schedule_of("0 * * * *"), {}, catching_up(24h));
  const Agenda::Missed missed = agenda.start(wall("09:30:00"), std::nullopt);
  EXPECT_EQ(missed.ticks, std::nullopt);
  EXPECT_FALSE(missed.catch_up);
  EXPECT_FALSE(missed.history_ahead);
  EXPECT_EQ(agenda.due_at(), wall("10:00:00"));
}

TEST(Agenda, has_no_tick_before_the_start_and_none_after_the_stop) {
  Agenda agenda(schedule_of("0 * * * *"), {}, {});
  EXPECT_EQ(agenda.due_at(), std::nullopt);
  agenda.start(wall("09:30:00"), std::nullopt);
  agenda.retry_later(tick_of("09:00:00"), now_mono);
  agenda.stop();
  EXPECT_EQ(agenda.due_at(), std::nullopt);
  EXPECT_FALSE(agenda.take_due(wall("11:00:00"), tick_lead));
  EXPECT_FALSE(agenda.take_retry(now_mono + 1h));
}

TEST(Agenda, tells_what_was_missed_since_the_history_ends) {
  Agenda agenda(schedule_of("0 * * * *"), {}, {});
  const Agenda::Missed missed = agenda.start(wall("09:30:00"), wall("05:00:00"));
  EXPECT_EQ(missed.ticks, (cron::TickSpan{wall("06:00:00"), wall("09:00:00"), 4}));
  EXPECT_FALSE(missed.catch_up) << "off by default";
  EXPECT_EQ(agenda.due_at(), wall("10:00:00"));
}

TEST(Agenda, of_a_history_without_a_gap_misses_nothing) {
  Agenda agenda(schedule_of("0 * * * *"), {}, catching_up(24h));
  const Agenda::Missed missed = agenda.start(wall("09:30:00"), wall("09:00:00"));
  EXPECT_EQ(missed.ticks, std::nullopt);
  EXPECT_FALSE(missed.catch_up);
}

TEST(Agenda, catches_up_with_one_run_for_the_first_tick_within_the_window) {
  const struct {
    Duration window;
    std::optional<WallTime> scheduled_at;
  } rows[] = {
      {0s, std::nullopt},     {29min, std::nullopt},   {30min, std::nullopt}, {30min + 1s, wall("09:00:00")},
      {2h, wall("08:00:00")}, {24h, wall("06:00:00")},
  };
  for (const auto& row : rows) {
    Agenda agenda(schedule_of("0 * * * *"), {}, catching_up(row.window));
    const Agenda::Missed missed = agenda.start(wall("09:30:00"), wall("05:00:00"));
    ASSERT_EQ(missed.catch_up.has_value(), row.scheduled_at.has_value()) << row.window.count();
    EXPECT_EQ(missed.ticks->count, 4U);
    if (!missed.catch_up) continue;
    EXPECT_EQ(missed.catch_up->scheduled_at, row.scheduled_at);
    EXPECT_EQ(missed.catch_up->due_at, wall("09:30:00"));
    EXPECT_EQ(missed.catch_up->trigger, Trigger::catch_up);
    EXPECT_EQ(missed.catch_up->attempt, 1U);
  }
}

TEST(Agenda, does_not_catch_up_with_a_tick_that_is_only_delayed) {
  Agenda agenda(schedule_of("0 * * * *"), 40min, catching_up(24h));
  const Agenda::Missed missed = agenda.start(wall("09:30:00"), wall("08:00:00"));
  EXPECT_EQ(missed.ticks, std::nullopt);
  EXPECT_FALSE(missed.catch_up);
  EXPECT_EQ(agenda.due_at(), wall("09:40:00"));
}

TEST(Agenda, of_a_history_from_the_future_says_so_and_repeats_nothing_that_ran) {
  Agenda near(schedule_of("0 * * * *"), {}, catching_up(24h));
  const Agenda::Missed missed = near.start(wall("09:30:00"), wall("12:00:00"));
  EXPECT_EQ(missed.history_ahead, wall("12:00:00"));
  EXPECT_EQ(missed.ticks, std::nullopt);
  EXPECT_FALSE(missed.catch_up);
  EXPECT_EQ(near.due_at(), wall("13:00:00"));
}

TEST(Agenda, of_a_history_far_in_the_future_starts_over) {
  Agenda far(schedule_of("0 * * * *"), {}, catching_up(24h));
  const Agenda::Missed missed = far.start(wall("09:30:00"), wall("12:30:00"));
  EXPECT_EQ(missed.history_ahead, wall("12:30:00"));
  EXPECT_EQ(missed.ticks, std::nullopt);
  EXPECT_EQ(far.due_at(), wall("10:00:00"));
}

// ---- ticks

TEST(Agenda, gives_a_tick_out_once_when_it_is_due_or_will_be_within_the_lead) {
  Agenda agenda = hourly();
  EXPECT_FALSE(agenda.take_due(wall("10:00:00") - 51ms, 50ms));
  const std::optional<Agenda::Due> due = agenda.take_due(wall("10:00:00") - 50ms, 50ms);
  ASSERT_TRUE(due);
  EXPECT_EQ(due->plan.job, JobId::backup);
  EXPECT_EQ(due->plan.trigger, Trigger::schedule);
  EXPECT_EQ(due->plan.scheduled_at, wall("10:00:00"));
  EXPECT_EQ(due->plan.due_at, wall("10:00:00"));
  EXPECT_EQ(due->plan.attempt, 1U);
  EXPECT_FALSE(due->plan.request);
  EXPECT_EQ(due->missed, std::nullopt);
  EXPECT_FALSE(agenda.take_due(wall("10:00:00"), 50ms));
  EXPECT_EQ(agenda.due_at(), wall("11:00:00"));
}

TEST(Agenda, gives_a_delayed_tick_out_at_its_delayed_time_by_its_own_name) {
  Agenda agenda = hourly({}, 5min);
  EXPECT_EQ(agenda.due_at(), wall("10:05:00"));
  EXPECT_FALSE(agenda.take_due(wall("10:04:59"), 0s));
  const std::optional<Agenda::Due> due = agenda.take_due(wall("10:05:00"), 0s);
  ASSERT_TRUE(due);
  EXPECT_EQ(due->plan.scheduled_at, wall("10:00:00"));
  EXPECT_EQ(due->plan.due_at, wall("10:05:00"));
}

TEST(Agenda, held_up_gives_the_first_tick_out_and_tells_of_the_others) {
  Agenda agenda = hourly();
  const std::optional<Agenda::Due> due = agenda.take_due(wall("12:10:00"), 0s);
  ASSERT_TRUE(due);
  EXPECT_EQ(due->plan.scheduled_at, wall("10:00:00"));
  EXPECT_EQ(due->missed, (cron::TickSpan{wall("11:00:00"), wall("12:00:00"), 2}));
  EXPECT_EQ(agenda.due_at(), wall("13:00:00"));
}

TEST(Agenda, another_schedule_counts_from_now_on_and_keeps_what_has_come) {
  Agenda agenda = hourly();
  agenda.change(schedule_of("*/10 * * * *"), wall("09:35:00"));
  EXPECT_EQ(agenda.due_at(), wall("09:40:00"));
  EXPECT_EQ(agenda.schedule().text, "*/10 * * * *");

  Agenda owing = hourly({}, 5min);
  owing.change(schedule_of("0 3 * * *"), wall("10:01:00"));
  EXPECT_EQ(owing.due_at(), wall("10:05:00"));
}

// ---- steps of the wall clock

TEST(Agenda, a_step_of_less_than_three_hours_leaves_the_tick_that_was_jumped_over_due) {
  for (const Duration step : {Duration(1s), Duration(1h), Duration{3h} - 1ns}) {
    Agenda agenda = hourly();
    const Agenda::Missed missed = agenda.on_clock_stepped(step, wall("09:30:00") + step);
    EXPECT_EQ(missed.ticks, std::nullopt);
    EXPECT_EQ(agenda.due_at(), wall("10:00:00"));
  }
}

TEST(Agenda, a_step_forward_of_three_hours_or_more_misses_what_it_jumped_over) {
  Agenda agenda = hourly(catching_up(90min));
  const Agenda::Missed missed = agenda.on_clock_stepped(3h, wall("12:30:00"));
  EXPECT_EQ(missed.ticks, (cron::TickSpan{wall("10:00:00"), wall("12:00:00"), 3}));
  ASSERT_TRUE(missed.catch_up);
  EXPECT_EQ(missed.catch_up->scheduled_at, wall("12:00:00")) << "11:00 is as old as the window is long";
  EXPECT_EQ(agenda.due_at(), wall("13:00:00"));
}

TEST(Agenda, a_step_back_of_less_than_three_hours_repeats_nothing) {
  Agenda agenda = hourly();
  ASSERT_TRUE(agenda.take_due(wall("10:00:00"), 0s));
  const Agenda::Missed missed = agenda.on_clock_stepped(-3h + 1ns, wall("07:00:10"));
  EXPECT_EQ(missed.ticks, std::nullopt);
  EXPECT_EQ(agenda.due_at(), wall("11:00:00"));
}

TEST(Agenda, a_step_back_of_three_hours_or_more_starts_over) {
  Agenda agenda = hourly();
  ASSERT_TRUE(agenda.take_due(wall("10:00:00"), 0s));
  const Agenda::Missed missed = agenda.on_clock_stepped(-3h, wall("07:00:10"));
  EXPECT_EQ(missed.ticks, std::nullopt);
  EXPECT_EQ(agenda.due_at(), wall("08:00:00"));
}

TEST(Agenda, small_steps_back_that_add_up_repeat_nothing) {
  Agenda agenda = hourly();
  ASSERT_TRUE(agenda.take_due(wall("10:00:00"), 0s));
  agenda.on_clock_stepped(-2h, wall("08:00:10"));
  agenda.on_clock_stepped(-2h, wall("06:00:10"));
  EXPECT_EQ(agenda.due_at(), wall("11:00:00"));
}

// ---- retries

TEST(Agenda, retries_as_often_as_was_set) {
  const Agenda agenda = hourly(retrying(2));
  Plan plan = tick_of("10:00:00");
  for (const std::uint32_t left : {2U, 1U, 0U, 0U}) {
    EXPECT_EQ(agenda.attempts_left(plan), left) << plan.attempt;
    ++plan.attempt;
  }
  EXPECT_EQ(hourly().attempts_left(tick_of("10:00:00")), 0U);
}

TEST(Agenda, gives_a_retry_out_once_its_delay_is_over_as_the_same_run_but_for_who_asked) {
  Agenda agenda = hourly(retrying(2));
  Plan failed = tick_of("10:00:00");
  failed.request = Request{7, Asker::signal};
  EXPECT_EQ(agenda.retry_deadline(), std::nullopt);
  EXPECT_EQ(agenda.retry_later(failed, now_mono), 10s);
  EXPECT_EQ(agenda.retry_deadline(), now_mono + 10s);
  EXPECT_FALSE(agenda.take_retry(now_mono + 10s - 1ns));
  const std::optional<Plan> retry = agenda.take_retry(now_mono + 10s);
  ASSERT_TRUE(retry);
  EXPECT_EQ(retry->attempt, 2U);
  EXPECT_EQ(retry->scheduled_at, wall("10:00:00"));
  EXPECT_EQ(retry->trigger, Trigger::schedule);
  EXPECT_FALSE(retry->request) << "who asked has been answered";
  EXPECT_FALSE(agenda.take_retry(now_mono + 1h));
  EXPECT_EQ(agenda.retry_deadline(), std::nullopt);
}

TEST(Agenda, waits_twice_as_long_before_each_further_retry_and_never_longer_than_an_hour) {
  const struct {
    Duration first;
    std::vector<Duration> delays;
  } rows[] = {
      {10s, {10s, 20s, 40s, 80s}},          {20min, {20min, 40min, 1h, 1h}}, {2h, {1h, 1h}}, {0s, {0s, 0s}},
      {std::chrono::days(36500), {1h, 1h}},
  };
  for (const auto& row : rows) {
    Agenda agenda = hourly(retrying(100, row.first));
    Plan plan = tick_of("10:00:00");
    for (const Duration delay : row.delays) {
      EXPECT_EQ(agenda.retry_later(plan, now_mono), delay) << row.first.count() << " " << plan.attempt;
      plan = agenda.take_retry(now_mono + delay).value();
    }
  }
  Plan late = tick_of("10:00:00");
  late.attempt = 99;
  EXPECT_EQ(hourly(retrying(100)).retry_later(late, now_mono), longest_retry_delay);
}

TEST(Agenda, a_retry_that_was_refused_is_the_same_attempt_after_the_same_wait) {
  Agenda agenda = hourly(retrying(3));
  Plan plan = tick_of("10:00:00");
  plan.attempt = 3;
  EXPECT_EQ(agenda.retry_again(plan, now_mono), 20s);
  const std::optional<Plan> again = agenda.take_retry(now_mono + 20s);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->attempt, 3U);
}

TEST(Agenda, drops_a_retry_that_a_tick_came_before) {
  Agenda agenda = hourly(retrying(1));
  agenda.retry_later(tick_of("10:00:00"), now_mono);
  agenda.drop_retry();
  EXPECT_EQ(agenda.retry_deadline(), std::nullopt);
  EXPECT_FALSE(agenda.take_retry(now_mono + 1h));
}

// ---- the record

TEST(RecordOfMissed, stands_for_all_of_them) {
  const RunRecord record =
      record_of_missed({wall("06:00:00"), wall("09:00:00"), 4}, "no daemon was running", wall("09:30:00"));
  EXPECT_EQ(record.outcome, Outcome::missed);
  EXPECT_EQ(record.trigger, Trigger::schedule);
  EXPECT_EQ(record.scheduled_at, wall("06:00:00"));
  EXPECT_EQ(record.last_scheduled_at, wall("09:00:00"));
  EXPECT_EQ(record.ticks, 4U);
  EXPECT_EQ(record.started_at, wall("09:30:00"));
  EXPECT_EQ(record.finished_at, wall("09:30:00"));
  EXPECT_EQ(record.reason, "no daemon was running");
  EXPECT_TRUE(record.run_id.empty());
  EXPECT_TRUE(record.steps.empty());
}

}  // namespace
}  // namespace sidefridge::core
