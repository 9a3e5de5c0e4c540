// run_test.cc - every cell of a run: what comes next after which end.
#include "sidefridge/core/run.h"

#include <gtest/gtest.h>

#include <csignal>
#include <string>
#include <vector>

namespace sidefridge::core {
namespace {

using Tags = std::vector<std::string>;

const Job& backup = job_of(JobId::backup);

HookSet hooks_with(const std::vector<Script>& scripts) {
  HookSet hooks;
  for (const Hook hook : all_hooks) {
    std::vector<Script> of_hook;
    for (const Script& script : scripts) {
      if (script.hook == hook) of_hook.push_back(script);
    }
    hooks.assign(hook, std::move(of_hook));
  }
  return hooks;
}

Script script(Hook hook, const std::string& name) {
  return {hook, name, "/scripts/" + std::string(name_of(hook)) + "/" + name};
}

/// One script in every hook.
HookSet one_each() {
  std::vector<Script> scripts;
  for (const Hook hook : all_hooks) scripts.push_back(script(hook, "x"));
  return hooks_with(scripts);
}

RunRecord record_for(Trigger trigger) {
  RunRecord record;
  record.trigger = trigger;
  return record;
}

ScriptResult exited(int code) {
  ScriptResult result;
  result.code = code;
  return result;
}

ScriptResult other(StepOutcome outcome, const std::string& detail) {
  ScriptResult result;
  result.outcome = outcome;
  result.detail = detail;
  return result;
}

/// Runs to the end; the script with tag `failing` ends with `result`, all others with 0.
Tags play(Run& run, const std::string& failing = "", const ScriptResult& result = {}) {
  Tags played;
  while (const Script* next = run.next_script()) {
    const std::string tag = next->tag();
    played.push_back(tag);
    run.on_started(WallTime{});
    run.on_ended(tag == failing ? result : ScriptResult{}, Duration{1});
  }
  run.finish(WallTime{Duration{9}});
  return played;
}

TEST(Run, of_the_backup_job_takes_the_three_backup_hooks_whatever_the_trigger) {
  for (const Trigger trigger : {Trigger::schedule, Trigger::manual, Trigger::catch_up, Trigger::start}) {
    core::Run run(record_for(trigger), backup, one_each());
    EXPECT_EQ(play(run), (Tags{"before_backups/x", "backups/x", "after_backups/x"}));
    EXPECT_EQ(run.record().outcome, Outcome::succeeded);
    EXPECT_TRUE(run.record().reason.empty());
    EXPECT_EQ(run.record().finished_at, WallTime{Duration{9}});
  }
}

TEST(Run, of_the_install_job_takes_install_dependencies_alone) {
  core::Run run(record_for(Trigger::install), job_of(JobId::install), one_each());
  EXPECT_EQ(play(run), Tags{"install_dependencies/x"});
}

TEST(Run, without_scripts_succeeds) {
  core::Run run(record_for(Trigger::manual), backup, HookSet{});
  EXPECT_TRUE(play(run).empty());
  EXPECT_EQ(run.record().outcome, Outcome::succeeded);
}

TEST(Run, turns_to_on_error_after_a_failure_of_any_kind_in_any_hook) {
  const std::vector<ScriptResult> failures{exited(1), exited(255), other(StepOutcome::signalled, ""),
                                           other(StepOutcome::not_started, "why"),
                                           other(StepOutcome::timed_out, "why")};
  const Tags chain{"before_backups/x", "backups/x", "after_backups/x"};
  for (std::size_t i = 0; i < chain.size(); ++i) {
    for (const ScriptResult& failure : failures) {
      core::Run run(record_for(Trigger::schedule), backup, one_each());
      Tags expected(chain.begin(), chain.begin() + static_cast<std::ptrdiff_t>(i) + 1);
      expected.push_back("on_error/x");
      EXPECT_EQ(play(run, chain[i], failure), expected);
      EXPECT_EQ(run.record().outcome, Outcome::failed);
      EXPECT_EQ(run.record().reason, run.failure()->message);
      EXPECT_EQ(run.failure()->script->tag(), chain[i]);
      EXPECT_EQ(run.record().steps[i].outcome, failure.outcome);
    }
  }
}

TEST(Run, keeps_the_first_failure_when_on_error_fails_too) {
  const HookSet hooks =
      hooks_with({script(Hook::backups, "x"), script(Hook::on_error, "1"), script(Hook::on_error, "2")});
  core::Run run(record_for(Trigger::schedule), backup, hooks);
  for (const int code : {3, 4, 5}) {
    run.on_started(WallTime{});
    run.on_ended(exited(code), Duration{});
  }
  EXPECT_EQ(run.next_script(), nullptr);
  run.finish(WallTime{});
  EXPECT_EQ(run.record().reason, "Script '/scripts/backups/x' finished with exit code '3'");
}

TEST(Run, that_fails_before_its_first_script_turns_to_on_error) {
  core::Run run(record_for(Trigger::schedule), backup, one_each());
  run.fail("Run could not start: no space left");
  EXPECT_EQ(play(run), Tags{"on_error/x"});
  EXPECT_FALSE(run.failure()->script);
  EXPECT_EQ(run.record().reason, "Run could not start: no space left");
}

TEST(Run, that_is_interrupted_starts_nothing_more) {
  core::Run run(record_for(Trigger::schedule), backup, one_each());
  run.on_started(WallTime{});
  run.interrupt("SIGTERM");
  run.interrupt("again");
  run.on_ended(other(StepOutcome::interrupted, "SIGTERM"), Duration{});
  EXPECT_EQ(run.next_script(), nullptr);
  run.finish(WallTime{});
  EXPECT_EQ(run.record().outcome, Outcome::interrupted);
  EXPECT_EQ(run.record().reason, "SIGTERM");
}

TEST(Run, that_failed_before_it_was_interrupted_stays_failed) {
  core::Run run(record_for(Trigger::schedule), backup, one_each());
  run.on_started(WallTime{});
  run.on_ended(exited(1), Duration{});
  run.interrupt("SIGTERM");
  EXPECT_EQ(run.next_script(), nullptr);
  run.finish(WallTime{});
  EXPECT_EQ(run.record().outcome, Outcome::failed);
}

TEST(Run, of_the_install_job_that_fails_turns_to_on_error) {
  core::Run run(record_for(Trigger::install), job_of(JobId::install), one_each());
  EXPECT_EQ(play(run, "install_dependencies/x", exited(1)), (Tags{"install_dependencies/x", "on_error/x"}));
  EXPECT_EQ(run.record().outcome, Outcome::failed);
}

TEST(Job, has_stages_that_end_with_on_error) {
  for (const JobId id : {JobId::backup, JobId::install}) {
    const Job& job = job_of(id);
    EXPECT_EQ(job.id, id);
    EXPECT_EQ(job.stages.back().hook, Hook::on_error);
    for (const Stage& stage : job.stages) {
      EXPECT_EQ(stage.role == StageRole::on_failure, stage.hook == Hook::on_error) << name_of(stage.hook);
    }
  }
}

TEST(FailureMessage, says_how_the_script_ended) {
  const Script bkp = script(Hook::backups, "bkp");
  EXPECT_EQ(failure_message(bkp, exited(3)), "Script '/scripts/backups/bkp' finished with exit code '3'");
  EXPECT_EQ(failure_message(bkp, result_of({ExitStatus::Kind::signalled, SIGKILL}, "")),
            "Script '/scripts/backups/bkp' was killed by signal 'SIGKILL'");
  EXPECT_EQ(failure_message(bkp, other(StepOutcome::not_started, "no sh")),
            "Script '/scripts/backups/bkp' could not be started: no sh");
  EXPECT_EQ(failure_message(bkp, other(StepOutcome::timed_out, "too long")),
            "Script '/scripts/backups/bkp' timed out: too long");
  EXPECT_EQ(failure_message(bkp, other(StepOutcome::interrupted, "SIGTERM came twice")),
            "Script '/scripts/backups/bkp' was interrupted: SIGTERM came twice");
}

TEST(HookSet, sorts_scripts_by_the_bytes_of_their_names) {
  HookSet hooks;
  hooks.assign(Hook::backups, {script(Hook::backups, "b"), script(Hook::backups, "\xc3\xa9"),
                               script(Hook::backups, "B"), script(Hook::backups, "10"), script(Hook::backups, "9")});
  Tags names;
  for (const Script& found : hooks.scripts(Hook::backups)) names.push_back(found.name);
  EXPECT_EQ(names, (Tags{"10", "9", "B", "b", "\xc3\xa9"}));
}

TEST(Hook, has_a_name_that_leads_back_to_it) {
  for (const Hook hook : all_hooks) EXPECT_EQ(parse_hook(name_of(hook)), hook);
  EXPECT_FALSE(parse_hook("before_backup"));
  EXPECT_FALSE(parse_hook(""));
}

}  // namespace
}  // namespace sidefridge::core
