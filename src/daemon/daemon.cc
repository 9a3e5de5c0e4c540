// daemon.cc - each action carried out by the part whose it is.
#include "sidefridge/daemon/daemon.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <utility>
#include <variant>

#include "sidefridge/base/version.h"
#include "sidefridge/core/patience.h"
#include "sidefridge/core/script_environment.h"
#include "sidefridge/cron/cron_words.h"
#include "sidefridge/cron/jitter.h"
#include "sidefridge/daemon/opening.h"
#include "sidefridge/daemon/state_store.h"
#include "sidefridge/daemon/unusable_store.h"
#include "sidefridge/loop/lane.h"
#include "sidefridge/os/boot_id.h"
#include "sidefridge/os/inherited_fds.h"
#include "sidefridge/os/output_stream.h"
#include "sidefridge/os/process_ending.h"
#include "sidefridge/os/reaper.h"
#include "sidefridge/os/signal_fd.h"
#include "sidefridge/os/system_clock.h"
#include "sidefridge/os/zone_file.h"
#include "sidefridge/text/digest.h"

namespace sidefridge::daemon {
namespace {

core::Scheduler::Settings scheduler_settings(const core::Config& config, Daemon::Mode mode,
                                             std::optional<WallTime> settled_until, std::vector<core::RunRecord> owed) {
  core::Scheduler::Settings settings;
  if (mode == Daemon::Mode::schedule) settings.schedule = config.schedule.value();
  settings.delay = cron::jitter_of(config.pod_name.value_or(""), config.jitter);
  settings.settled_until = settled_until;
  settings.owed = std::move(owed);
  settings.job = config.job;
  settings.hooks = config.hooks;
  settings.grace = config.grace;
  // No two processes that share a state folder begin alike.
  settings.id_seed = text::Digest()
                         .add(static_cast<std::uint64_t>(::getpid()))
                         .add(static_cast<std::uint64_t>(os::sample_now().wall.time_since_epoch().count()))
                         .value();
  return settings;
}

/// What the schedule's file held when the configuration was read is known.
std::optional<ScheduleFile> schedule_file(const core::Config& config, Daemon::Mode mode) {
  if (mode != Daemon::Mode::schedule || config.schedule_file.empty()) return std::nullopt;
  return ScheduleFile(
      config.schedule_file, config.zone_name, [](std::string_view name) { return os::load_zone(name); },
      config.schedule_file_held);
}

/// What scripts get from us: the environment we have, where the two folders lie, and what is said of pipes, however
/// these were set and wherever a script goes from here.
std::vector<std::string> script_base_environment(std::vector<std::string> environment, const core::Config& config) {
  std::erase_if(environment, [](const std::string& entry) {
    return entry.starts_with("SIDEFRIDGE_SCRIPTS_DIR=") || entry.starts_with("SIDEFRIDGE_STATE_DIR=") ||
           entry.starts_with("SIDEFRIDGE_PIPEFAIL=");
  });
  environment.push_back("SIDEFRIDGE_SCRIPTS_DIR=" + config.scripts_dir);
  environment.push_back("SIDEFRIDGE_STATE_DIR=" + config.state_dir);
  // For kubectlexec.
  if (config.pipes == core::Pipes::each_command_counts) environment.push_back("SIDEFRIDGE_PIPEFAIL=true");
  return environment;
}

text::Colours log_colours(const std::vector<std::string>& environment) {
  const auto value_of = [&](std::string_view name_and_equals) -> std::string_view {
    const auto found = std::find_if(environment.begin(), environment.end(),
                                    [&](const std::string& entry) { return entry.starts_with(name_and_equals); });
    return found == environment.end() ? std::string_view() : std::string_view(*found).substr(name_and_equals.size());
  };
  return text::colours_for(::isatty(STDOUT_FILENO) == 1, value_of("NO_COLOR="), value_of("TERM="));
}

/// Its reader may have stopped, too: this waits a second at most.
void say_on_stderr(std::string_view line) {
  auto stream = os::OutputStream::open(STDERR_FILENO);
  if (!stream) return;
  stream->append(line);
  stream->drain_until(os::sample_now().mono + std::chrono::seconds(1));
}

/// Outside a PID namespace of its own, a daemon that is killed leaves its scripts running.
std::vector<std::string> end_processes_of_run(const std::string& run_id) {
  const Result<std::vector<os::FoundProcess>> ended =
      os::end_marked(core::run_mark(run_id), core::term_patience, core::kill_patience);
  std::vector<std::string> names;
  if (!ended) return names;  // without /proc nobody can be found
  for (const os::FoundProcess& process : *ended) names.push_back(os::name_of(process));
  return names;
}

/// Where hooks are copied to: not in the store, which is nobody else's, because a script may go on as another user.
std::string copies_dir(const core::Config& config, Daemon::Mode mode) {
  // `once` may run beside an idle daemon.
  return config.state_dir + (mode == Daemon::Mode::once ? "/hooks-once" : "/hooks");
}

std::vector<std::string> watched_folders(const core::Config& config) {
  std::vector<std::string> folders{config.scripts_dir};
  if (!config.schedule_file.empty()) {
    folders.push_back(std::filesystem::absolute(config.schedule_file).parent_path().string());
    if (folders.back() == config.scripts_dir) folders.pop_back();
  }
  return folders;
}

}  // namespace

Daemon::Daemon(core::Config config, Mode mode, std::vector<std::string> environment, loop::Loop loop, Lanes lanes,
               std::unique_ptr<Console> console, std::unique_ptr<LossNotes> losses, Files files)
    : config_(std::move(config)),
      mode_(mode),
      loop_(std::move(loop)),
      lanes_(std::move(lanes)),
      console_(std::move(console)),
      losses_(std::move(losses)),
      records_(*lanes_.store, *console_, *this, std::move(files.book)),
      hook_watch_(loop_, *lanes_.hooks, watched_folders(config_),
                  mode == Mode::schedule ? static_cast<EventSink&>(*this) : ignored_, *console_),
      hooks_(*lanes_.hooks, *this, *console_, config_.scripts_dir,
             hooks::CopySettings{.limit_bytes = config_.hooks_limit_bytes}, copies_dir(config_, mode),
             schedule_file(config_, mode), [this](const core::StartScript& start) { runner_.start(start); }),
      scheduler_(scheduler_settings(config_, mode, files.settled_until, std::move(files.owed))),
      runner_(loop_, *console_, *this, script_base_environment(std::move(environment), config_), config_.pipes) {}

Result<Daemon::Files> Daemon::open_files(const core::Config& config, Mode mode) {
  const Result<std::string> boot_id = os::read_boot_id();
  Result<std::unique_ptr<core::RunStore>> state_store =
      StateStore::open({config.state_dir, config.store_limit_bytes, config.history_limit});
  if (!state_store) return std::move(state_store).error();
  Result<core::RunBook> book = core::RunBook::open(
      std::move(*state_store), {config.state_dir, boot_id ? *boot_id : std::string(), end_processes_of_run},
      mode == Mode::once ? core::RunBook::Owner::once : core::RunBook::Owner::daemon);
  if (!book) return std::move(book).error();
  const Result<core::ScheduleRecord> past = book->schedule();
  const bool full = !past && past.error().code == ErrorCode::full;
  if (!past && !full) return past.error();
  std::vector<core::RunRecord> owed = book->take_owed();
  return Files{std::move(*book), os::NoteFifo::open(store::StateFolder::at(config.state_dir).losses_path()),
               past ? past->settled_until : std::nullopt, std::move(owed)};
}

Daemon::Files Daemon::without_state(const Error& why) {
  Result<core::RunBook> book = core::RunBook::open(unusable_store(why), {}, core::RunBook::Owner::once);
  return Files{std::move(*book), why, std::nullopt, {}};
}

Result<std::unique_ptr<Daemon>> Daemon::open(core::Config config, Mode mode, std::vector<std::string> environment) {
  // Scripts go elsewhere, and are to find them all the same.
  for (std::string* const folder : {&config.scripts_dir, &config.state_dir}) {
    *folder = std::filesystem::absolute(*folder).string();
  }
  if (Result<void> kept = os::keep_inherited_fds_from_scripts(); !kept) return std::move(kept).error();
  // Signals next: from here on none is lost, and no child of ours is reaped by anybody else.
  Result<os::SignalFd> signals = os::SignalFd::open();
  if (!signals) return std::move(signals).error();
  if (Result<void> adopted = os::become_subreaper(); !adopted) return std::move(adopted).error();

  Result<loop::Loop> loop = loop::Loop::open();
  if (!loop) return std::move(loop).error();
  Result<std::unique_ptr<loop::Lane>> store_lane = loop::Lane::open(*loop);
  if (!store_lane) return std::move(store_lane).error();
  Result<std::unique_ptr<loop::Lane>> hooks_lane = loop::Lane::open(*loop);
  if (!hooks_lane) return std::move(hooks_lane).error();
  Result<std::unique_ptr<Console>> console =
      Console::open(*loop, STDOUT_FILENO, config.log_format, config.log_level, log_colours(environment));
  if (!console) return std::move(console).error();

  if (!(*store_lane)->has_thread()) {
    (*console)->log(core::LogLevel::warning,
                    "the system forbids threads (the seccomp profile of an old container runtime refuses clone3): a "
                    "disk that hangs holds the daemon up");
  }

  std::optional<Result<Files>> files;
  const Result<Opening::End> opening =
      Opening::run(*loop, **store_lane, *signals, **console, [&] { files.emplace(open_files(config, mode)); });
  if (!opening) return opening.error();
  if (*opening == Opening::End::stopped) {
    (*console)->log(core::LogLevel::info, "SIGTERM: ended; the state folder has not answered");
    (*console)->drain_until(os::sample_now().mono + core::last_words_patience);
    ::_exit(mode == Mode::once ? 1 : 0);
  }
  std::optional<Error> state_unusable;
  if (!*files) {
    if ((*files).error().code == ErrorCode::busy) return std::move(*files).error();
    state_unusable = std::move(*files).error();
    files.emplace(without_state(*state_unusable));
    mode = Mode::once;
  }
  std::vector<std::string> notices = (*files)->book.take_notices();
  std::unique_ptr<LossNotes> losses;
  if ((*files)->losses) {
    Result<std::unique_ptr<LossNotes>> opened = LossNotes::open(*loop, *std::move((*files)->losses));
    if (!opened) return std::move(opened).error();
    losses = std::move(*opened);
  } else if (!state_unusable) {
    // Some file systems have no FIFOs.
    notices.push_back("what kubectlexec loses behind a pipe cannot be noted: " + (*files)->losses.error().text);
  }

  std::unique_ptr<Daemon> self(new Daemon(std::move(config), mode, std::move(environment), std::move(*loop),
                                          Lanes{std::move(*store_lane), std::move(*hooks_lane)}, std::move(*console),
                                          std::move(losses), std::move(**files)));
  self->state_unusable_ = std::move(state_unusable);
  Result<std::unique_ptr<WallTimerWatch>> wall_timer = WallTimerWatch::open(self->loop_, *self);
  if (!wall_timer) return std::move(wall_timer).error();
  self->wall_timer_ = std::move(*wall_timer);
  Result<std::unique_ptr<MonoTimerWatch>> mono_timer = MonoTimerWatch::open(self->loop_, *self);
  if (!mono_timer) return std::move(mono_timer).error();
  self->mono_timer_ = std::move(*mono_timer);
  Result<std::unique_ptr<SignalWatch>> signal_watch =
      SignalWatch::open(self->loop_, std::move(*signals), *self, self->runner_);
  if (!signal_watch) return std::move(signal_watch).error();
  self->signals_ = std::move(*signal_watch);

  if (Result<void> opened = self->hooks_.open(self->loop_, self->hook_watch_); !opened)
    return std::move(opened).error();

  self->say_hello(std::move(notices));
  return self;
}

void Daemon::say_hello(std::vector<std::string> notices) {
  const std::string name = "sidefridge " + std::string(version());
  if (state_unusable_) {
    console_->log(core::LogLevel::error, name + " ends when on_error was told: " + state_unusable_->text);
    return;
  }
  console_->log(core::LogLevel::info,
                mode_ == Mode::once ? name + ", one run"
                                    : name + ", schedule '" + config_.schedule->text +
                                          "': " + cron::describe(config_.schedule->expression, config_.schedule->zone));
  for (const std::string& warning : config_.warnings) console_->log(core::LogLevel::warning, warning);
  for (const std::string& notice : notices) console_->log(core::LogLevel::warning, notice);
  if (mode_ == Mode::once) return;
  if (config_.jitter > Duration::zero() && !config_.pod_name) {
    console_->log(core::LogLevel::warning,
                  "POD_NAME is not set: SIDEFRIDGE_JITTER delays all pods that do not set it by the same time");
  }
  if (!config_.target_container || !config_.pod_name) {
    console_->log(core::LogLevel::warning, "TARGET_CONTAINER and POD_NAME are not both set: kubectlexec needs them");
  }
  record_.pid = ::getpid();
  record_.started_at = os::sample_now().wall;
  record_.version = version();
  record_.schedule = config_.schedule->text;
  records_.note_daemon(record_);
}

Result<int> Daemon::run() {
  core::Begun begun;
  if (mode_ == Mode::once) begun.run = core::Request{0, core::Asker::command_line};
  post(begun);
  loop_.run(*this);
  console_->drain_until(os::sample_now().mono + core::last_words_patience);
  if (const auto lost = console_->untold_losses()) say_on_stderr("sidefridge: " + *lost + "\n");
  const bool store_hangs = lanes_.store->abandon();
  const bool hooks_hang = lanes_.hooks->abandon();
  if (store_hangs || hooks_hang) ::_exit(exit_code_);
  if (state_unusable_) return *state_unusable_;
  return exit_code_;
}

void Daemon::on_turn() noexcept {
  while (!events_.empty()) {
    core::Event event = std::move(events_.front());
    events_.pop_front();
    if (auto* ended = std::get_if<core::ScriptEnded>(&event); ended != nullptr && losses_) {
      losses_->judge(ended->result);
    }
    look_at(event);
    // Sampled for each: to start a script takes its time.
    for (const core::Action& action : scheduler_.on(event, os::sample_now())) {
      std::visit([this](const auto& asked) { carry_out(asked); }, action);
    }
  }
  wall_timer_->arm(scheduler_.wall_deadline());
  mono_timer_->arm(scheduler_.mono_deadline());
  console_->flush();
}

// What others than the scheduler have to know of.
void Daemon::look_at(const core::Event& event) {
  if (const auto* read = std::get_if<core::HooksRead>(&event)) hooks_.on_known(read->generation);
  if (std::holds_alternative<core::RunBusy>(event)) hooks_.on_run_over();
  if (std::holds_alternative<core::HooksTouched>(event)) hooks_.on_touched();
  if (const auto* read = std::get_if<core::ScheduleRead>(&event)) {
    record_.schedule = read->schedule.text;
    records_.note_daemon(record_);
  }
}

void Daemon::carry_out(const core::ReadHooks& action) {
  // Watched before they are read, so that no change falls in between.
  hook_watch_.rearm();
  hooks_.carry_out(action);
}

void Daemon::carry_out(const core::BeginRun& action) {
  hooks_.on_run_begun();
  records_.carry_out(action);
}

void Daemon::carry_out(const core::StartScript& action) {
  if (losses_) losses_->begin(action);
  hooks_.start(action);
}

void Daemon::carry_out(const core::AbandonScript&) {
  hooks_.abandon_starting();
  runner_.abandon_script();
}

void Daemon::carry_out(const core::SaveSteps& action) {
  records_.carry_out(action);
}

void Daemon::carry_out(const core::EndProcesses& action) {
  if (action.send != core::Send::nothing) hooks_.end_starting();
  runner_.end_processes(action);
}

void Daemon::carry_out(const core::FinishRun& action) {
  runner_.forget_run(action.record.trigger);
  hooks_.on_run_over();
  records_.carry_out(action);
}

void Daemon::carry_out(const core::RecordTick& action) {
  records_.carry_out(action);
}

void Daemon::carry_out(const core::FlushRecords& action) {
  hooks_.stop();
  records_.carry_out(action);
}

void Daemon::carry_out(const core::Answer&) {
  // The sender of a signal reads the log, and the command line gets the exit code.
}

void Daemon::carry_out(const core::Tell& action) {
  const core::Log line = core::narrate(action.happening);
  console_->log(line.level, line.text, LogContext{line.run_id, line.script_path});
}

void Daemon::carry_out(const core::Exit& action) {
  exit_code_ = action.code;
  loop_.stop();
}

}  // namespace sidefridge::daemon
