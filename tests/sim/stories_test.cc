// stories_test.cc - the daemon's life, told in the simulated world.
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <set>
#include <string>
#include <vector>

#include "sidefridge/core/script_environment.h"
#include "sidefridge/cron/cron_expression.h"
#include "sidefridge/text/time_format.h"
#include "tests/sim/sim_world.h"

namespace sidefridge::sim {
namespace {

using namespace std::chrono_literals;
using core::Hook;
using core::LogLevel;
using core::Outcome;
using core::StepOutcome;
using Tags = std::vector<std::string>;

constexpr ExitStatus exited_with(int code) {
  return {ExitStatus::Kind::exited, code};
}

WallTime at(const std::string& text) {
  return text::parse_rfc3339(text).value();
}

core::Scheduler::Settings daemon_settings(const std::string& schedule = "0 3 * * *") {
  core::Scheduler::Settings settings;
  settings.schedule = cron::Schedule{schedule, cron::parse_cron(schedule).value(), cron::Zone()};
  settings.hooks.poll = Duration::zero();
  return settings;
}

/// A world in which nothing may happen that must not.
class World : public SimWorld {
public:
  using SimWorld::SimWorld;
  ~World() {
    for (const std::string& violation : violations()) ADD_FAILURE() << violation;
  }
};

/// A daemon that starts at two in the morning; its schedule is three o'clock unless a story says otherwise.
class Story : public ::testing::Test {
protected:
  World world(core::Scheduler::Settings settings = daemon_settings()) {
    return World(std::move(settings), at("2026-11-23T02:00:00Z"), store);
  }

  SimStore store;
};

TEST_F(Story, a_tick_runs_the_three_hooks_in_order_and_each_hook_by_name) {
  World w = world();
  w.add(Hook::after_backups, "prune");
  w.add(Hook::backups, "20-files");
  w.add(Hook::backups, "10-db");
  w.add(Hook::before_backups, "quiesce");
  w.add(Hook::on_error, "alert");
  w.start();
  EXPECT_TRUE(w.logged("ready; "));
  w.advance(59min);
  EXPECT_TRUE(w.started().empty());
  w.advance(2min);
  EXPECT_EQ(w.started(), (Tags{"before_backups/quiesce", "backups/10-db", "backups/20-files", "after_backups/prune"}));
  ASSERT_EQ(w.runs().size(), 1U);
  const core::RunRecord run = w.runs()[0];
  EXPECT_EQ(run.outcome, Outcome::succeeded);
  EXPECT_EQ(run.scheduled_at, at("2026-11-23T03:00:00Z"));
  EXPECT_EQ(run.finished_at, at("2026-11-23T03:00:04Z"));
  EXPECT_EQ(run.trigger, core::Trigger::schedule);
  ASSERT_EQ(run.steps.size(), 4U);
  EXPECT_EQ(run.steps[1].script, "/scripts/backups/10-db");
  EXPECT_EQ(run.steps[1].elapsed, 1s);
}

TEST_F(Story, the_first_failure_ends_the_chain_and_every_on_error_script_hears_of_it) {
  World w = world();
  w.add(Hook::before_backups, "ok");
  w.add(Hook::backups, "bkp", {.ends_with = exited_with(3)});
  w.add(Hook::backups, "later");
  w.add(Hook::after_backups, "prune");
  w.add(Hook::on_error, "1-mail");
  w.add(Hook::on_error, "2-page");
  w.start();
  w.advance(2h);
  EXPECT_EQ(w.started(), (Tags{"before_backups/ok", "backups/bkp", "on_error/1-mail", "on_error/2-page"}));
  for (const std::size_t i : {2U, 3U}) {
    EXPECT_EQ(
        core::script_argv(w.starts[i], core::Pipes::last_command_counts),
        (Tags{"/bin/sh", w.starts[i].script.run_path, "Script '/scripts/backups/bkp' finished with exit code '3'"}));
    EXPECT_EQ(w.starts[i].failure->stderr_tail, "stderr of backups/bkp");
  }
  EXPECT_EQ(core::script_argv(w.starts[1], core::Pipes::last_command_counts),
            (Tags{"/bin/sh", w.starts[1].script.run_path}));
  ASSERT_EQ(w.runs().size(), 1U);
  EXPECT_EQ(w.runs()[0].outcome, Outcome::failed);
  EXPECT_EQ(w.runs()[0].reason, "Script '/scripts/backups/bkp' finished with exit code '3'");
}

TEST_F(Story, a_failing_on_error_script_does_not_trigger_on_error_again) {
  World w = world();
  w.add(Hook::backups, "bkp", {.ends_with = exited_with(1)});
  w.add(Hook::on_error, "1-breaks", {.ends_with = exited_with(9)});
  w.add(Hook::on_error, "2-still-runs");
  w.start();
  w.advance(2h);
  EXPECT_EQ(w.started(), (Tags{"backups/bkp", "on_error/1-breaks", "on_error/2-still-runs"}));
  EXPECT_EQ(w.runs()[0].reason, "Script '/scripts/backups/bkp' finished with exit code '1'");
  EXPECT_TRUE(w.logged("Script '/scripts/on_error/1-breaks' finished with exit code '9'"));
}

TEST_F(Story, a_script_that_a_signal_ends_is_a_failure_that_names_the_signal) {
  World w = world();
  w.add(Hook::backups, "bkp", {.ends_with = {ExitStatus::Kind::signalled, SIGSEGV}});
  w.start();
  w.advance(2h);
  EXPECT_EQ(w.runs()[0].reason, "Script '/scripts/backups/bkp' was killed by signal 'SIGSEGV'");
  EXPECT_EQ(w.runs()[0].steps[0].outcome, StepOutcome::signalled);
}

TEST_F(Story, a_script_that_cannot_start_is_a_failed_step_and_reaches_on_error) {
  World w = world();
  w.add(Hook::backups, "bkp", {.cannot_start = true});
  w.add(Hook::on_error, "alert");
  w.start();
  w.advance(2h);
  EXPECT_EQ(w.started(), (Tags{"backups/bkp", "on_error/alert"}));
  EXPECT_EQ(w.starts[1].failure->message,
            "Script '/scripts/backups/bkp' could not be started: the system allows no more processes");
}

TEST_F(Story, install_dependencies_runs_once_before_the_first_tick) {
  World w = world();
  w.add(Hook::install_dependencies, "apk", {.runs_for = 30s});
  w.add(Hook::backups, "bkp");
  w.start();
  EXPECT_FALSE(w.logged("ready; "));
  w.advance(1min);
  EXPECT_TRUE(w.logged("ready; "));
  w.advance(48h);
  EXPECT_EQ(w.started(), (Tags{"install_dependencies/apk", "backups/bkp", "backups/bkp"}));
  EXPECT_EQ(w.runs()[0].trigger, core::Trigger::install);
}

TEST_F(Story, a_failing_install_runs_on_error_and_ends_the_daemon_with_1) {
  World w = world();
  w.add(Hook::install_dependencies, "1-apk", {.ends_with = exited_with(99), .leaves_behind = 1});
  w.add(Hook::install_dependencies, "2-never");
  w.add(Hook::on_error, "alert");
  w.add(Hook::backups, "bkp");
  w.start();
  w.advance(48h);
  EXPECT_EQ(w.started(), (Tags{"install_dependencies/1-apk", "on_error/alert"}));
  EXPECT_EQ(w.exit_code(), 1);
  EXPECT_EQ(w.alive(), 0U);
}

TEST_F(Story, no_install_scripts_are_no_run) {
  World w = world();
  w.start();
  EXPECT_TRUE(w.runs().empty());
  EXPECT_TRUE(w.logged("ready; "));
}

TEST_F(Story, a_tick_while_a_run_goes_on_is_skipped_with_one_record_and_one_warning) {
  World w = world(daemon_settings("*/10 * * * *"));
  w.add(Hook::backups, "slow", {.runs_for = 25min});
  w.start();
  w.advance(36min);  // ticks at 02:10 (runs), 02:20 and 02:30 (skipped)
  EXPECT_EQ(w.runs().size(), 1U);
  ASSERT_EQ(w.skipped().size(), 2U);
  EXPECT_EQ(w.skipped()[0].scheduled_at, at("2026-11-23T02:20:00Z"));
  EXPECT_EQ(w.log_of(LogLevel::warning).size(), 2U);
  w.advance(5min);  // 02:40 runs again
  EXPECT_EQ(w.runs().size(), 2U);
}

TEST_F(Story, a_run_of_another_process_in_the_same_folder_skips_the_tick) {
  World w = world();
  w.add(Hook::backups, "bkp");
  w.start();
  store.begin_foreign_run();
  w.advance(2h);
  EXPECT_TRUE(w.started().empty());
  ASSERT_EQ(w.skipped().size(), 1U);
  EXPECT_NE(w.skipped()[0].reason.find("4711"), std::string::npos);
  store.end_foreign_run();
  w.advance(24h);
  EXPECT_EQ(w.started(), Tags{"backups/bkp"});
}

TEST_F(Story, a_tick_during_the_install_at_start_is_made_up_within_catch_up) {
  for (const Duration catch_up : {Duration::zero(), Duration(1h)}) {
    SimStore own;
    core::Scheduler::Settings settings = daemon_settings();
    settings.job.catch_up = catch_up;
    World w(settings, at("2026-11-23T02:59:50Z"), own);
    w.add(Hook::install_dependencies, "apk", {.runs_for = 30s});
    w.add(Hook::backups, "bkp");
    w.start();
    w.advance(1min);
    ASSERT_EQ(w.skipped().size(), 1U);
    EXPECT_EQ(w.skipped()[0].reason, "install_dependencies is running");
    EXPECT_EQ(w.started().size(), catch_up == Duration::zero() ? 1U : 2U);
    EXPECT_EQ(w.starts.back().trigger, catch_up == Duration::zero() ? core::Trigger::install : core::Trigger::catch_up);
  }
}

TEST_F(Story, an_install_that_fails_ahead_of_a_run_says_how_often_that_is_tried_again) {
  core::Scheduler::Settings settings = daemon_settings();
  settings.job.retries = 1;
  World w = world(settings);
  w.add(Hook::install_dependencies, "apk");
  w.add(Hook::backups, "bkp");
  w.add(Hook::on_error, "alert");
  w.start();
  w.add(Hook::install_dependencies, "apk", {.ends_with = exited_with(1), .version = 2});
  w.touch();
  w.advance(3h);
  ASSERT_EQ(w.started(), (Tags{"install_dependencies/apk", "install_dependencies/apk", "on_error/alert",
                               "install_dependencies/apk", "on_error/alert"}));
  EXPECT_EQ(w.starts[2].attempts_left, 1U);
  EXPECT_EQ(w.starts[4].attempts_left, 0U);
}

TEST_F(Story, a_script_is_over_when_what_it_feeds_is) {
  World w = world();
  w.add(Hook::backups, "10-copy", {.feeds = 2, .fed_run_for = 3min});
  w.add(Hook::backups, "20-next");
  w.start();
  w.advance(1h + 1min);
  EXPECT_EQ(w.started(), Tags{"backups/10-copy"});
  EXPECT_TRUE(w.logged("waits for what it feeds: fake (pid 101), fake (pid 102)"));
  w.advance(3min);
  EXPECT_EQ(w.started(), (Tags{"backups/10-copy", "backups/20-next"}));
  ASSERT_EQ(w.runs().size(), 1U);
  EXPECT_EQ(w.runs()[0].outcome, Outcome::succeeded);
  EXPECT_EQ(w.runs()[0].steps[0].elapsed, 3min);
}

TEST_F(Story, a_script_fails_with_what_it_feeds) {
  World w = world();
  w.add(Hook::backups, "bkp", {.feeds = 1, .fed_run_for = 2s, .fed_end_with = exited_with(1)});
  w.add(Hook::on_error, "alert");
  w.start();
  w.advance(1h + 1min);
  EXPECT_EQ(w.started(), (Tags{"backups/bkp", "on_error/alert"}));
  ASSERT_EQ(w.runs().size(), 1U);
  EXPECT_EQ(w.runs()[0].outcome, Outcome::failed);
}

TEST_F(Story, what_a_script_feeds_may_take_any_time_where_no_time_is_set) {
  core::Scheduler::Settings settings = daemon_settings();
  settings.job.feed_timeout = Duration::zero();
  World w = world(settings);
  w.add(Hook::backups, "bkp", {.feeds = 1, .fed_run_for = 10h});
  w.start();
  w.advance(10h);
  EXPECT_EQ(w.runs()[0].outcome, Outcome::running);
  w.advance(2h);
  EXPECT_EQ(w.runs()[0].outcome, Outcome::succeeded);
}

TEST_F(Story, what_a_script_feeds_is_ended_when_its_time_is_over) {
  World w = world();
  w.add(Hook::backups, "bkp", {.feeds = 1, .fed_run_for = 10h, .left_ignore_term = true});
  w.add(Hook::on_error, "alert");
  w.start();
  w.advance(1h + 1s + 5min + 4s);
  EXPECT_EQ(w.started(), Tags{"backups/bkp"});
  w.advance(2s);
  EXPECT_EQ(w.started(), (Tags{"backups/bkp", "on_error/alert"}));
  w.advance(1s);
  EXPECT_EQ(w.runs()[0].outcome, Outcome::failed);
  EXPECT_EQ(w.alive(), 0U);
}

TEST_F(Story, what_scripts_left_behind_lives_during_the_run_and_ends_with_it) {
  World w = world();
  w.add(Hook::before_backups, "forward", {.leaves_behind = 1});
  w.add(Hook::backups, "bkp", {.runs_for = 10min});
  w.start();
  w.advance(65min);
  EXPECT_EQ(w.alive(), 2U);  // the port-forward and the backup
  w.advance(10min);
  EXPECT_EQ(w.alive(), 0U);
  EXPECT_EQ(w.runs()[0].outcome, Outcome::succeeded);
  EXPECT_TRUE(w.logged("what scripts left running: fake"));
}

TEST_F(Story, a_leftover_that_ignores_term_is_killed_five_seconds_later) {
  World w = world();
  w.add(Hook::backups, "bkp", {.leaves_behind = 1, .left_ignore_term = true});
  w.start();
  w.advance(1h + 1s + 4900ms);
  EXPECT_EQ(w.alive(), 1U);
  EXPECT_EQ(w.runs()[0].outcome, Outcome::running);
  w.advance(200ms);
  EXPECT_EQ(w.alive(), 0U);
  EXPECT_EQ(w.runs()[0].outcome, Outcome::succeeded);
}

TEST_F(Story, a_leftover_that_even_kill_does_not_end_holds_the_run_for_ten_seconds_only) {
  World w = world();
  w.add(Hook::backups, "bkp", {.leaves_behind = 1, .left_ignore_term = true, .left_survive_kill = true});
  w.start();
  w.advance(1h + 12s);
  EXPECT_EQ(w.runs()[0].outcome, Outcome::succeeded);
  EXPECT_TRUE(w.logged("processes do not end although they got SIGKILL"));
}

TEST_F(Story, what_install_dependencies_left_behind_lives_until_the_end) {
  World w = world();
  w.add(Hook::install_dependencies, "agent", {.leaves_behind = 1});
  w.add(Hook::backups, "bkp");
  w.start();
  w.advance(26h);
  EXPECT_EQ(w.runs().size(), 3U);
  EXPECT_EQ(w.alive(), 1U);
  w.stop();
  w.advance(1s);
  EXPECT_EQ(w.exit_code(), 0);
  EXPECT_EQ(w.alive(), 0U);
}

TEST_F(Story, term_while_waiting_ends_at_once_with_0) {
  World w = world();
  w.add(Hook::backups, "bkp");
  w.start();
  w.stop();
  EXPECT_EQ(w.exit_code(), 0);
}

TEST_F(Story, term_while_a_run_goes_on_lets_it_finish_within_the_grace) {
  World w = world(daemon_settings("*/1 * * * *"));
  w.add(Hook::backups, "bkp", {.runs_for = 10s});
  w.add(Hook::after_backups, "prune");
  w.start();
  w.advance(61s);
  w.stop();
  w.advance(24s);
  EXPECT_EQ(w.exit_code(), 0);
  EXPECT_EQ(w.started(), (Tags{"backups/bkp", "after_backups/prune"}));
  EXPECT_EQ(w.runs()[0].outcome, Outcome::succeeded);
}

TEST_F(Story, no_run_starts_after_term) {
  World w = world(daemon_settings("* * * * * *"));
  w.add(Hook::backups, "bkp", {.runs_for = 10s});
  w.start();
  w.advance(1500ms);
  w.stop();
  w.advance(1min);
  EXPECT_EQ(w.runs().size(), 1U);
  EXPECT_EQ(w.exit_code(), 0);
}

TEST_F(Story, when_the_grace_is_over_scripts_get_term_and_the_record_says_interrupted) {
  World w = world();
  w.add(Hook::backups, "bkp", {.runs_for = 10h, .leaves_behind = 2});
  w.add(Hook::after_backups, "prune");
  w.add(Hook::on_error, "alert");
  w.start();
  w.advance(61min);
  w.stop();
  w.advance(14900ms);
  EXPECT_EQ(w.exit_code(), std::nullopt);
  w.advance(200ms);
  EXPECT_EQ(w.exit_code(), 0);
  EXPECT_EQ(w.started(), Tags{"backups/bkp"});
  EXPECT_EQ(w.runs()[0].outcome, Outcome::interrupted);
  EXPECT_EQ(w.runs()[0].steps[0].outcome, StepOutcome::interrupted);
}

TEST_F(Story, a_script_that_ignores_term_at_the_end_is_killed_five_seconds_later) {
  World w = world();
  w.add(Hook::backups, "bkp", {.runs_for = 10h, .ignores_term = true, .leaves_behind = 1, .left_ignore_term = true});
  w.start();
  w.advance(61min);
  w.stop();
  w.advance(15s + 4900ms);
  EXPECT_EQ(w.alive(), 2U);
  w.advance(200ms);
  EXPECT_EQ(w.exit_code(), 0);
  EXPECT_EQ(w.alive(), 0U);
}

TEST_F(Story, a_second_term_kills_at_once) {
  World w = world();
  w.add(Hook::backups, "bkp", {.runs_for = 10h, .ignores_term = true, .leaves_behind = 1, .left_ignore_term = true});
  w.start();
  w.advance(61min);
  w.stop();
  w.advance(1s);
  w.stop();
  w.advance(1ms);
  EXPECT_EQ(w.exit_code(), 0);
  EXPECT_EQ(w.alive(), 0U);
  EXPECT_EQ(w.runs()[0].outcome, Outcome::interrupted);
}

TEST_F(Story, without_grace_term_reaches_the_scripts_at_once) {
  core::Scheduler::Settings settings = daemon_settings();
  settings.grace = 0s;
  World w = world(settings);
  w.add(Hook::backups, "bkp", {.runs_for = 10h});
  w.start();
  w.advance(61min);
  w.stop();
  w.advance(1ms);
  EXPECT_EQ(w.exit_code(), 0);
}

TEST_F(Story, term_during_install_dependencies_ends_with_0) {
  World w = world();
  w.add(Hook::install_dependencies, "apk", {.runs_for = 10h});
  w.start();
  w.advance(1s);
  w.stop();
  w.advance(26s);
  EXPECT_EQ(w.exit_code(), 0);
  EXPECT_EQ(w.runs()[0].outcome, Outcome::interrupted);
}

TEST_F(Story, a_failure_before_term_stays_a_failure) {
  World w = world();
  w.add(Hook::backups, "bkp", {.ends_with = exited_with(1)});
  w.add(Hook::on_error, "hangs", {.runs_for = 10h});
  w.start();
  w.advance(61min);
  w.stop();
  w.advance(26s);
  EXPECT_EQ(w.exit_code(), 0);
  EXPECT_EQ(w.runs()[0].outcome, Outcome::failed);
  EXPECT_EQ(w.runs()[0].steps[1].outcome, StepOutcome::interrupted);
}

TEST_F(Story, a_script_over_its_time_limit_is_ended_and_fails_as_timed_out) {
  core::Scheduler::Settings settings = daemon_settings();
  settings.job.script_timeout = 30s;
  World w = world(settings);
  w.add(Hook::before_backups, "forward", {.leaves_behind = 1});
  w.add(Hook::backups, "hangs", {.runs_for = 10h, .ignores_term = true});
  w.add(Hook::on_error, "alert");
  w.start();
  w.advance(1h + 1s + 34s);
  EXPECT_EQ(w.alive(), 2U);  // five seconds after TERM it is still there, and so is the port-forward
  w.advance(3s);
  EXPECT_EQ(w.started(), (Tags{"before_backups/forward", "backups/hangs", "on_error/alert"}));
  EXPECT_EQ(w.runs()[0].steps[1].outcome, StepOutcome::timed_out);
  EXPECT_EQ(w.runs()[0].reason,
            "Script '/scripts/backups/hangs' timed out: it ran longer than SIDEFRIDGE_SCRIPT_TIMEOUT allows (30 s)");
}

TEST_F(Story, a_script_that_exits_with_0_after_its_time_limit_has_still_timed_out) {
  core::Scheduler::Settings settings = daemon_settings();
  settings.job.script_timeout = 30s;
  World w = world(settings);
  w.add(Hook::backups, "late", {.runs_for = 32s, .ignores_term = true});
  w.start();
  w.advance(2h);
  EXPECT_EQ(w.runs()[0].steps[0].outcome, StepOutcome::timed_out);
  EXPECT_EQ(w.runs()[0].outcome, Outcome::failed);
}

TEST_F(Story, a_run_over_its_time_limit_fails_and_on_error_still_runs) {
  core::Scheduler::Settings settings = daemon_settings();
  settings.job.run_timeout = 1min;
  World w = world(settings);
  w.add(Hook::before_backups, "a", {.runs_for = 40s});
  w.add(Hook::backups, "b", {.runs_for = 40s});
  w.add(Hook::on_error, "alert", {.runs_for = 30s});
  w.add(Hook::on_error, "hangs", {.runs_for = 10h});
  w.start();
  w.advance(2h);
  EXPECT_EQ(w.started(), (Tags{"before_backups/a", "backups/b", "on_error/alert", "on_error/hangs"}));
  EXPECT_EQ(w.runs()[0].steps[1].outcome, StepOutcome::timed_out);
  EXPECT_EQ(w.runs()[0].steps[2].outcome, StepOutcome::exited);
  EXPECT_EQ(w.runs()[0].steps[3].outcome, StepOutcome::timed_out);
  EXPECT_EQ(w.runs()[0].finished_at, at("2026-11-23T03:02:00Z")) << "the scripts of on_error have a minute together";
}

TEST_F(Story, the_first_script_starts_at_the_tick_however_long_the_intent_takes_to_store) {
  World w = world();
  w.add(Hook::backups, "bkp", {.runs_for = 0s});
  w.store_takes = [] { return Duration(30ms); };
  w.start();
  w.advance(2h);
  ASSERT_EQ(w.runs().size(), 1U);
  const core::RunRecord run = w.runs()[0];
  EXPECT_EQ(run.started_at, at("2026-11-23T03:00:00Z"));
  EXPECT_EQ(run.steps.at(0).started_at, at("2026-11-23T03:00:00Z"));
  EXPECT_EQ(run.run_id, "20261123-030000-000-0000");
}

TEST_F(Story, a_disk_slower_than_the_lead_delays_the_first_script_and_nothing_else) {
  World w = world(daemon_settings("* * * * * *"));
  w.add(Hook::backups, "bkp", {.runs_for = 0s});
  w.store_takes = [] { return Duration(80ms); };
  w.start();
  w.advance(3500ms);
  ASSERT_EQ(w.runs().size(), 3U);
  EXPECT_EQ(w.runs()[1].scheduled_at, at("2026-11-23T02:00:02Z"));
  EXPECT_EQ(w.runs()[1].steps.at(0).started_at, at("2026-11-23T02:00:02.030Z"));
  EXPECT_TRUE(w.skipped().empty());
}

TEST_F(Story, term_before_the_first_script_makes_the_tick_a_skipped_one) {
  // In the middle of reading the hooks, of storing the intent, of an install before the run, and just before the tick.
  enum class When { reading, storing, installing, poised };
  for (const When when : {When::reading, When::storing, When::installing, When::poised}) {
    SCOPED_TRACE(static_cast<int>(when));
    SimStore own;
    World w(daemon_settings(), at("2026-11-23T02:00:00Z"), own);
    w.add(Hook::backups, "bkp");
    w.start();
    if (when == When::installing) w.add(Hook::install_dependencies, "tools", {.runs_for = 1h});
    if (when == When::reading) w.hooks_take = [] { return Duration(1s); };
    if (when == When::storing) w.store_takes = [] { return Duration(1s); };
    w.advance(when == When::installing ? Duration(1h + 1s) : 1h - core::tick_lead / 2);
    w.stop();
    w.advance(30s);
    EXPECT_EQ(w.exit_code(), 0);
    ASSERT_EQ(w.skipped().size(), 1U);
    EXPECT_EQ(w.skipped()[0].scheduled_at, at("2026-11-23T03:00:00Z"));
    EXPECT_EQ(w.skipped()[0].reason, "SIGTERM came before it started");
    EXPECT_EQ(w.skipped()[0].finished_at, w.skipped()[0].started_at);
    EXPECT_EQ(w.runs().size(), when == When::installing ? 1U : 0U);
    EXPECT_EQ(w.started(), when == When::installing ? Tags{"install_dependencies/tools"} : Tags{});
  }
}

TEST_F(Story, the_wall_clock_set_between_the_intent_and_the_tick_does_not_hold_up_the_run) {
  for (const Duration step : {Duration(-4h), Duration(-1h), Duration(-1s), Duration(1s), Duration(1h), Duration(4h)}) {
    SCOPED_TRACE(text::format_duration(step));
    SimStore own;
    World w(daemon_settings(), at("2026-11-23T02:00:00Z"), own);
    w.add(Hook::backups, "bkp");
    w.start();
    w.advance(1h - core::tick_lead / 2);
    EXPECT_TRUE(w.started().empty());
    w.step_wall_clock(step);
    EXPECT_EQ(w.started(), (Tags{"backups/bkp"}));
    // Once more only where three in the morning comes again: after a step that starts the schedule over.
    w.advance(6h);
    EXPECT_EQ(w.runs().size(), step == -4h ? 2U : 1U);
  }
}

core::Scheduler::Settings catching_up(const std::string& settled_until) {
  core::Scheduler::Settings settings = daemon_settings();
  settings.job.catch_up = 24h;
  settings.settled_until = at(settled_until);
  return settings;
}

TEST_F(Story, ticks_missed_while_no_daemon_was_there_are_one_run_at_start) {
  World w = world(catching_up("2026-11-21T03:00:00Z"));
  w.add(Hook::backups, "bkp");
  w.start();
  w.advance(30min);
  ASSERT_EQ(w.runs().size(), 1U);
  EXPECT_EQ(w.runs()[0].trigger, core::Trigger::catch_up);
  EXPECT_EQ(w.runs()[0].scheduled_at, at("2026-11-22T03:00:00Z"));
  EXPECT_EQ(w.runs()[0].started_at, at("2026-11-23T02:00:00Z"));
  EXPECT_TRUE(w.logged("the tick of 2026-11-22T03:00:00Z was missed"));
  w.advance(1h);
  ASSERT_EQ(w.runs().size(), 2U);
  EXPECT_EQ(w.runs()[1].trigger, core::Trigger::schedule);
}

TEST_F(Story, a_tick_that_was_settled_or_lies_too_far_back_is_not_caught_up) {
  core::Scheduler::Settings too_far = catching_up("2026-11-21T03:00:00Z");
  too_far.job.catch_up = 22h;
  core::Scheduler::Settings off = catching_up("2026-11-21T03:00:00Z");
  off.job.catch_up = 0s;
  core::Scheduler::Settings never_ran = catching_up("2026-11-21T03:00:00Z");
  never_ran.settled_until.reset();
  for (const auto& settings : {catching_up("2026-11-22T03:00:00Z"), too_far, off, never_ran}) {
    SimStore own;
    World w(settings, at("2026-11-23T02:00:00Z"), own);
    w.add(Hook::backups, "bkp");
    w.start();
    w.advance(30min);
    EXPECT_TRUE(w.runs().empty());
  }
}

TEST_F(Story, a_history_from_the_future_is_warned_about_and_catches_up_nothing) {
  World w = world(catching_up("2026-11-23T02:00:01Z"));
  w.add(Hook::backups, "bkp");
  w.start();
  w.advance(30min);
  EXPECT_TRUE(w.runs().empty());
  ASSERT_FALSE(w.log_of(LogLevel::warning).empty());
  EXPECT_NE(w.log_of(LogLevel::warning).back().find("still to come"), std::string::npos);
}

TEST_F(Story, a_run_at_start_stands_for_missed_ticks_too) {
  core::Scheduler::Settings settings = catching_up("2026-11-21T03:00:00Z");
  settings.job.run_on_start = true;
  World w = world(settings);
  w.add(Hook::install_dependencies, "tools");
  w.add(Hook::backups, "bkp");
  w.start();
  w.advance(30min);
  ASSERT_EQ(w.runs().size(), 2U);
  EXPECT_EQ(w.runs()[0].trigger, core::Trigger::install);
  EXPECT_EQ(w.runs()[1].trigger, core::Trigger::start);
}

TEST_F(Story, a_delay_moves_the_start_and_never_past_the_next_tick) {
  core::Scheduler::Settings settings = daemon_settings("* * * * *");
  settings.delay = 150s;
  World w = world(settings);
  w.add(Hook::backups, "bkp");
  w.start();
  w.advance(3min);
  ASSERT_EQ(w.runs().size(), 2U);
  EXPECT_EQ(w.runs()[0].scheduled_at, at("2026-11-23T02:01:00Z"));
  EXPECT_EQ(w.runs()[0].started_at, at("2026-11-23T02:01:30Z"));
  EXPECT_EQ(w.runs()[1].scheduled_at, at("2026-11-23T02:02:00Z"));
  EXPECT_TRUE(w.skipped().empty());
}

TEST_F(Story, a_failed_run_is_tried_again_after_delays_that_double) {
  core::Scheduler::Settings settings = daemon_settings();
  settings.job.retries = 2;
  World w = world(settings);
  w.add(Hook::backups, "bkp", {.runs_for = 0s, .ends_with = exited_with(3)});
  w.add(Hook::on_error, "alert", {.runs_for = 0s});
  w.start();
  w.advance(3h);
  ASSERT_EQ(w.runs().size(), 3U);
  const std::vector<WallTime> starts = {at("2026-11-23T03:00:00Z"), at("2026-11-23T03:00:10Z"),
                                        at("2026-11-23T03:00:30Z")};
  for (std::size_t i = 0; i < starts.size(); ++i) {
    EXPECT_EQ(w.runs()[i].attempt, i + 1);
    EXPECT_EQ(w.runs()[i].scheduled_at, starts[0]);
    EXPECT_EQ(w.runs()[i].started_at, starts[i]);
    EXPECT_EQ(w.starts.at(2 * i + 1).attempts_left, 2 - i) << "what on_error is told";
  }
}

TEST_F(Story, a_retry_that_succeeds_is_the_last_one) {
  core::Scheduler::Settings settings = daemon_settings();
  settings.job.retries = 5;
  World w = world(settings);
  w.add(Hook::backups, "bkp", {.ends_with = exited_with(3)});
  w.start();
  w.advance(1h + 5s);
  w.add(Hook::backups, "bkp");
  w.advance(2h);
  ASSERT_EQ(w.runs().size(), 2U);
  EXPECT_EQ(w.runs()[1].outcome, Outcome::succeeded);
}

TEST_F(Story, a_tick_takes_the_place_of_a_retry_that_would_come_later) {
  core::Scheduler::Settings settings = daemon_settings("* * * * *");
  settings.job.retries = 5;
  settings.job.retry_delay = 40s;
  World w = world(settings);
  w.add(Hook::backups, "bkp", {.runs_for = 0s, .ends_with = exited_with(3)});
  w.start();
  w.advance(3min);
  // Each tick has one retry after 40 s; the second, 80 s later, would come after the next tick.
  ASSERT_EQ(w.runs().size(), 5U);
  for (const std::size_t i : {0U, 2U, 4U}) EXPECT_EQ(w.runs()[i].attempt, 1U);
  for (const std::size_t i : {1U, 3U}) EXPECT_EQ(w.runs()[i].attempt, 2U);
}

TEST_F(Story, term_while_a_retry_is_awaited_ends_at_once) {
  core::Scheduler::Settings settings = daemon_settings();
  settings.job.retries = 5;
  World w = world(settings);
  w.add(Hook::backups, "bkp", {.runs_for = 0s, .ends_with = exited_with(3)});
  w.start();
  w.advance(1h + 5s);
  w.stop();
  EXPECT_EQ(w.exit_code(), 0);
  EXPECT_EQ(w.runs().size(), 1U);
}

TEST_F(Story, neither_an_install_nor_a_manual_run_is_tried_again) {
  core::Scheduler::Settings settings = daemon_settings();
  settings.job.retries = 5;
  World installs = world(settings);
  installs.add(Hook::install_dependencies, "tools", {.ends_with = exited_with(1)});
  installs.start();
  installs.advance(1h);
  EXPECT_EQ(installs.exit_code(), 1);

  settings.schedule.reset();
  SimStore own;
  World once(settings, at("2026-11-23T02:00:00Z"), own);
  once.add(Hook::backups, "bkp", {.ends_with = exited_with(3)});
  once.start();
  once.advance(1h);
  EXPECT_EQ(once.exit_code(), 1);
  EXPECT_EQ(once.runs().size(), 1U);
}

TEST_F(Story, a_run_that_cannot_be_stored_fails_with_the_reason_and_reaches_on_error) {
  World w = world();
  w.add(Hook::backups, "bkp");
  w.add(Hook::on_error, "alert");
  w.start();
  w.fail_call(2);  // reading the hooks is the first
  w.advance(2h);
  EXPECT_EQ(w.started(), Tags{"on_error/alert"});
  EXPECT_EQ(w.starts[0].failure->message, "Run could not start: no space left");
  EXPECT_EQ(w.runs()[0].outcome, Outcome::failed);
  EXPECT_FALSE(w.exit_code());
  w.advance(24h);
  EXPECT_EQ(w.runs()[1].outcome, Outcome::succeeded);
}

TEST_F(Story, unreadable_hooks_keep_the_last_good_set) {
  World w = world();
  w.add(Hook::backups, "bkp");
  w.start();
  w.fail_call(1);
  w.advance(2h);
  EXPECT_EQ(w.started(), Tags{"backups/bkp"});
  EXPECT_TRUE(w.logged("the hooks stay as last read"));
}

TEST_F(Story, hooks_that_could_never_be_read_fail_the_run_but_not_the_daemon) {
  World w = world();
  w.add(Hook::backups, "bkp");
  w.fail_call(1);
  w.start();
  w.fail_call(1);
  w.advance(2h);
  EXPECT_EQ(w.runs()[0].outcome, Outcome::failed);
  EXPECT_EQ(w.runs()[0].reason, "Run could not start: folder '/scripts': no luck");
  w.advance(24h);
  EXPECT_EQ(w.runs()[1].outcome, Outcome::succeeded);
}

TEST_F(Story, a_run_sees_the_scripts_that_are_there_when_it_begins) {
  World w = world();
  w.add(Hook::backups, "old");
  w.start();
  w.advance(2h);
  w.remove(Hook::backups, "old");
  w.add(Hook::backups, "new");
  w.advance(24h);
  EXPECT_EQ(w.started(), (Tags{"backups/old", "backups/new"}));
}

TEST_F(Story, watched_hooks_are_not_read_again_for_a_run) {
  World w = world(daemon_settings("* * * * *"));
  w.add(Hook::backups, "bkp");
  w.watch(core::HooksWatched::By::events);
  w.start();
  EXPECT_EQ(w.hook_readings(), 1);
  w.advance(10min);
  EXPECT_EQ(w.hook_readings(), 1);
  EXPECT_EQ(w.runs().size(), 10U);
}

TEST_F(Story, hooks_that_nobody_watches_are_read_before_each_run_and_polled) {
  core::Scheduler::Settings settings = daemon_settings("0 * * * *");
  settings.hooks.poll = 20min;
  World w = world(settings);
  w.add(Hook::backups, "bkp");
  w.start();
  w.advance(30min);
  EXPECT_EQ(w.hook_readings(), 2);
  w.advance(31min);
  EXPECT_EQ(w.hook_readings(), 4) << "after 40 minutes, and for the tick, from which the next 20 count";
}

TEST_F(Story, touched_hooks_are_read_once_they_have_settled) {
  World w = world();
  w.add(Hook::backups, "bkp");
  w.watch(core::HooksWatched::By::events);
  w.start();
  w.add(Hook::backups, "bkp", {.version = 2});
  w.add(Hook::on_error, "alert");
  w.touch();
  w.advance(200ms);
  w.touch();
  w.advance(249ms);
  EXPECT_EQ(w.hook_readings(), 1);
  w.advance(1ms);
  EXPECT_EQ(w.hook_readings(), 2);
  EXPECT_TRUE(w.logged("hooks changed: backups/bkp changed, on_error/alert added"));
  w.advance(10min);
  EXPECT_EQ(w.hook_readings(), 2);
}

TEST_F(Story, hooks_that_never_settle_are_read_every_two_seconds) {
  World w = world();
  w.add(Hook::backups, "bkp");
  w.watch(core::HooksWatched::By::events);
  w.start();
  for (int i = 0; i < 49; ++i) {
    w.touch();
    w.advance(100ms);
  }
  EXPECT_EQ(w.hook_readings(), 3) << "the first, and after two and four seconds";
}

TEST_F(Story, touched_hooks_that_are_as_before_are_no_news) {
  World w = world();
  w.add(Hook::backups, "bkp");
  w.watch(core::HooksWatched::By::events);
  w.start();
  const std::size_t lines = w.log_of(LogLevel::info).size();
  w.touch();
  w.advance(1s);
  EXPECT_EQ(w.hook_readings(), 2);
  EXPECT_EQ(w.log_of(LogLevel::info).size(), lines);
}

TEST_F(Story, a_run_uses_the_newest_settled_version) {
  World w = world();
  w.add(Hook::backups, "bkp");
  w.watch(core::HooksWatched::By::events);
  w.start();
  w.advance(1h - 60ms);
  w.add(Hook::backups, "new");
  w.touch();
  w.advance(5s);
  EXPECT_EQ(w.started(), (Tags{"backups/bkp"}));
  EXPECT_TRUE(w.logged("hooks changed: backups/new added"));
  w.advance(24h);
  EXPECT_EQ(w.started(), (Tags{"backups/bkp", "backups/bkp", "backups/new"}));
}

TEST_F(Story, watched_hooks_that_could_not_be_read_are_read_again_for_the_next_run) {
  World w = world();
  w.add(Hook::backups, "bkp");
  w.watch(core::HooksWatched::By::events);
  w.start();
  w.fail_call(1);
  w.touch();
  w.advance(1s);
  EXPECT_EQ(w.hook_readings(), 2);
  w.advance(1h);
  EXPECT_EQ(w.hook_readings(), 3);
  EXPECT_EQ(w.runs().at(0).outcome, Outcome::succeeded);
}

TEST_F(Story, a_changed_install_dependencies_runs_again_before_the_next_run) {
  World w = world();
  w.add(Hook::install_dependencies, "tools");
  w.add(Hook::backups, "bkp");
  w.watch(core::HooksWatched::By::events);
  w.start();
  w.advance(10min);
  w.add(Hook::install_dependencies, "tools", {.version = 2});
  w.touch();
  w.advance(10min);
  EXPECT_EQ(w.runs().size(), 1U) << "not before there is something to run";
  w.advance(48h);
  ASSERT_EQ(w.runs().size(), 4U);
  EXPECT_EQ(w.started(),
            (Tags{"install_dependencies/tools", "install_dependencies/tools", "backups/bkp", "backups/bkp"}));
  EXPECT_EQ(w.runs()[1].trigger, core::Trigger::install);
  EXPECT_EQ(w.runs()[1].started_at, at("2026-11-23T03:00:00Z"));
  EXPECT_EQ(w.runs()[2].scheduled_at, at("2026-11-23T03:00:00Z"));
  EXPECT_EQ(w.runs()[2].outcome, Outcome::succeeded);
}

TEST_F(Story, a_changed_install_dependencies_that_fails_fails_the_run_and_not_the_daemon) {
  World w = world();
  w.add(Hook::install_dependencies, "tools");
  w.add(Hook::backups, "bkp");
  w.add(Hook::on_error, "alert");
  w.watch(core::HooksWatched::By::events);
  w.start();
  w.advance(10min);
  w.add(Hook::install_dependencies, "tools", {.ends_with = exited_with(9), .version = 2});
  w.touch();
  w.advance(24h);
  EXPECT_FALSE(w.exit_code());
  EXPECT_EQ(w.started(), (Tags{"install_dependencies/tools", "install_dependencies/tools", "on_error/alert"}));
  ASSERT_EQ(w.runs().size(), 3U);
  EXPECT_EQ(w.runs()[2].trigger, core::Trigger::schedule);
  EXPECT_EQ(w.runs()[2].outcome, Outcome::failed);
  EXPECT_EQ(w.runs()[2].reason,
            "install_dependencies failed: Script '/scripts/install_dependencies/tools' finished with exit code '9'");
  w.advance(24h);
  EXPECT_EQ(w.runs().size(), 5U) << "and it is tried again for the next run";
}

TEST_F(Story, another_schedule_counts_at_once) {
  World w = world();
  w.add(Hook::backups, "bkp", {.runs_for = 0s});
  w.start();
  w.advance(10min);
  w.change_schedule({"30 2 * * *", *cron::parse_cron("30 2 * * *"), cron::Zone()});
  EXPECT_TRUE(
      w.logged("schedule changed to '30 2 * * *': at 02:30 every day, UTC; next runs at 2026-11-23T02:30:00+00:00"));
  w.advance(2h);
  ASSERT_EQ(w.runs().size(), 1U);
  EXPECT_EQ(w.runs()[0].started_at, at("2026-11-23T02:30:00Z"));
}

TEST_F(Story, a_complaint_about_the_hooks_is_logged_once_until_it_has_gone_away) {
  World w = world();
  w.start();
  w.advance(72h);
  EXPECT_EQ(w.log_of(LogLevel::warning), Tags{"nothing to back up"});
  w.add(Hook::backups, "bkp");
  w.reload();
  w.remove(Hook::backups, "bkp");
  w.reload();
  EXPECT_EQ(w.log_of(LogLevel::warning).size(), 2U);
}

TEST_F(Story, the_wall_clock_set_back_a_little_runs_nothing_again) {
  for (const Duration step : {Duration(-1ms), Duration(-1s), Duration(-1h)}) {
    SimStore fresh;
    World w(daemon_settings(), at("2026-11-23T02:00:00Z"), fresh);
    w.add(Hook::backups, "bkp");
    w.start();
    w.advance(1h + 2s);
    EXPECT_EQ(w.runs().size(), 1U);
    w.step_wall_clock(step);
    w.advance(3h);
    EXPECT_EQ(w.runs().size(), 1U);
  }
}

TEST_F(Story, the_wall_clock_set_far_back_starts_the_schedule_anew) {
  World w = world();
  w.add(Hook::backups, "bkp");
  w.start();
  w.advance(1h + 2s);
  w.step_wall_clock(-4h);
  w.advance(4h);
  EXPECT_EQ(w.runs().size(), 2U);
}

TEST_F(Story, a_tick_that_the_wall_clock_jumped_over_by_less_than_three_hours_runs_once_at_once) {
  World w = world();
  w.add(Hook::backups, "bkp");
  w.start();
  w.step_wall_clock(2h);
  EXPECT_EQ(w.started(), Tags{"backups/bkp"});
  w.advance(20h);
  EXPECT_EQ(w.runs().size(), 1U);
}

TEST_F(Story, small_steps_back_that_add_up_run_nothing_again) {
  World w = world(daemon_settings("*/10 * * * *"));
  w.add(Hook::backups, "bkp");
  w.start();
  w.advance(3h);
  const std::size_t before = w.runs().size();
  w.step_wall_clock(-2h);
  w.step_wall_clock(-2h);
  w.advance(4h - 1min);
  EXPECT_EQ(w.runs().size(), before);
  w.advance(11min);
  EXPECT_EQ(w.runs().size(), before + 1);
}

TEST_F(Story, a_step_is_measured_by_itself_not_from_the_last_tick) {
  World w = world();
  w.add(Hook::backups, "bkp");
  w.start();
  w.advance(12h);                   // it is 14:00, three o'clock has run
  w.step_wall_clock(-11h - 30min);  // far back, to 02:30
  w.advance(1h);
  EXPECT_EQ(w.runs().size(), 2U);
}

TEST_F(Story, a_tick_that_the_wall_clock_jumped_over_by_far_does_not_run) {
  World w = world();
  w.add(Hook::backups, "bkp");
  w.start();
  w.step_wall_clock(5h);
  w.advance(1min);
  EXPECT_TRUE(w.started().empty());
  w.advance(20h);
  EXPECT_EQ(w.runs().size(), 1U);
}

TEST_F(Story, the_wall_clock_is_stepped_around_a_tick) {
  struct Case {
    Duration set_at;  // after two; the tick is at three
    Duration step;
    std::vector<Duration> runs_after;  // from the step on; none for the run that was before it
  };
  const Duration before = 1h - 30s;
  const Duration after = 1h + 30s;
  const std::vector<Case> cases{
      {before, -4h, {4h + 30s}},
      {before, -1h, {1h + 30s}},
      {before, -1s, {31s}},
      {before, 1s, {29s}},
      {before, 1h, {0s}},
      {before, 4h, {}},
      {after, -4h, {3h + 59min + 30s}},
      {after, -1h, {}},
      {after, -1s, {}},
      {after, 1s, {}},
      {after, 1h, {}},
      {after, 4h, {}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(text::format_duration(c.step) + " at two and " + text::format_duration(c.set_at));
    SimStore own;
    World w(daemon_settings(), at("2026-11-23T02:00:00Z"), own);
    w.add(Hook::backups, "bkp", {.runs_for = 0s});
    w.start();
    w.advance(c.set_at);
    const std::size_t runs_before = w.runs().size();
    EXPECT_EQ(runs_before, c.set_at == after ? 1U : 0U);
    w.step_wall_clock(c.step);
    const WallTime stepped_at = w.now().wall;
    w.advance(5h);
    std::vector<Duration> runs_after;
    for (std::size_t i = runs_before; i < w.runs().size(); ++i) {
      runs_after.push_back(w.runs()[i].started_at - stepped_at);
    }
    EXPECT_EQ(runs_after, c.runs_after);
  }
}

TEST_F(Story, once_installs_then_runs_and_ends_with_the_outcome) {
  for (const int code : {0, 7}) {
    SimStore fresh;
    World w(core::Scheduler::Settings{}, at("2026-11-23T02:00:00Z"), fresh);
    w.add(Hook::install_dependencies, "apk");
    w.add(Hook::backups, "bkp", {.ends_with = exited_with(code)});
    w.start();
    w.advance(1min);
    EXPECT_EQ(w.started(), (Tags{"install_dependencies/apk", "backups/bkp"}));
    EXPECT_EQ(w.exit_code(), code == 0 ? 0 : 1);
    EXPECT_EQ(w.runs()[1].trigger, core::Trigger::manual);
  }
}

TEST_F(Story, once_reads_the_hooks_again_only_after_an_install) {
  World plain = world(core::Scheduler::Settings{});
  plain.add(Hook::backups, "bkp");
  plain.start();
  plain.advance(1min);
  EXPECT_EQ(plain.exit_code(), 0);
  EXPECT_EQ(plain.hook_readings(), 1);
  SimStore own;
  World installs(core::Scheduler::Settings{}, at("2026-11-23T02:00:00Z"), own);
  installs.add(Hook::install_dependencies, "tools");
  installs.add(Hook::backups, "bkp");
  installs.start();
  installs.advance(1min);
  EXPECT_EQ(installs.exit_code(), 0);
  EXPECT_EQ(installs.hook_readings(), 2);
}

TEST_F(Story, an_install_at_start_beside_a_run_ends_with_75) {
  World w = world();
  w.add(Hook::install_dependencies, "tools");
  store.begin_foreign_run();
  w.start();
  EXPECT_EQ(w.exit_code(), 75);
  EXPECT_TRUE(w.logged("4711"));
}

TEST_F(Story, once_that_is_told_to_end_ends_with_1) {
  World w = world(core::Scheduler::Settings{});
  w.add(Hook::backups, "bkp", {.runs_for = 10h});
  w.start();
  w.advance(1s);
  w.stop();
  w.advance(26s);
  EXPECT_EQ(w.exit_code(), 1);
}

TEST_F(Story, a_run_found_unfinished_at_the_next_start_is_lost_and_knows_its_steps) {
  {
    World w = world();
    w.add(Hook::before_backups, "a");
    w.add(Hook::backups, "bkp", {.runs_for = 10h});
    w.start();
    w.advance(61min);
    // Killed here: nothing more happens in this world.
  }
  World next(daemon_settings(), at("2026-11-24T02:00:00Z"), store);
  next.add(Hook::backups, "bkp");
  next.start();
  next.advance(2h);
  ASSERT_EQ(next.runs().size(), 2U);
  EXPECT_EQ(next.runs()[0].outcome, Outcome::lost);
  ASSERT_EQ(next.runs()[0].steps.size(), 2U);
  EXPECT_EQ(next.runs()[0].steps[0].outcome, StepOutcome::exited);
  EXPECT_EQ(next.runs()[0].steps[1].outcome, StepOutcome::running);
  EXPECT_EQ(next.runs()[1].outcome, Outcome::succeeded);
}

TEST_F(Story, on_error_hears_of_a_lost_run_at_the_next_start) {
  {
    World w = world();
    w.add(Hook::before_backups, "a");
    w.add(Hook::backups, "bkp", {.runs_for = 10h});
    w.start();
    w.advance(61min);
  }
  const std::string run_id = store.folder.history().begin()->second.run_id;
  {
    World next(daemon_settings(), at("2026-11-24T02:00:00Z"), store);
    next.add(Hook::install_dependencies, "curl");
    next.add(Hook::backups, "bkp");
    next.add(Hook::on_error, "mail");
    next.start();
    next.advance(1min);
    EXPECT_EQ(next.started(), (Tags{"install_dependencies/curl", "on_error/mail"}));
    const core::StartScript& told = next.starts[1];
    EXPECT_EQ(told.run_id, run_id);
    EXPECT_EQ(told.failure->message, "Run " + run_id + " was lost: the process that ran it was killed");
    EXPECT_TRUE(next.logged("on_error runs for the lost run " + run_id));
    const core::RunRecord lost = next.runs()[0];
    EXPECT_EQ(lost.outcome, Outcome::lost);
    EXPECT_EQ(lost.reason, "the process that ran it was killed");
    EXPECT_FALSE(lost.owed);
    ASSERT_EQ(lost.steps.size(), 3U);
    EXPECT_EQ(lost.steps[2].script, "/scripts/on_error/mail");
    next.advance(2h);
    EXPECT_EQ(next.runs().back().outcome, Outcome::succeeded);
  }
  World third(daemon_settings(), at("2026-11-24T06:00:00Z"), store);
  third.add(Hook::on_error, "mail");
  third.start();
  third.advance(1min);
  EXPECT_TRUE(third.started().empty());
}

TEST_F(Story, a_lost_run_stays_owed_until_on_error_was_over) {
  {
    World w = world();
    w.add(Hook::backups, "bkp", {.runs_for = 10h});
    w.start();
    w.advance(61min);
  }
  {
    World stopped(daemon_settings(), at("2026-11-24T02:00:00Z"), store);
    stopped.add(Hook::install_dependencies, "curl", {.runs_for = 10h});
    stopped.add(Hook::on_error, "mail");
    stopped.start();
    stopped.advance(1min);
    stopped.stop();
    stopped.stop();
    stopped.advance(1min);
    EXPECT_EQ(stopped.exit_code(), 0);
  }
  {
    World interrupted(daemon_settings(), at("2026-11-24T03:30:00Z"), store);
    interrupted.add(Hook::on_error, "mail", {.runs_for = 10h});
    interrupted.start();
    interrupted.advance(1min);
    interrupted.stop();
    interrupted.advance(1min);
    EXPECT_EQ(interrupted.exit_code(), 0);
  }
  {
    World killed(daemon_settings(), at("2026-11-24T04:00:00Z"), store);
    killed.add(Hook::on_error, "mail", {.runs_for = 10h});
    killed.start();
    killed.advance(1min);
    EXPECT_EQ(killed.started(), Tags{"on_error/mail"});
  }
  World last(daemon_settings(), at("2026-11-24T05:00:00Z"), store);
  last.add(Hook::on_error, "mail");
  last.start();
  last.advance(1min);
  EXPECT_EQ(last.started(), Tags{"on_error/mail"});
  EXPECT_EQ(last.runs()[0].outcome, Outcome::lost);
  EXPECT_FALSE(last.runs()[0].owed);
}

TEST_F(Story, an_install_that_was_lost_is_told_before_the_next_one_that_may_be_lost_too) {
  {
    World w = world();
    w.add(Hook::install_dependencies, "curl", {.runs_for = 10h});
    w.start();
    w.advance(1min);
  }
  World next(daemon_settings(), at("2026-11-23T02:30:00Z"), store);
  next.add(Hook::install_dependencies, "curl");
  next.add(Hook::on_error, "mail");
  next.start();
  next.advance(1min);
  EXPECT_EQ(next.started(), (Tags{"on_error/mail", "install_dependencies/curl"}));
  EXPECT_TRUE(next.logged("ready; "));
}

TEST_F(Story, a_lost_run_is_made_up_for_once_within_the_catch_up_or_as_a_retry) {
  struct Case {
    Duration catch_up;
    std::uint32_t retries;
    bool run_on_start;
    std::optional<core::Trigger> made_up;
  };
  for (const Case& c : {Case{0h, 0, false, std::nullopt}, Case{1h, 0, false, std::nullopt},
                        Case{24h, 0, false, core::Trigger::catch_up}, Case{0h, 1, false, core::Trigger::schedule},
                        Case{24h, 1, false, core::Trigger::schedule}, Case{24h, 1, true, core::Trigger::start}}) {
    SCOPED_TRACE(::testing::Message() << text::format_duration(c.catch_up) << ", " << c.retries << " retries");
    SimStore own;
    core::Scheduler::Settings settings = daemon_settings();
    settings.job.catch_up = c.catch_up;
    settings.job.retries = c.retries;
    settings.job.run_on_start = c.run_on_start;
    {
      World w(settings, at("2026-11-23T02:30:00Z"), own);
      w.add(Hook::backups, "bkp", {.runs_for = 25min});
      w.start();
      w.advance(31min);
    }
    // Lost again and again, as when a backup takes more memory than its pod may have.
    std::size_t tries = 0;
    for (int start = 1; start <= 4; ++start) {
      World next(settings, at("2026-11-23T05:00:00Z") + start * 1h, own);
      next.add(Hook::backups, "bkp", {.runs_for = 10h});
      next.add(Hook::on_error, "mail");
      next.start();
      next.advance(30min);
      tries += static_cast<std::size_t>(std::count(next.started().begin(), next.started().end(), "backups/bkp"));
      if (start > 1) continue;
      EXPECT_EQ(next.started()[0], "on_error/mail");
      if (!c.made_up) {
        EXPECT_EQ(next.started().size(), 1U);
        continue;
      }
      ASSERT_EQ(next.started().size(), 2U);
      EXPECT_EQ(next.starts[1].trigger, *c.made_up);
      EXPECT_EQ(next.starts[1].attempt, c.made_up == core::Trigger::schedule ? 2U : 1U);
    }
    EXPECT_EQ(tries, !c.made_up ? 0U : c.run_on_start ? 4U : c.retries > 0 && c.catch_up > 0h ? 3U : 1U);
  }
}

TEST_F(Story, what_sigterm_kept_from_its_end_is_made_up_for_within_the_catch_up) {
  for (const Duration lived : {Duration(60min - 20ms), Duration(61min)}) {
    for (const Duration catch_up : {Duration(0h), Duration(24h)}) {
      SCOPED_TRACE(text::format_duration(lived) + ", " + text::format_duration(catch_up));
      SimStore own;
      core::Scheduler::Settings settings = daemon_settings();
      settings.job.catch_up = catch_up;
      {
        World w(settings, at("2026-11-23T02:00:00Z"), own);
        w.add(Hook::backups, "bkp", {.runs_for = 10h});
        w.start();
        w.advance(lived);
        w.stop();
        w.advance(1min);
        EXPECT_EQ(w.exit_code(), 0);
      }
      {
        World next(settings, at("2026-11-23T05:00:00Z"), own);
        next.add(Hook::backups, "bkp");
        next.add(Hook::on_error, "mail");
        next.start();
        next.advance(1h);
        EXPECT_EQ(next.started(), catch_up == 0h ? Tags{} : Tags{"backups/bkp"});
        EXPECT_TRUE(next.missed().empty());
      }
      World third(settings, at("2026-11-23T08:00:00Z"), own);
      third.add(Hook::backups, "bkp");
      third.start();
      third.advance(1h);
      EXPECT_TRUE(third.started().empty());
    }
  }
}

// ---- what never answers, answers late, or does not die

TEST_F(Story, a_step_of_the_clock_is_noticed_whatever_happens_before_it_is_told) {
  for (const Duration step : {Duration(-720h), Duration(24h)}) {
    SCOPED_TRACE(text::format_duration(step));
    SimStore own;
    World w(daemon_settings(), at("2026-11-23T02:00:00Z"), own);
    w.add(Hook::backups, "bkp");
    w.start();
    w.advance(30min);
    w.step_wall_clock_untold(step);
    w.touch();
    w.tell_of_step();
    w.advance(31min);
    ASSERT_EQ(w.runs().size(), 1U) << "the next three o'clock is half an hour away";
    EXPECT_EQ(w.runs()[0].scheduled_at, at("2026-11-23T03:00:00Z") + step);
    EXPECT_EQ(w.missed().size(), step > 0s ? 1U : 0U);
  }
}

TEST_F(Story, a_script_that_outlives_sigkill_is_given_up_and_on_error_runs) {
  for (const bool stalls : {false, true}) {
    SCOPED_TRACE(stalls ? "its output cannot be passed on" : "it hangs in the kernel");
    SimStore own;
    core::Scheduler::Settings settings = daemon_settings();
    settings.job.script_timeout = 1min;
    World w(settings, at("2026-11-23T02:00:00Z"), own);
    w.add(Hook::backups, "hangs",
          {.runs_for = stalls ? Duration(1s) : Duration(240h), .survives_kill = !stalls, .stalls = stalls});
    w.add(Hook::on_error, "alert");
    w.start();
    w.advance(1h + 1min + core::term_patience + core::kill_patience + 1s);
    EXPECT_EQ(w.started(), (Tags{"backups/hangs", "on_error/alert"}));
    w.advance(24h);
    ASSERT_EQ(w.runs().size(), 2U) << "later ticks run";
    EXPECT_EQ(w.runs()[0].outcome, Outcome::failed);
    EXPECT_EQ(w.runs()[0].steps[0].outcome, StepOutcome::timed_out);
    EXPECT_NE(w.runs()[0].reason.find("did not end although it got SIGKILL"), std::string::npos);
  }
}

TEST_F(Story, term_ends_the_daemon_within_28_seconds_whatever_scripts_do) {
  for (const FakeScript& script :
       {FakeScript{.runs_for = 240h, .survives_kill = true}, FakeScript{.runs_for = 1s, .stalls = true},
        FakeScript{.runs_for = 240h,
        .ignores_term = true,
        .leaves_behind = 2,
        .left_ignore_term = true,
        .left_survive_kill = true}}) {
    SimStore own;
    World w(daemon_settings(), at("2026-11-23T02:00:00Z"), own);
    w.add(Hook::backups, "hangs", script);
    w.start();
    w.advance(61min);
    w.stop();
    w.advance(core::kubernetes_patience - core::last_words_patience);
    EXPECT_EQ(w.exit_code(), 0);
    ASSERT_EQ(w.runs().size(), 1U);
    EXPECT_EQ(w.runs()[0].outcome, Outcome::interrupted);
  }
}

TEST_F(Story, a_store_that_does_not_answer_fails_the_run_and_on_error_runs) {
  World w = world();
  w.add(Hook::backups, "bkp");
  w.add(Hook::on_error, "alert");
  w.start();
  w.store_takes = []() -> std::optional<Duration> { return std::nullopt; };
  w.advance(2h);
  EXPECT_EQ(w.started(), Tags{"on_error/alert"});
  EXPECT_EQ(w.starts[0].failure->message, "Run could not start: the state folder did not answer for 30 s");
  w.advance(24h);
  EXPECT_EQ(w.started(), (Tags{"on_error/alert", "on_error/alert"}));
  w.stop();
  w.advance(28s);
  EXPECT_EQ(w.exit_code(), 0);
}

TEST_F(Story, a_store_that_answers_late_gets_one_record_for_the_run) {
  World w = world();
  w.add(Hook::backups, "bkp");
  w.add(Hook::on_error, "alert", {.runs_for = 1min});
  w.start();
  w.store_takes = [] { return Duration(40s); };
  w.advance(2h);
  ASSERT_EQ(w.runs().size(), 1U);
  EXPECT_EQ(w.runs()[0].outcome, Outcome::failed);
  EXPECT_EQ(w.started(), Tags{"on_error/alert"});
}

TEST_F(Story, hooks_that_cannot_be_read_in_time_run_as_last_read) {
  World w = world();
  w.add(Hook::backups, "bkp");
  w.start();
  w.hooks_take = []() -> std::optional<Duration> { return std::nullopt; };
  w.advance(1h + 1min);
  EXPECT_EQ(w.started(), Tags{"backups/bkp"});
  EXPECT_EQ(w.runs()[0].steps[0].started_at, at("2026-11-23T03:00:00Z") + core::hooks_patience - core::tick_lead);
  w.advance(24h);
  EXPECT_EQ(w.runs().at(1).steps[0].started_at, at("2026-11-24T03:00:00Z"))
      << "nobody waits behind a reading that hangs";
  w.reload();
  EXPECT_EQ(w.reply_to(1), core::Reply::failed);
}

TEST_F(Story, a_late_answer_to_a_time_outs_signal_does_not_end_the_sweep) {
  core::Scheduler::Settings settings = daemon_settings();
  settings.job.script_timeout = 1min;
  World w = world(settings);
  w.add(Hook::backups, "hangs", {.runs_for = 240h, .leaves_behind = 1, .left_ignore_term = true});
  w.comes_twice = [] { return Duration(1s); };
  w.start();
  w.advance(1h + 1min + 2s);
  EXPECT_EQ(w.alive(), 1U);
  EXPECT_EQ(w.runs()[0].outcome, Outcome::running) << "what it left behind is still being ended";
  w.advance(5s);
  EXPECT_EQ(w.alive(), 0U);
  EXPECT_EQ(w.runs()[0].outcome, Outcome::failed);
}

TEST_F(Story, a_schedule_edited_between_a_tick_and_its_delayed_start_keeps_the_tick) {
  core::Scheduler::Settings settings = daemon_settings();
  settings.delay = 10min;
  World w = world(settings);
  w.add(Hook::backups, "bkp");
  w.start();
  w.advance(1h + 5min);
  w.change_schedule({"30 4 * * *", *cron::parse_cron("30 4 * * *"), cron::Zone()});
  w.advance(2h);
  ASSERT_EQ(w.runs().size(), 2U);
  EXPECT_EQ(w.runs()[0].scheduled_at, at("2026-11-23T03:00:00Z"));
  EXPECT_EQ(w.runs()[0].started_at, at("2026-11-23T03:10:00Z"));
  EXPECT_EQ(w.runs()[1].started_at, at("2026-11-23T04:40:00Z"));
}

// Else the folder would have the schedule settled beyond a tick of which it knows nothing.
TEST_F(Story, ticks_that_come_while_one_waits_for_the_hooks_are_recorded_after_it) {
  {
    World w = world(daemon_settings("*/2 * * * * *"));
    w.add(Hook::backups, "bkp");
    w.start();
    w.hooks_take = [] { return Duration(20s); };
    w.advance(8s);  // 02:00:02 waits for the hooks, 04, 06 and 08 came meanwhile; then it is killed
    EXPECT_EQ(w.log_of(LogLevel::warning).size(), 3U) << "one for each tick that is skipped";
  }
  World next(daemon_settings("*/2 * * * * *"), at("2026-11-23T02:00:09Z"), store);
  next.start();
  ASSERT_EQ(next.missed().size(), 1U);
  EXPECT_EQ(next.missed()[0].scheduled_at, at("2026-11-23T02:00:02Z"));
  EXPECT_EQ(next.missed()[0].last_scheduled_at, at("2026-11-23T02:00:08Z"));
  EXPECT_TRUE(next.skipped().empty());
}

TEST_F(Story, ticks_that_come_during_a_run_that_could_not_be_stored_are_recorded_after_it) {
  World w = world(daemon_settings("*/2 * * * * *"));
  w.add(Hook::backups, "bkp");
  w.add(Hook::on_error, "alert", {.runs_for = 5s});
  w.start();
  w.fail_call(2);  // the first is the reading of the hooks
  w.advance(7500ms);
  std::vector<WallTime> ticks;
  for (const auto& [sequence, record] : store.folder.history()) ticks.push_back(record.scheduled_at);
  EXPECT_EQ(ticks, (std::vector<WallTime>{at("2026-11-23T02:00:02Z"), at("2026-11-23T02:00:04Z"),
                                          at("2026-11-23T02:00:06Z")}));
  EXPECT_EQ(store.folder.schedule().settled_until, at("2026-11-23T02:00:06Z"));
}

TEST_F(Story, a_tick_that_comes_with_the_end_of_a_run_that_could_not_be_stored_is_recorded_after_the_earlier_ones) {
  World w = world(daemon_settings("*/2 * * * * *"));
  w.add(Hook::backups, "bkp");
  w.add(Hook::on_error, "alert", {.leaves_behind = 1, .left_survive_kill = true});
  w.start();
  w.fail_call(2);
  w.advance(3s);
  w.step_wall_clock_untold(10s);  // 02:00:13; the sweep ends at 02:00:23 with no event since
  w.advance(12s);
  WallTime last = at("2026-11-23T02:00:00Z");
  for (const auto& [sequence, record] : store.folder.history()) {
    EXPECT_GT(record.scheduled_at, last);
    last = record.last_scheduled_at.value_or(record.scheduled_at);
  }
  EXPECT_EQ(store.folder.schedule().settled_until, last);
}

TEST_F(Story, ticks_of_two_schedules_that_wait_for_their_delayed_start_are_both_dealt_with) {
  core::Scheduler::Settings settings = daemon_settings("0 * * * *");
  settings.delay = 40min;
  World w = world(settings);
  w.add(Hook::backups, "bkp");
  w.start();
  w.advance(1h + 5min);  // 03:00 is due at 03:40
  w.change_schedule({"10 * * * *", *cron::parse_cron("10 * * * *"), cron::Zone()});
  w.advance(10min);  // 03:10 is due at 03:50
  w.change_schedule({"0 6 * * *", *cron::parse_cron("0 6 * * *"), cron::Zone()});
  w.advance(1h);
  ASSERT_EQ(w.runs().size(), 2U);
  EXPECT_EQ(w.runs()[0].started_at, at("2026-11-23T03:40:00Z"));
  EXPECT_EQ(w.runs()[1].started_at, at("2026-11-23T03:50:00Z"));
}

TEST_F(Story, a_clock_that_is_set_back_by_a_moment_right_before_a_tick_does_not_start_it_early) {
  World w = world();
  w.add(Hook::backups, "bkp");
  w.start();
  w.hooks_take = [] { return Duration(10ms); };
  w.advance(1h - core::tick_lead);
  w.step_wall_clock_untold(-20ms);
  w.advance(1min);
  EXPECT_EQ(w.runs().at(0).steps.at(0).started_at, at("2026-11-23T03:00:00Z"));
}

TEST_F(Story, a_third_term_does_not_put_off_the_end) {
  World w = world();
  w.add(Hook::backups, "bkp", {.runs_for = 10h});
  w.start();
  w.advance(61min);
  w.store_takes = []() -> std::optional<Duration> { return std::nullopt; };
  w.stop();
  w.stop();
  w.advance(3s);
  w.stop();
  w.advance(3s);
  EXPECT_EQ(w.exit_code(), 0);
}

TEST_F(Story, ticks_that_a_machine_slept_through_are_recorded_though_the_schedule_changes_when_it_wakes) {
  World w = world(daemon_settings("*/10 * * * *"));
  w.add(Hook::backups, "bkp");
  w.start();
  w.step_wall_clock_untold(35min);  // to 02:35
  w.change_schedule({"0 4 * * *", *cron::parse_cron("0 4 * * *"), cron::Zone()});
  ASSERT_EQ(w.runs().size(), 1U);
  EXPECT_EQ(w.runs()[0].scheduled_at, at("2026-11-23T02:10:00Z"));
  ASSERT_EQ(w.missed().size(), 1U);
  EXPECT_EQ(w.missed()[0].scheduled_at, at("2026-11-23T02:20:00Z"));
  EXPECT_EQ(w.missed()[0].last_scheduled_at, at("2026-11-23T02:30:00Z"));
  w.advance(2h);
  EXPECT_EQ(w.runs().back().scheduled_at, at("2026-11-23T04:00:00Z"));
}

TEST_F(Story, woken_late_a_tick_whose_delayed_start_is_still_ahead_is_not_lost) {
  core::Scheduler::Settings settings = daemon_settings("0 * * * *");
  settings.delay = 30min;
  World w = world(settings);
  w.add(Hook::backups, "bkp", {.runs_for = 0s});
  w.start();
  w.advance(45min);
  w.step_wall_clock(2h + 30min);  // 05:15: 03:00 and 04:00 have passed with their delay, 05:00 is due at 05:30
  ASSERT_EQ(w.runs().size(), 1U);
  EXPECT_EQ(w.runs()[0].scheduled_at, at("2026-11-23T03:00:00Z"));
  ASSERT_EQ(w.missed().size(), 1U);
  EXPECT_EQ(w.missed()[0].scheduled_at, at("2026-11-23T04:00:00Z"));
  w.advance(16min);
  ASSERT_EQ(w.runs().size(), 2U);
  EXPECT_EQ(w.runs()[1].scheduled_at, at("2026-11-23T05:00:00Z"));
  EXPECT_EQ(w.runs()[1].started_at, at("2026-11-23T05:30:00Z"));
}

TEST_F(Story, ticks_that_a_far_step_of_the_clock_jumped_over_are_one_record_and_one_run_to_catch_up) {
  core::Scheduler::Settings settings = daemon_settings("0 * * * *");
  settings.job.catch_up = 2h;
  World w = world(settings);
  w.add(Hook::backups, "bkp");
  w.start();
  w.step_wall_clock(5h + 30min);
  ASSERT_EQ(w.missed().size(), 1U);
  EXPECT_EQ(w.missed()[0].scheduled_at, at("2026-11-23T03:00:00Z"));
  EXPECT_EQ(w.missed()[0].last_scheduled_at, at("2026-11-23T07:00:00Z"));
  EXPECT_EQ(w.missed()[0].ticks, 5U);
  EXPECT_TRUE(w.logged("5 ticks from 2026-11-23T03:00:00Z to 2026-11-23T07:00:00Z were missed"));
  w.advance(1min);
  ASSERT_EQ(w.runs().size(), 1U);
  EXPECT_EQ(w.runs()[0].trigger, core::Trigger::catch_up);
  EXPECT_EQ(w.runs()[0].scheduled_at, at("2026-11-23T06:00:00Z"));
}

TEST_F(Story, no_two_runs_share_an_id) {
  core::Scheduler::Settings settings = daemon_settings();
  settings.job.retries = 6;
  settings.job.retry_delay = 0s;
  World w = world(settings);
  w.add(Hook::backups, "bkp", {.runs_for = 0s, .ends_with = exited_with(1)});
  w.start();
  w.advance(2h);
  w.step_wall_clock(-4h);
  w.advance(4h);
  std::set<std::string> ids;
  for (const core::RunRecord& run : w.runs()) ids.insert(run.run_id);
  EXPECT_EQ(w.runs().size(), 14U);
  EXPECT_EQ(ids.size(), 14U);
}

TEST_F(Story, a_retry_that_meets_a_run_of_another_process_is_tried_again) {
  core::Scheduler::Settings settings = daemon_settings();
  settings.job.retries = 1;
  settings.job.retry_delay = 1min;
  World w = world(settings);
  w.add(Hook::backups, "bkp", {.runs_for = 0s, .ends_with = exited_with(1)});
  w.start();
  w.advance(1h + 1s);
  store.begin_foreign_run();
  w.advance(90s);
  EXPECT_EQ(w.runs().size(), 1U);
  store.end_foreign_run();
  w.advance(1min);
  ASSERT_EQ(w.runs().size(), 2U);
  EXPECT_EQ(w.runs()[1].attempt, 2U);
}

TEST_F(Story, no_run_takes_negative_time_when_the_wall_clock_is_set_back_under_it) {
  World w = world();
  w.add(Hook::before_backups, "a", {.runs_for = 10min});
  w.add(Hook::backups, "bkp", {.runs_for = 10min});
  w.start();
  w.advance(65min);
  w.step_wall_clock(-30min);
  w.advance(20min);
  ASSERT_EQ(w.runs().size(), 1U);
  EXPECT_EQ(*w.runs()[0].finished_at - w.runs()[0].started_at, Duration(20min));
  EXPECT_EQ(w.runs()[0].steps[1].started_at, at("2026-11-23T03:10:00Z"));
}

TEST_F(Story, a_settle_time_above_two_seconds_counts) {
  core::Scheduler::Settings settings = daemon_settings();
  settings.hooks.settle = 10s;
  World w = world(settings);
  w.add(Hook::backups, "bkp");
  w.watch(core::HooksWatched::By::events);
  w.start();
  w.touch();
  w.advance(9900ms);
  EXPECT_EQ(w.hook_readings(), 1);
  w.advance(200ms);
  EXPECT_EQ(w.hook_readings(), 2);
}

TEST_F(Story, a_tick_during_install_dependencies_is_skipped) {
  World w = world(daemon_settings("*/10 * * * *"));
  w.add(Hook::install_dependencies, "slow", {.runs_for = 15min});
  w.add(Hook::backups, "bkp");
  w.start();
  w.advance(21min);
  ASSERT_EQ(w.skipped().size(), 1U);
  EXPECT_EQ(w.skipped()[0].reason, "install_dependencies is running");
  EXPECT_EQ(w.started(), (Tags{"install_dependencies/slow", "backups/bkp"}));
}

TEST_F(Story, a_request_gets_one_answer) {
  World w = world();
  w.add(Hook::backups, "bkp", {.runs_for = 1min});
  w.start();
  w.request_run();
  w.request_run();
  EXPECT_EQ(w.reply_to(2), core::Reply::busy);
  w.advance(2min);
  EXPECT_EQ(w.reply_to(1), core::Reply::done);
  w.add(Hook::backups, "bkp", {.ends_with = exited_with(1)});
  w.request_run();
  w.advance(2min);
  EXPECT_EQ(w.reply_to(3), core::Reply::failed);
  w.add(Hook::backups, "bkp", {.runs_for = 10s});
  w.request_run();
  w.stop();
  w.request_run();
  EXPECT_EQ(w.reply_to(6), core::Reply::stopping);
  w.advance(1min);
  EXPECT_EQ(w.reply_to(4), core::Reply::done);
  EXPECT_EQ(w.reply_to(5), core::Reply::done) << "that of SIGTERM";
}

TEST_F(Story, a_script_that_timed_out_before_the_grace_was_over_has_failed) {
  core::Scheduler::Settings settings = daemon_settings();
  settings.job.script_timeout = 14s;
  World w = world(settings);
  w.add(Hook::backups, "hangs", {.runs_for = 1h, .ignores_term = true});
  w.add(Hook::on_error, "alert");
  w.start();
  w.advance(1h);
  w.stop();
  w.advance(30s);
  EXPECT_EQ(w.exit_code(), 0);
  ASSERT_EQ(w.runs().size(), 1U);
  EXPECT_EQ(w.runs()[0].outcome, Outcome::failed);
  EXPECT_EQ(w.started(), Tags{"backups/hangs"}) << "nothing starts any more";
}

TEST_F(Story, an_install_that_succeeds_after_term_makes_nothing_ready) {
  World w = world();
  w.add(Hook::install_dependencies, "tools", {.runs_for = 10s});
  w.start();
  w.advance(1s);
  w.stop();
  w.advance(20s);
  EXPECT_EQ(w.exit_code(), 0);
  EXPECT_FALSE(w.logged("ready"));
}

}  // namespace
}  // namespace sidefridge::sim
