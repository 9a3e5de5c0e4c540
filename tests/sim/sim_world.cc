// sim_world.cc - what the fake world answers, and what must hold in it at all times.
#include "tests/sim/sim_world.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <utility>

namespace sidefridge::sim {

using core::Outcome;

SimWorld::SimWorld(core::Scheduler::Settings settings, WallTime start, SimStore& store)
    : scheduler_(std::move(settings)), now_{start, MonoTime(std::chrono::hours(1))}, store_(store) {}

void SimWorld::add(core::Hook hook, const std::string& name, FakeScript script) {
  scripts_[hook][name] = script;
}

void SimWorld::remove(core::Hook hook, const std::string& name) {
  scripts_[hook].erase(name);
}

std::vector<core::RunRecord> SimWorld::runs() const {
  std::vector<core::RunRecord> found;
  for (const auto& [sequence, record] : store_.history) {
    if (record.outcome != Outcome::skipped) found.push_back(record);
  }
  return found;
}

std::vector<core::RunRecord> SimWorld::skipped() const {
  std::vector<core::RunRecord> found;
  for (const auto& [sequence, record] : store_.history) {
    if (record.outcome == Outcome::skipped) found.push_back(record);
  }
  return found;
}

std::vector<std::string> SimWorld::log_of(core::LogLevel level) const {
  std::vector<std::string> found;
  for (const core::Log& line : log_) {
    if (line.level == level) found.push_back(line.text);
  }
  return found;
}

bool SimWorld::logged(const std::string& part) const {
  return std::any_of(log_.begin(), log_.end(),
                     [&](const core::Log& line) { return line.text.find(part) != std::string::npos; });
}

void SimWorld::deliver(core::Event event) {
  events_.push_back(std::move(event));
  while (!events_.empty()) {
    const core::Event next = std::move(events_.front());
    events_.pop_front();
    const bool was_gone = exit_code_.has_value();
    const std::vector<core::Action> actions = scheduler_.on(next, now_);
    EXPECT_TRUE(!was_gone || actions.empty()) << "nothing happens after the exit";
    for (const core::Action& action : actions) {
      if (crash_in_ > 0 && --crash_in_ == 0) throw Crash{};
      ++actions_done_;
      std::visit([this](const auto& asked) { carry_out(asked); }, action);
    }
    check_invariants();
  }
}

void SimWorld::advance(Duration by) {
  const MonoTime until = now_.mono + by;
  while (!exit_code_) {
    std::optional<MonoTime> next = scheduler_.mono_deadline();
    if (const std::optional<WallTime> wall = scheduler_.wall_deadline()) {
      const MonoTime at = now_.mono + (*wall - now_.wall);
      if (!next || at < *next) next = at;
    }
    int ending = 0;
    for (const auto& [pid, process] : processes_) {
      if (process.ends_at && (!next || *process.ends_at <= *next)) {
        next = process.ends_at;
        ending = pid;
      }
    }
    if (!next || *next > until) break;
    if (*next > now_.mono) {
      now_.wall += *next - now_.mono;
      now_.mono = *next;
    }
    if (ending != 0) {
      end_process(ending, processes_.at(ending).ends_with);
    } else {
      deliver(core::TimePassed{});
    }
  }
  now_.wall += until - now_.mono;
  now_.mono = until;
}

void SimWorld::step_wall_clock(Duration by) {
  now_.wall += by;
  if (by < Duration::zero()) stepped_back_since_begin_ = true;
  if (by <= -cron::clock_step_limit) ++far_steps_back_;
  deliver(core::ClockStepped{});
}

void SimWorld::end_process(int pid, ExitStatus status) {
  const Process process = processes_.at(pid);
  processes_.erase(pid);
  if (process.is_script) {
    deliver(core::ScriptEnded{
        core::result_of(status, "stderr of " + started_.at(static_cast<std::size_t>(process.script)))});
  } else {
    deliver(core::OrphansReaped{});
  }
}

void SimWorld::check_invariants() const {
  const auto scripts =
      std::count_if(processes_.begin(), processes_.end(), [](const auto& entry) { return entry.second.is_script; });
  EXPECT_LE(scripts, 1) << "one script at a time";
  // An older one would have become lost when the next began.
  int unfinished = 0;
  int looked_at = 0;
  for (auto entry = store_.history.rbegin(); entry != store_.history.rend() && looked_at < 8; ++entry, ++looked_at) {
    if (entry->second.outcome == Outcome::running) ++unfinished;
  }
  EXPECT_LE(unfinished, 1) << "one run at a time";
  EXPECT_LE(store_.namespaces.size(), 1U) << "a namespace is gone with its run";
  if (exit_code_) {
    EXPECT_EQ(unfinished, 0) << "every run that began has its final record";
    EXPECT_TRUE(store_.namespaces.empty());
    for (const auto& [pid, process] : processes_) EXPECT_TRUE(process.survives_kill) << "nothing outlives the daemon";
  }
}

bool SimWorld::call_fails() {
  return fail_in_ > 0 && --fail_in_ == 0;
}

void SimWorld::carry_out(const core::ReadHooks&) {
  ++hook_readings_;
  if (call_fails()) {
    events_.push_back(core::HooksUnreadable{Error{ErrorCode::io, "folder '/scripts': no luck"}});
    return;
  }
  core::HooksRead read;
  for (const auto& [hook, scripts] : scripts_) {
    std::vector<core::Script> found;
    std::uint64_t digest = 1;
    for (const auto& [name, script] : scripts) {
      const std::string path = "/scripts/" + std::string(core::name_of(hook)) + "/" + name;
      found.push_back(core::Script{hook, name, path, path, script.version});
      digest = digest * 1009 + std::hash<std::string>{}(name) + script.version;
    }
    read.hooks.assign(hook, std::move(found), digest);
  }
  if (read.hooks.scripts(core::Hook::backups).empty()) read.warnings.push_back("nothing to back up");
  events_.push_back(std::move(read));
}

void SimWorld::carry_out(const core::BeginRun& action) {
  if (store_.foreign_run) {
    events_.push_back(core::RunBusy{4711});
    return;
  }
  for (const auto& left : store_.namespaces) {
    const auto lost = std::find_if(store_.history.rbegin(), store_.history.rend(),
                                   [&](const auto& entry) { return entry.second.run_id == left.first; });
    if (lost == store_.history.rend()) continue;
    lost->second.outcome = Outcome::lost;
    for (const auto& [index, step] : left.second) lost->second.steps.push_back(step);
  }
  store_.namespaces.clear();
  if (call_fails()) {
    events_.push_back(core::RunUnrecorded{Error{ErrorCode::full, "no space left"}});
    return;
  }
  if (action.record.trigger == core::Trigger::schedule) {
    const bool first = ticks_run_.insert(action.record.scheduled_at).second;
    EXPECT_TRUE(first || far_steps_back_ > 0 || action.record.attempt > 1) << "no instant runs twice";
    EXPECT_LE(action.record.scheduled_at, now_.wall + core::tick_lead);
    stepped_back_since_begin_ = false;
  }
  now_.wall += begin_takes;
  now_.mono += begin_takes;
  const std::uint64_t sequence = store_.history.empty() ? 1 : store_.history.rbegin()->first + 1;
  store_.history[sequence] = action.record;
  store_.history[sequence].sequence = sequence;
  store_.namespaces[action.record.run_id] = {};
  events_.push_back(core::RunBegun{sequence});
}

void SimWorld::carry_out(const core::SaveSteps& action) {
  const auto run = store_.namespaces.find(action.run_id);
  if (run == store_.namespaces.end()) return;
  for (std::size_t i = 0; i < action.steps.size(); ++i) run->second[action.first + i] = action.steps[i];
}

void SimWorld::carry_out(const core::StartScript& action) {
  EXPECT_TRUE(stepped_back_since_begin_ || action.scheduled_at <= now_.wall) << "no script starts before its tick";
  const FakeScript& script = scripts_.at(action.script.hook).at(action.script.name);
  starts.push_back(action);
  started_.push_back(action.script.tag());
  const int number = static_cast<int>(started_.size()) - 1;
  if (script.cannot_start || call_fails()) {
    core::ScriptResult result;
    result.outcome = core::StepOutcome::not_started;
    result.code = 127;
    result.detail = "the system allows no more processes";
    events_.push_back(core::ScriptEnded{result});
    return;
  }
  Process main;
  main.script = number;
  main.run_id = action.run_id;
  main.is_script = true;
  main.ends_at = now_.mono + script.runs_for;
  main.ends_with = script.ends_with;
  main.ignores_term = script.ignores_term;
  processes_[next_pid_++] = main;
  for (int i = 0; i < script.leaves_behind; ++i) {
    Process left;
    left.script = number;
    left.run_id = action.run_id;
    left.ignores_term = script.left_ignore_term;
    left.survives_kill = script.left_survive_kill;
    processes_[next_pid_++] = left;
  }
}

void SimWorld::carry_out(const core::EndProcesses& action) {
  core::ProcessesAlive alive;
  const std::string run_id = starts.empty() ? std::string() : starts.back().run_id;
  const int script = static_cast<int>(started_.size()) - 1;
  for (auto& [pid, process] : processes_) {
    if (action.scope == core::Scope::script && process.script != script) continue;
    if (action.scope == core::Scope::run && process.run_id != run_id) continue;
    alive.processes.push_back("fake (pid " + std::to_string(pid) + ")");
    // Signalled processes end a moment later, as real ones do.
    if (action.send == core::Send::term && !process.ignores_term) {
      process.ends_at = now_.mono;
      process.ends_with = {ExitStatus::Kind::signalled, SIGTERM};
    }
    if (action.send == core::Send::kill && !process.survives_kill) {
      process.ends_at = now_.mono;
      process.ends_with = {ExitStatus::Kind::signalled, SIGKILL};
    }
  }
  events_.push_back(std::move(alive));
}

void SimWorld::carry_out(const core::FinishRun& action) {
  EXPECT_NE(action.record.outcome, Outcome::running) << "a final record is final";
  const std::uint64_t sequence = action.record.sequence != 0 ? action.record.sequence
                                 : store_.history.empty()    ? 1
                                                             : store_.history.rbegin()->first + 1;
  EXPECT_TRUE(!store_.history.contains(sequence) || store_.history[sequence].outcome == Outcome::running)
      << "exactly one final record a run";
  store_.history[sequence] = action.record;
  store_.namespaces.erase(action.record.run_id);
}

void SimWorld::carry_out(const core::RecordSkip& action) {
  const std::uint64_t sequence = store_.history.empty() ? 1 : store_.history.rbegin()->first + 1;
  store_.history[sequence] = action.record;
}

void SimWorld::carry_out(const core::Log& action) {
  log_.push_back(action);
}

void SimWorld::carry_out(const core::Exit& action) {
  exit_code_ = action.code;
}

}  // namespace sidefridge::sim
