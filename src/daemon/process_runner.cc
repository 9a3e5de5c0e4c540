// process_runner.cc - starting, reaping, ending.
#include "sidefridge/daemon/process_runner.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <iterator>
#include <span>
#include <utility>

#include "sidefridge/base/check.h"
#include "sidefridge/core/script_environment.h"
#include "sidefridge/os/fed_processes.h"
#include "sidefridge/os/pipe.h"
#include "sidefridge/os/process_scan.h"
#include "sidefridge/os/spawn.h"
#include "sidefridge/os/system_clock.h"

namespace sidefridge::daemon {
namespace {

// What a shell says of a command it cannot find, and of one it cannot execute.
constexpr int exit_code_not_found = 127;
constexpr int exit_code_not_executable = 126;

// While what a script feeds is waited for, each end of one is heard; this often, all the same. And so soon, so many
// times, while somebody is being forked.
constexpr Duration look_at_fed_every = std::chrono::seconds(1);
constexpr Duration look_at_unsettled_after = std::chrono::milliseconds(5);
constexpr int most_looks_at_unsettled = 200;
constexpr int least_looks_at_shells = 3;

// For what a script has written to be relayed.
constexpr Duration drain_patience = std::chrono::seconds(1);

// Above are those of shells for signals.
constexpr int most_of_own_exit_codes = 127;

/// Whether the end of a process that reads is a failure. That nobody reads what it writes any more, as `head` makes it
/// happen, is none.
bool failed(const ExitStatus& status) {
  return !status.succeeded() && status.code != (status.signalled() ? SIGPIPE : 128 + SIGPIPE);
}

int signal_number_of(core::Send send) {
  return send == core::Send::kill ? SIGKILL : SIGTERM;
}

}  // namespace

ProcessRunner::ProcessRunner(loop::Loop& loop, Console& console, EventSink& sink, std::vector<std::string> environment,
                             core::Pipes pipes)
    : loop_(loop),
      console_(console),
      sink_(sink),
      environment_(core::without_script_variables(std::move(environment))),
      pipes_(pipes) {
  note_strangers();
}

void ProcessRunner::start(const core::StartScript& start) {
  check(!script_, "one script at a time");
  const Result<Started> started = try_start(start);
  if (started) {
    script_ = RunningScript{start.serial, started->pid, started->shell == hooks::Shell::bash};
    return;
  }
  core::ScriptResult result;
  result.outcome = core::StepOutcome::not_started;
  result.code = started.error().code == ErrorCode::not_found ? exit_code_not_found : exit_code_not_executable;
  result.detail = started.error().text;
  sink_.post(core::ScriptEnded{start.serial, std::move(result)});
}

Result<ProcessRunner::Started> ProcessRunner::try_start(const core::StartScript& start) {
  if (start.trigger == core::Trigger::install) note_mark_of_strangers(core::run_mark(start.run_id));
  const core::Script& script = start.script;
  if (!script.interpreter) return script.interpreter.error();
  if (!outputs_) {
    Result<Outputs> opened = open_outputs();
    if (!opened) return std::move(opened).error();
    outputs_ = std::move(*opened);
  }
  const hooks::Shell shell = hooks::shell_of(*script.interpreter);
  const core::Pipes pipes = hooks::knows_pipefail(shell) ? pipes_ : core::Pipes::last_command_counts;
  const std::vector<std::string> argv = core::script_argv(start, pipes);
  const std::vector<std::string> environment = core::script_environment(start);
  const auto spawn_with = [&](std::span<const std::string> our_environment) {
    return os::spawn(os::SpawnRequest{argv.front(), argv, environment, our_environment, outputs_->stdout_fd.get(),
                                      outputs_->stderr_fd.get()});
  };
  Result<pid_t> pid = spawn_with(environment_);
  if (!pid && pid.error().code == ErrorCode::full && script.hook == core::Hook::on_error) {
    const std::vector<std::string> shortest = core::shortest_of(environment_);
    console_.log(core::LogLevel::warning,
                 "the environment is larger than the system allows (E2BIG): on_error runs without " +
                     std::to_string(environment_.size() - shortest.size()) + " of its variables");
    pid = spawn_with(shortest);
  }
  if (!pid) {
    // The kernel names no file; the one to blame may be the interpreter's.
    Result<void> usable = hooks::check_interpreter(*script.interpreter, script.path);
    return usable ? pid.error() : std::move(usable).error();
  }
  outputs_->out->begin(start.run_id, script);
  outputs_->err->begin(start.run_id, script);
  return Started{*pid, shell};
}

Result<ProcessRunner::Outputs> ProcessRunner::open_outputs() {
  Result<os::Pipe> out_pipe = os::open_pipe();
  if (!out_pipe) return std::move(out_pipe).error();
  Result<os::Pipe> err_pipe = os::open_pipe();
  if (!err_pipe) return std::move(err_pipe).error();
  auto out = ScriptOutput::open(loop_, console_, std::move(out_pipe->read_end), Stream::out, *this);
  if (!out) return std::move(out).error();
  auto err = ScriptOutput::open(loop_, console_, std::move(err_pipe->read_end), Stream::err, *this);
  if (!err) return std::move(err).error();
  return Outputs{std::move(*out), std::move(*err), std::move(out_pipe->write_end), std::move(err_pipe->write_end)};
}

void ProcessRunner::reap_children() {
  reap_all();
  if (script_ && script_->status && !script_->over) look_at_fed();
}

void ProcessRunner::reap_all() {
  bool orphans_reaped = false;
  for (;;) {
    std::optional<os::FoundProcess> presumed_fed = ended_before_our_look();
    const std::optional<os::Exited> exited = os::reap_one();
    if (!exited) break;
    if (script_ && script_->pid == exited->pid) {
      script_->status = exited->status;
      continue;
    }
    orphans_reaped = true;
    // Who was killed or says that it was, was more likely a process in the background that the script ended last.
    if (presumed_fed && !exited->status.signalled() && !exited->status.succeeded() &&
        exited->status.code <= most_of_own_exit_codes) {
      script_->fed.push_back(std::move(*presumed_fed));
    }
    note_end_of_fed(*exited);
    tell_end_of_reader(*exited);
  }
  if (orphans_reaped) sink_.post(core::OrphansReaped{});
}

// Between the end of a script and our first look at what it feeds, a reader may come to its end, too, and nobody can
// tell any more what its stdin was. It is presumed to be fed where hardly anything else ends in that moment: bash has
// reaped those of its processes that ended before it.
// Returns: such a process, if it is what is reaped next.
std::optional<os::FoundProcess> ProcessRunner::ended_before_our_look() const {
  if (!script_ || !script_->status || !script_->fed.empty() || !script_->reaps_its_own) return std::nullopt;
  const std::optional<pid_t> next = os::next_to_reap();
  std::optional<os::FoundProcess> process = next ? os::look_at_process(*next) : std::nullopt;
  return process && process->session == script_->pid ? process : std::nullopt;
}

void ProcessRunner::note_end_of_fed(const os::Exited& exited) {
  if (!script_ || script_->failure || !failed(exited.status)) return;
  const auto fed = std::find_if(script_->fed.begin(), script_->fed.end(),
                                [&](const os::FoundProcess& process) { return process.pid == exited.pid; });
  if (fed != script_->fed.end()) script_->failure = FedFailure{os::name_of(*fed), exited.status};
}

// Whether a script fed it, or only a process that it left behind, cannot be seen any more, so no run fails for it.
void ProcessRunner::tell_end_of_reader(const os::Exited& exited) {
  const auto reader = std::find_if(readers_left_.begin(), readers_left_.end(),
                                   [&](const os::FoundProcess& process) { return process.pid == exited.pid; });
  if (reader == readers_left_.end()) return;
  if (failed(exited.status)) {
    console_.log(core::LogLevel::warning, os::name_of(*reader) + ", which read what a process left behind wrote, " +
                                              core::words_of(core::result_of(exited.status, {})));
  }
  readers_left_.erase(reader);
}

// The script's process has ended: whether it is over depends on what it feeds.
void ProcessRunner::look_at_fed() {
  std::vector<std::string> names;
  bool settled = true;
  if (os::any_children()) {
    const Result<os::FedProcesses> fed = os::find_fed_processes(script_->pid);
    if (!fed && script_->looks == 0) {
      console_.log(core::LogLevel::error, "what a script feeds cannot be found: " + fed.error().text);
    }
    if (fed) {
      const bool sure = fed->settled && (!fed->shell_seen || script_->looks >= least_looks_at_shells);
      settled = sure || script_->looks >= most_looks_at_unsettled;
      for (const os::FoundProcess& process : fed->processes) {
        names.push_back(os::name_of(process));
        const bool known = std::any_of(script_->fed.begin(), script_->fed.end(), [&](const auto& one) {
          return one.pid == process.pid && one.start_ticks == process.start_ticks;
        });
        if (!known) script_->fed.push_back(process);
      }
    }
  }
  if (!names.empty()) {
    sink_.post(core::ScriptFeeds{script_->serial, std::move(names)});
    look_again_in(settled ? look_at_fed_every : look_at_unsettled_after);
    return;
  }
  if (!settled) {
    look_again_in(look_at_unsettled_after);
    return;
  }
  if (os::next_to_reap()) {
    // It may have ended in the midst of this look.
    reap_all();
    look_at_fed();
    return;
  }
  script_->over = true;
  // The last of these calls may end script_, by way of on_drained().
  outputs_->out->finish_when_drained();
  outputs_->err->finish_when_drained();
  if (!script_) return;
  if (alarm_) alarm_->set(std::nullopt);  // that of an earlier look
  look_again_in(drain_patience);
}

void ProcessRunner::look_again_in(Duration wait) {
  if (!alarm_) {
    Result<std::unique_ptr<Alarm>> opened = Alarm::open(loop_, *this);
    if (!opened) return;  // then each end of a process is when we look
    alarm_ = std::move(*opened);
  }
  // The end of another process meanwhile does not put the look off.
  const MonoTime deadline = os::sample_now().mono + wait;
  if (!alarm_->deadline() || *alarm_->deadline() > deadline) alarm_->set(deadline);
}

void ProcessRunner::on_alarm() noexcept {
  if (!script_ || !script_->status) return;
  if (!script_->over) {
    ++script_->looks;
    look_at_fed();
    return;
  }
  // How it ended is known, and not to be forgotten for a reader of the log that stalls.
  outputs_->out->disown();
  outputs_->err->disown();
  tell_end();
}

void ProcessRunner::on_drained(ScriptOutput&) noexcept {
  if (--script_->undrained == 0) tell_end();
}

void ProcessRunner::tell_end() {
  const RunningScript ended = *std::exchange(script_, std::nullopt);
  if (alarm_) alarm_->set(std::nullopt);
  core::ScriptResult result = core::result_of(*ended.status, outputs_->err->tail());
  if (ended.failure && result.succeeded()) {
    result = core::result_of_fed(ended.failure->name, ended.failure->status, std::move(result.stderr_tail));
  }
  sink_.post(core::ScriptEnded{ended.serial, std::move(result)});
  if (ended.undrained > 0 || os::any_children()) {
    leave_outputs();
  } else {
    os::reset_pipe_flags(outputs_->stdout_fd.get());
    os::reset_pipe_flags(outputs_->stderr_fd.get());
  }
}

// What the script left behind may write yet, and that is not the next one's.
void ProcessRunner::leave_outputs() {
  Outputs left = *std::exchange(outputs_, std::nullopt);
  lingering_.push_back(std::move(left.out));
  lingering_.push_back(std::move(left.err));
  drop_closed_outputs();
}

void ProcessRunner::abandon_script() {
  if (!script_) return;
  script_.reset();
  if (alarm_) alarm_->set(std::nullopt);
  outputs_->out->disown();
  outputs_->err->disown();
  leave_outputs();
}

void ProcessRunner::end_processes(const core::EndProcesses& action) {
  // Without a child there is no descendant either: the usual end of a run costs no look at /proc.
  if (!os::any_children()) {
    sink_.post(core::ProcessesAlive{action.serial, {}});
    return;
  }
  const Result<std::vector<os::FoundProcess>> found = find(action.scope);
  if (!found) {
    // Without /proc the script's own group is all that can be named.
    console_.log(core::LogLevel::error, "processes cannot be listed: " + found.error().text);
    if (script_ && action.send != core::Send::nothing) ::kill(-script_->pid, signal_number_of(action.send));
    sink_.post(core::ProcessesAlive{action.serial, {}});
    return;
  }
  // Between two scripts only: one that runs is ended with all that it started, at once.
  const bool writers_first = action.send == core::Send::term && !script_;
  if (writers_first) {
    const std::vector<os::FoundProcess> writers = os::without_readers(*found);
    os::signal_processes(writers, signal_number_of(action.send));
    readers_left_.clear();
    std::copy_if(found->begin(), found->end(), std::back_inserter(readers_left_), [&](const auto& process) {
      return std::none_of(writers.begin(), writers.end(), [&](const auto& one) { return one.pid == process.pid; });
    });
  } else if (action.send != core::Send::nothing) {
    os::signal_processes(*found, signal_number_of(action.send));
  }
  core::ProcessesAlive alive{action.serial, {}};
  for (const os::FoundProcess& process : *found) {
    alive.processes.push_back(os::name_of(process));
  }
  sink_.post(std::move(alive));
}

Result<std::vector<os::FoundProcess>> ProcessRunner::find(core::Scope scope) const {
  switch (scope) {
    case core::Scope::script:
      if (!script_) return std::vector<os::FoundProcess>{};
      return os::find_session(script_->pid);
    case core::Scope::run: return os::find_descendants(strangers_);
    case core::Scope::everything: break;
  }
  return os::find_descendants();
}

void ProcessRunner::note_mark_of_strangers(std::string mark) {
  std::vector<std::string>& marks = strangers_.marks;
  if (std::find(marks.begin(), marks.end(), mark) == marks.end()) marks.push_back(std::move(mark));
}

// A process that is there now is not one of the next run. Looked at when a run is over, because the next is in a hurry
// to begin: until then only these have children.
void ProcessRunner::note_strangers() {
  strangers_.processes.clear();
  if (!os::any_children()) return;
  Result<std::vector<os::FoundProcess>> found = os::find_descendants();
  if (found) {
    strangers_.processes = std::move(*found);
  } else {
    console_.log(core::LogLevel::error, "processes cannot be listed: " + found.error().text);
  }
}

void ProcessRunner::forget_run(core::Trigger trigger) {
  abandon_script();  // there is one yet only if it could not be killed
  readers_left_.clear();
  outputs_.reset();
  drop_closed_outputs();
  if (trigger == core::Trigger::install) {
    // Beside those of an earlier install_dependencies, whose processes live on, too.
    for (std::unique_ptr<ScriptOutput>& output : lingering_) resident_.push_back(std::move(output));
  } else {
    for (const std::unique_ptr<ScriptOutput>& output : lingering_) output->close();
  }
  lingering_.clear();
  note_strangers();
}

void ProcessRunner::drop_closed_outputs() {
  const auto is_closed = [](const std::unique_ptr<ScriptOutput>& output) { return !output->is_open(); };
  std::erase_if(lingering_, is_closed);
  std::erase_if(resident_, is_closed);
}

}  // namespace sidefridge::daemon
