// process_runner.cc - starting, reaping, ending.
#include "sidefridge/daemon/process_runner.h"

#include <csignal>
#include <span>
#include <utility>

#include "sidefridge/base/check.h"
#include "sidefridge/core/script_environment.h"
#include "sidefridge/hooks/interpreter.h"
#include "sidefridge/os/pipe.h"
#include "sidefridge/os/process_scan.h"
#include "sidefridge/os/spawn.h"

namespace sidefridge::daemon {
namespace {

// What a shell says of a command it cannot find, and of one it cannot execute.
constexpr int exit_code_not_found = 127;
constexpr int exit_code_not_executable = 126;

int signal_number_of(core::Send send) {
  return send == core::Send::kill ? SIGKILL : SIGTERM;
}

}  // namespace

ProcessRunner::ProcessRunner(loop::Loop& loop, Console& console, EventSink& sink, std::vector<std::string> environment)
    : loop_(loop),
      console_(console),
      sink_(sink),
      environment_(core::without_script_variables(std::move(environment))) {}

void ProcessRunner::start(const core::StartScript& start) {
  check(!script_, "one script at a time");
  const Result<pid_t> started = try_start(start);
  if (started) {
    script_ = RunningScript{start.serial, *started, std::nullopt};
    run_sessions_.push_back(*started);
    return;
  }
  core::ScriptResult result;
  result.outcome = core::StepOutcome::not_started;
  result.code = started.error().code == ErrorCode::not_found ? exit_code_not_found : exit_code_not_executable;
  result.detail = started.error().text;
  sink_.post(core::ScriptEnded{start.serial, std::move(result)});
}

Result<pid_t> ProcessRunner::try_start(const core::StartScript& start) {
  run_mark_ = core::run_mark(start.run_id);
  const core::Script& script = start.script;
  if (!script.interpreter) return script.interpreter.error();
  if (!outputs_) {
    Result<Outputs> opened = open_outputs();
    if (!opened) return std::move(opened).error();
    outputs_ = std::move(*opened);
  }
  const std::vector<std::string> argv = core::script_argv(start);
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
  return *pid;
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
  bool orphans_reaped = false;
  bool script_reaped = false;
  bool any_left = true;
  while (any_left) {
    const std::optional<os::Exited> exited = os::reap_one();
    if (!exited) break;
    if (script_ && script_->pid == exited->pid) {
      script_->status = exited->status;
      script_reaped = true;
    } else {
      orphans_reaped = true;
    }
    any_left = os::any_children();
  }
  if (script_reaped) {
    script_->any_left = any_left;
    // The last of these calls may end script_, by way of on_drained().
    outputs_->out->finish_when_drained();
    outputs_->err->finish_when_drained();
  }
  if (orphans_reaped) sink_.post(core::OrphansReaped{});
}

void ProcessRunner::on_drained(ScriptOutput&) noexcept {
  if (--script_->undrained > 0) return;
  const RunningScript ended = *std::exchange(script_, std::nullopt);
  sink_.post(core::ScriptEnded{ended.serial, core::result_of(*ended.status, outputs_->err->tail())});
  if (ended.any_left) {
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
  if (action.send != core::Send::nothing) os::signal_processes(*found, signal_number_of(action.send));
  core::ProcessesAlive alive{action.serial, {}};
  for (const os::FoundProcess& process : *found) {
    alive.processes.push_back(process.comm + " (pid " + std::to_string(process.pid) + ")");
  }
  sink_.post(std::move(alive));
}

Result<std::vector<os::FoundProcess>> ProcessRunner::find(core::Scope scope) const {
  switch (scope) {
    case core::Scope::script:
      if (!script_) return std::vector<os::FoundProcess>{};
      return os::find_processes_of_run(std::span(&script_->pid, 1), {});
    case core::Scope::run: return os::find_processes_of_run(run_sessions_, run_mark_);
    case core::Scope::everything: break;
  }
  return os::find_descendants();
}

void ProcessRunner::forget_run(core::Trigger trigger) {
  run_sessions_.clear();
  run_mark_.clear();
  abandon_script();  // there is one yet only if it could not be killed
  outputs_.reset();
  drop_closed_outputs();
  if (trigger == core::Trigger::install) {
    // Beside those of an earlier install_dependencies, whose processes live on, too.
    for (std::unique_ptr<ScriptOutput>& output : lingering_) resident_.push_back(std::move(output));
  } else {
    for (const std::unique_ptr<ScriptOutput>& output : lingering_) output->close();
  }
  lingering_.clear();
}

void ProcessRunner::drop_closed_outputs() {
  const auto is_closed = [](const std::unique_ptr<ScriptOutput>& output) { return !output->is_open(); };
  std::erase_if(lingering_, is_closed);
  std::erase_if(resident_, is_closed);
}

}  // namespace sidefridge::daemon
