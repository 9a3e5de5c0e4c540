// sim_world.h - a world for the scheduler without clock, process or disk: everything happens when a story says so.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sidefridge/core/event.h"
#include "sidefridge/core/run_record.h"
#include "sidefridge/core/scheduler.h"

namespace sidefridge::sim {

/// How a script behaves each time it runs.
struct FakeScript {
  Duration runs_for = std::chrono::seconds(1);
  ExitStatus ends_with{};
  bool ignores_term = false;
  bool cannot_start = false;
  int leaves_behind = 0;  // background processes that never end by themselves
  bool left_ignore_term = false;
  bool left_survive_kill = false;  // as one that hangs in the kernel
  std::uint64_t version = 1;       // of its content
};

/// What a state folder would hold: outlives the daemon, so stories can crash it and start another.
struct SimStore {
  std::map<std::uint64_t, core::RunRecord> history;
  std::map<std::string, std::map<std::size_t, core::StepRecord>> namespaces;  // of runs going on: steps saved
  bool foreign_run = false;                                                   // another process holds the run lock
};

/// Thrown in place of an action, as SIGKILL would come: the world must not be used any more, its store may.
struct Crash {};

class SimWorld {
public:
  SimWorld(core::Scheduler::Settings settings, WallTime start, SimStore& store);

  void add(core::Hook hook, const std::string& name, FakeScript script = {});
  void remove(core::Hook hook, const std::string& name);

  void start() { deliver(core::Begun{}); }
  void stop() { deliver(core::StopRequested{}); }
  void reload() { deliver(core::ReloadRequested{}); }
  void touch() { deliver(core::HooksTouched{}); }
  /// From here on changes of the hooks are heard of, or not.
  void watch(core::HooksWatched::By by) { deliver(core::HooksWatched{by}); }
  void change_schedule(cron::Schedule schedule) { deliver(core::ScheduleRead{std::move(schedule)}); }
  /// Lets time pass; whatever is due happens in order.
  void advance(Duration by);
  /// Sets the wall clock, as an administrator or NTP would.
  void step_wall_clock(Duration by);

  Duration begin_takes{};  // what the disk needs to store an intent

  // Faults. Counts are of calls from now on; 1 is the next.
  void crash_at_action(int count) { crash_in_ = count; }
  void fail_call(int count) { fail_in_ = count; }
  bool fault_is_spent() const { return fail_in_ <= 0; }
  int actions_done() const { return actions_done_; }

  // What happened.
  Now now() const { return now_; }
  const core::Scheduler& scheduler() const { return scheduler_; }
  const std::vector<std::string>& started() const { return started_; }  // tags, in order
  std::vector<core::StartScript> starts;                                // the same, whole
  std::vector<core::RunRecord> runs() const;                            // all but skipped ticks, in order
  std::vector<core::RunRecord> skipped() const;
  int hook_readings() const { return hook_readings_; }
  std::optional<int> exit_code() const { return exit_code_; }
  std::size_t alive() const { return processes_.size(); }
  std::vector<std::string> log_of(core::LogLevel level) const;
  bool logged(const std::string& part) const;

private:
  struct Process {
    int script;  // whose: the number of its script's start
    std::string run_id;
    bool is_script = false;
    std::optional<MonoTime> ends_at;
    ExitStatus ends_with;
    bool ignores_term = false;
    bool survives_kill = false;
  };

  void deliver(core::Event event);
  void end_process(int pid, ExitStatus status);
  void check_invariants() const;
  bool call_fails();

  void carry_out(const core::ReadHooks&);
  void carry_out(const core::BeginRun&);
  void carry_out(const core::SaveSteps&);
  void carry_out(const core::StartScript&);
  void carry_out(const core::EndProcesses&);
  void carry_out(const core::FinishRun&);
  void carry_out(const core::RecordSkip&);
  void carry_out(const core::Log&);
  void carry_out(const core::Exit&);

  core::Scheduler scheduler_;
  Now now_;
  SimStore& store_;
  std::map<core::Hook, std::map<std::string, FakeScript>> scripts_;
  std::map<int, Process> processes_;
  int next_pid_ = 100;
  std::deque<core::Event> events_;
  std::vector<std::string> started_;
  std::vector<core::Log> log_;
  std::set<WallTime> ticks_run_;
  std::optional<int> exit_code_;
  int actions_done_ = 0;
  int hook_readings_ = 0;
  int crash_in_ = 0;
  int fail_in_ = 0;
  int far_steps_back_ = 0;
  bool stepped_back_since_begin_ = false;
};

}  // namespace sidefridge::sim
