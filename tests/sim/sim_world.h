// sim_world.h - a world for the scheduler without clock, process or disk: everything happens when a story says so.
//
// The scheduler and the run book are the real ones; the book keeps a state folder in memory. What the daemon does off
// its loop, storing and reading hooks, are two lanes here, too: first in, first out, each job as late as the story has
// it.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sidefridge/core/event.h"
#include "sidefridge/core/run_book.h"
#include "sidefridge/core/run_record.h"
#include "sidefridge/core/scheduler.h"
#include "tests/sim/memory_store.h"
#include "tests/sim/tick_ledger.h"

namespace sidefridge::sim {

/// How a script behaves each time it runs.
struct FakeScript {
  Duration runs_for = std::chrono::seconds(1);
  ExitStatus ends_with{};
  bool ignores_term = false;
  bool survives_kill = false;  // as one that hangs in the kernel
  bool stalls = false;         // its process ends, but what it wrote cannot be passed on
  bool cannot_start = false;
  int feeds = 0;  // processes that read what it writes: it is over when they are
  Duration fed_run_for = std::chrono::seconds(1);
  ExitStatus fed_end_with{};
  int leaves_behind = 0;  // background processes that never end by themselves
  bool left_ignore_term = false;
  bool left_survive_kill = false;
  std::uint64_t version = 1;  // of its content
};

using HookTree = std::map<core::Hook, std::map<std::string, FakeScript>>;

/// What a state folder would hold: outlives the daemon, so stories can crash it and start another.
struct SimStore {
  MemoryStore folder;
  TickLedger ledger;

  /// Another process runs something in the folder, from now on or no longer.
  void begin_foreign_run();
  void end_foreign_run() { foreign_.reset(); }
  bool foreign_run() const { return foreign_ != nullptr; }

private:
  std::unique_ptr<core::RunStore> foreign_;
};

/// Thrown in place of an action, as SIGKILL would come: the world must not be used any more, its store may.
struct Crash {};

/// What a daemon, or `once`, has opened before it begins.
struct OpenBook {
  core::RunBook book;
  std::optional<WallTime> settled_until;  // of a daemon
  std::vector<core::RunRecord> owed;      // to it
};

/// Opens the book of `store` at `start`. Errors: those of RunBook::open and of what a daemon notes in it.
Result<OpenBook> open_book(SimStore& store, core::RunBook::Owner owner, WallTime start, int pid = 1);

class SimWorld {
public:
  /// Opens the book of `store`. Requires: that succeeds.
  SimWorld(core::Scheduler::Settings settings, WallTime start, SimStore& store);
  SimWorld(core::Scheduler::Settings settings, WallTime start, SimStore& store, OpenBook opened);

  HookTree scripts;
  void add(core::Hook hook, const std::string& name, FakeScript script = {}) { scripts[hook][name] = script; }
  void remove(core::Hook hook, const std::string& name) { scripts[hook].erase(name); }

  /// Without a schedule one run is requested, as `once` does.
  void start();
  void stop();
  void reload();
  void request_run();
  void touch() { deliver(core::HooksTouched{}); }
  /// From here on changes of the hooks are heard of, or not.
  void watch(core::HooksWatched::By by) { deliver(core::HooksWatched{by}); }
  void change_schedule(cron::Schedule schedule) { deliver(core::ScheduleRead{std::move(schedule)}); }
  void spoil_schedule() { deliver(core::ScheduleUnreadable{Error{ErrorCode::invalid, "no schedule"}}); }
  /// Lets time pass; whatever is due happens in order.
  void advance(Duration by);
  /// Sets the wall clock, as an administrator, NTP or a machine that slept would; it is told of at once, later, or not.
  void step_wall_clock(Duration by);
  void step_wall_clock_untold(Duration by);
  void tell_of_step() { deliver(core::ClockStepped{}); }

  // How late answers come: of the job that is given to a lane now. Nothing: it never ends, and neither do those behind.
  std::function<std::optional<Duration>()> store_takes = [] { return Duration::zero(); };
  std::function<std::optional<Duration>()> hooks_take = [] { return Duration::zero(); };
  /// Whether the answer that is delivered now comes once more, and how much later.
  std::function<std::optional<Duration>()> comes_twice = [] { return std::optional<Duration>(); };

  // Faults. Counts are of calls from now on; 1 is the next.
  void crash_at_action(int count) { crash_in_ = count; }
  void fail_call(int count) { fail_in_ = count; }
  bool fault_is_spent() const { return fail_in_ <= 0; }

  // What happened.
  Now now() const { return now_; }
  const core::Scheduler& scheduler() const { return scheduler_; }
  const std::vector<std::string>& started() const { return started_; }  // tags, in order
  std::vector<core::StartScript> starts;                                // the same, whole
  std::vector<core::RunRecord> runs() const;                            // all that began, or were to, in order
  std::vector<core::RunRecord> skipped() const;
  std::vector<core::RunRecord> missed() const;
  int hook_readings() const { return hook_readings_; }
  std::optional<int> exit_code() const { return exit_code_; }
  std::optional<core::Reply> reply_to(std::uint64_t request) const;
  std::size_t alive() const { return processes_.size(); }
  std::vector<std::string> log_of(core::LogLevel level) const;
  bool logged(const std::string& part) const;
  std::uint64_t events() const { return events_delivered_; }
  std::uint64_t actions() const { return actions_done_; }

  /// Whether the folder refused so many records that the book has given some up.
  bool gave_up_records();

  /// What must always hold, and did not, in words; empty: all does.
  const std::vector<std::string>& violations() const { return violations_; }
  /// For long lives: what happened is not kept in memory.
  void forget_as_you_go() { forgets_ = true; }

private:
  using Serial = core::Serial;

  struct Process {
    int script;  // whose: the number of its script's start
    std::string run_id;
    bool is_script = false;
    bool is_fed = false;
    std::optional<MonoTime> ends_at;
    ExitStatus ends_with;
    bool ignores_term = false;
    bool survives_kill = false;
    bool stalls = false;
  };
  struct RunningScript {
    Serial serial;
    int number;
    std::string tag;
    std::optional<ExitStatus> status{};  // once its process has ended
    std::string failed_fed{};            // the first of those that it fed
    ExitStatus failed_fed_status{};
    bool stalls = false;
  };

  /// Jobs one after the other, each answered when it is done.
  struct Lane {
    struct Job {
      std::function<std::optional<core::Event>()> work;
      std::optional<Duration> takes;
    };
    std::deque<Job> jobs;
    std::optional<MonoTime> first_ends_at;
  };
  struct Late {
    MonoTime at;
    core::Event event;
  };

  core::Request new_request(core::Asker asker);
  void deliver(core::Event event);
  void step(const core::Event& event);
  void post(Lane& lane, std::optional<Duration> takes, std::function<std::optional<core::Event>()> work);
  void begin_first(Lane& lane);
  void finish_first(Lane& lane);
  void finish_instant_jobs();
  void end_process(int pid);
  void see_what_it_feeds();
  void check_after_event();
  void check_record(const core::RunRecord& record);
  void notice_clock(const core::Event& event);
  void deal_with(const core::RunRecord& record);
  void check_processes_of(const std::string& run_id);
  void violated(const std::string& what);
  bool call_fails();

  void carry_out(const core::ReadHooks&);
  void carry_out(const core::BeginRun&);
  void carry_out(const core::SaveSteps&);
  void carry_out(const core::StartScript&);
  void carry_out(const core::AbandonScript&);
  void carry_out(const core::EndProcesses&);
  void carry_out(const core::FinishRun&);
  void carry_out(const core::RecordTick&);
  void carry_out(const core::FlushRecords&);
  void carry_out(const core::Answer&);
  void carry_out(const core::Tell&);
  void carry_out(const core::Exit&);

  core::HooksRead read_hooks(Serial serial) const;

  SimStore& store_;
  std::optional<cron::Schedule> schedule_;  // as at start
  Duration delay_;
  Duration grace_;
  core::RunBook book_;
  std::optional<WallTime> settled_until_;  // at start
  core::Scheduler scheduler_;
  Now now_;
  Lane store_lane_;
  Lane hooks_lane_;
  std::vector<Late> late_;
  std::map<int, Process> processes_;
  int next_pid_ = 100;
  std::deque<core::Event> events_;
  std::optional<RunningScript> script_;
  std::optional<std::string> run_under_way_;  // from BeginRun to FinishRun, or to the answer that refuses it
  Serial begin_serial_ = 0;
  std::set<std::string> lost_;  // runs of earlier daemons that on_error is owed for
  std::string followed_run_;    // the one of them that began last
  std::vector<std::string> started_;
  int scripts_started_ = 0;
  std::string last_run_id_;
  std::vector<core::Log> log_;
  bool clock_set_untold_ = false;
  std::optional<Duration> clock_offset_;  // wall minus monotonic time, as far as steps of it are to be noticed
  std::optional<int> exit_code_;
  std::uint64_t next_request_ = 1;
  std::map<std::uint64_t, std::optional<core::Reply>> requests_;
  std::optional<MonoTime> end_by_;  // since SIGTERM
  std::uint64_t events_delivered_ = 0;
  std::uint64_t actions_done_ = 0;
  int hook_readings_ = 0;
  int crash_in_ = 0;
  int fail_in_ = 0;
  WallTime highest_wall_{};  // since a run began at its tick
  bool begun_ = false;
  bool stepped_back_since_begin_ = false;
  bool forgets_ = false;
  int stops_ = 0;
  std::vector<std::string> violations_;
};

}  // namespace sidefridge::sim
