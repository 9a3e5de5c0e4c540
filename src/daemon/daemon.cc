// daemon.cc - each action carried out by the part whose it is.
#include "sidefridge/daemon/daemon.h"

#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <utility>
#include <variant>

#include "sidefridge/base/version.h"
#include "sidefridge/cron/cron_words.h"
#include "sidefridge/cron/jitter.h"
#include "sidefridge/os/boot_id.h"
#include "sidefridge/os/inherited_fds.h"
#include "sidefridge/os/mount_info.h"
#include "sidefridge/os/reaper.h"
#include "sidefridge/os/signal_fd.h"
#include "sidefridge/os/system_clock.h"
#include "sidefridge/os/zone_file.h"
#include "sidefridge/store/state_folder.h"

namespace sidefridge::daemon {
namespace {

// How long the last lines may wait for a reader that stalls, once everything else has ended.
constexpr Duration last_words_patience = std::chrono::seconds(2);

core::Scheduler::Settings scheduler_settings(const core::Config& config, Daemon::Mode mode,
                                             std::optional<WallTime> settled_until) {
  core::Scheduler::Settings settings;
  if (mode == Daemon::Mode::schedule) settings.schedule = config.schedule.value();
  settings.grace = config.grace;
  settings.script_timeout = config.script_timeout;
  settings.run_timeout = config.run_timeout;
  settings.settle = config.settle;
  settings.poll = config.poll;
  settings.run_on_start = config.run_on_start;
  settings.catch_up = config.catch_up;
  settings.settled_until = settled_until;
  settings.retries = config.retries;
  settings.retry_delay = config.retry_delay;
  settings.delay = cron::jitter_of(config.pod_name.value_or(""), config.jitter);
  return settings;
}

/// What scripts get from us: the environment we have, and where the two folders lie, whoever set them and wherever a
/// script goes from here.
std::vector<std::string> script_base_environment(std::vector<std::string> environment, const core::Config& config) {
  std::erase_if(environment, [](const std::string& entry) {
    return entry.starts_with("SIDEFRIDGE_SCRIPTS_DIR=") || entry.starts_with("SIDEFRIDGE_STATE_DIR=");
  });
  environment.push_back("SIDEFRIDGE_SCRIPTS_DIR=" + std::filesystem::absolute(config.scripts_dir).string());
  environment.push_back("SIDEFRIDGE_STATE_DIR=" + std::filesystem::absolute(config.state_dir).string());
  return environment;
}

}  // namespace

Daemon::Daemon(core::Config config, Mode mode, std::vector<std::string> environment, loop::Loop loop,
               std::unique_ptr<Console> console, RunBook book, std::unique_ptr<hooks::Generations> generations,
               std::optional<WallTime> settled_until)
    : config_(std::move(config)),
      loop_(std::move(loop)),
      console_(std::move(console)),
      book_(std::move(book)),
      generations_(std::move(generations)),
      scheduler_(scheduler_settings(config_, mode, settled_until)),
      runner_(loop_, *console_, *this, script_base_environment(std::move(environment), config_)) {}

Result<std::unique_ptr<Daemon>> Daemon::open(core::Config config, Mode mode, std::vector<std::string> environment) {
  if (Result<void> kept = os::keep_inherited_fds_from_scripts(); !kept) return std::move(kept).error();
  // Signals next: from here on none is lost, and no child of ours is reaped by anybody else.
  Result<os::SignalFd> signals = os::SignalFd::open();
  if (!signals) return std::move(signals).error();
  if (Result<void> adopted = os::become_subreaper(); !adopted) return std::move(adopted).error();

  Result<std::string> boot_id = os::read_boot_id();
  const RunBook::Settings book_settings{config.state_dir, config.store_limit_bytes, config.history_limit,
                                        boot_id ? *boot_id : std::string()};
  Result<RunBook> book =
      RunBook::open(book_settings, mode == Mode::once ? RunBook::Owner::once : RunBook::Owner::daemon);
  if (!book) return std::move(book).error();
  const Result<core::ScheduleRecord> past = book->schedule();
  if (!past) return past.error();

  // `once` may run beside an idle daemon.
  const std::string store = std::filesystem::absolute(store::StateFolder::at(config.state_dir).path()).string();
  Result<std::unique_ptr<hooks::Generations>> generations =
      hooks::Generations::open(store + (mode == Mode::once ? "/hooks-once" : "/hooks"),
                               hooks::CopySettings{.limit_bytes = config.hooks_limit_bytes});
  if (!generations) return std::move(generations).error();

  Result<loop::Loop> loop = loop::Loop::open();
  if (!loop) return std::move(loop).error();
  Result<std::unique_ptr<Console>> console = Console::open(*loop, STDOUT_FILENO, config.log_format, config.log_level);
  if (!console) return std::move(console).error();

  std::unique_ptr<Daemon> self(new Daemon(std::move(config), mode, std::move(environment), std::move(*loop),
                                          std::move(*console), std::move(*book), std::move(*generations),
                                          past->settled_until));
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

  self->say_hello(mode);
  if (mode == Mode::schedule) {
    if (Result<void> watched = self->watch_hooks(); !watched) return std::move(watched).error();
  }
  return self;
}

void Daemon::say_hello(Mode mode) {
  const std::string name = "sidefridge " + std::string(version());
  console_->log(core::LogLevel::info,
                mode == Mode::once ? name + ", one run"
                                   : name + ", schedule '" + config_.schedule->text +
                                         "': " + cron::describe(config_.schedule->expression, config_.schedule->zone));
  for (const std::string& warning : config_.warnings) console_->log(core::LogLevel::warning, warning);
  log_notices();
  if (mode == Mode::schedule) {
    if (config_.jitter > Duration::zero() && !config_.pod_name) {
      console_->log(core::LogLevel::warning,
                    "POD_NAME is not set: SIDEFRIDGE_JITTER is the same for all who do not set it");
    }
    if (!config_.target_container || !config_.pod_name) {
      console_->log(core::LogLevel::warning,
                    "TARGET_CONTAINER and POD_NAME are not both set: hooks cannot reach into the target container");
    }
    record_.pid = ::getpid();
    record_.started_at = os::sample_now().wall;
    record_.version = version();
    note_schedule(config_.schedule->text);
  }
}

Result<void> Daemon::watch_hooks() {
  for (const std::string& file : os::file_mounts_below(config_.scripts_dir)) {
    console_->log(core::LogLevel::warning, "'" + file +
                                               "' is a mount of its own (subPath) and will never change; mount "
                                               "the whole ConfigMap as a folder to change it while the pod runs");
  }
  std::vector<std::string> folders{config_.scripts_dir};
  if (!config_.schedule_file.empty()) {
    schedule_file_.emplace(config_.schedule_file, config_.zone_name,
                           [](std::string_view name) { return os::load_zone(name); });
    // What it holds now is in the configuration already.
    static_cast<void>(schedule_file_->read());
    folders.push_back(std::filesystem::absolute(config_.schedule_file).parent_path().string());
    if (folders.back() == std::filesystem::absolute(config_.scripts_dir)) folders.pop_back();
  }
  auto watch = HookWatch::open(loop_, std::move(folders), *this, *console_);
  if (!watch) return std::move(watch).error();
  hook_watch_ = std::move(*watch);
  return {};
}

int Daemon::run() {
  post(core::Begun{});
  loop_.run(*this);
  console_->drain_until(os::sample_now().mono + last_words_patience);
  return exit_code_;
}

void Daemon::on_turn() noexcept {
  while (!events_.empty()) {
    const core::Event event = std::move(events_.front());
    events_.pop_front();
    if (const auto* read = std::get_if<core::HooksRead>(&event)) note_generation(*read);
    // Anew for each: what the one before asked for may have taken its time, a copy of the hooks or the disk's.
    for (const core::Action& action : scheduler_.on(event, os::sample_now())) {
      std::visit([this](const auto& asked) { carry_out(asked); }, action);
    }
  }
  wall_timer_->arm(scheduler_.wall_deadline());
  mono_timer_->arm(scheduler_.mono_deadline());
  console_->flush();
}

void Daemon::note_schedule(const std::string& text) {
  record_.schedule = text;
  log_failure(book_.note_daemon(record_), "this daemon cannot be noted for 'sidefridge status'");
}

// A generation is kept as long as the scheduler may still begin a run with it.
void Daemon::note_generation(const core::HooksRead& read) {
  pins_.note_newest(read.generation);
  generations_->remove(pins_.take_unused());
}

void Daemon::carry_out(const core::ReadHooks&) {
  if (hook_watch_) hook_watch_->rearm();
  if (schedule_file_) {
    if (auto news = schedule_file_->read()) {
      if (*news) {
        note_schedule((*news)->text);
        post(core::ScheduleRead{std::move(**news)});
      } else {
        post(core::ScheduleUnreadable{news->error()});
      }
    }
  }
  Result<hooks::Generations::Made> made = generations_->make(config_.scripts_dir, os::sample_now().wall);
  if (made) {
    hooks::HookReading& reading = made->reading;
    post(core::HooksRead{std::move(reading.hooks), made->generation, std::move(reading.warnings),
                         std::move(reading.skipped)});
  } else {
    post(core::HooksUnreadable{std::move(made).error()});
  }
}

void Daemon::carry_out(const core::BeginRun& action) {
  const std::variant<RunBook::Begun, RunBook::Busy, Error> begun = book_.begin(action.record);
  log_notices();
  if (!std::holds_alternative<RunBook::Busy>(begun)) {
    run_generation_ = pins_.newest();
    pins_.pin(run_generation_);
  }
  if (const auto* recorded = std::get_if<RunBook::Begun>(&begun)) post(core::RunBegun{recorded->sequence});
  if (const auto* busy = std::get_if<RunBook::Busy>(&begun)) post(core::RunBusy{busy->holder});
  if (const auto* error = std::get_if<Error>(&begun)) post(core::RunUnrecorded{*error});
}

void Daemon::carry_out(const core::StartScript& action) {
  runner_.start(action);
}

void Daemon::carry_out(const core::SaveSteps& action) {
  log_failure(book_.save_steps(action.run_id, action.first, action.steps), "a step cannot be noted");
}

void Daemon::carry_out(const core::EndProcesses& action) {
  runner_.end_processes(action);
}

void Daemon::carry_out(const core::FinishRun& action) {
  runner_.forget_run(action.record.trigger);
  pins_.unpin(run_generation_);
  generations_->remove(pins_.take_unused());
  // A script wrote into its copy: the next run gets a new one.
  if (!generations_->is_intact(run_generation_)) post(core::HooksTouched{});
  log_failure(book_.finish(action.record), "run " + action.record.run_id + " cannot be recorded");
  log_notices();
}

void Daemon::carry_out(const core::RecordSkip& action) {
  log_failure(book_.record_skip(action.record), "the skipped tick cannot be recorded");
}

void Daemon::carry_out(const core::Log& action) {
  console_->log(action.level, action.text, core::LogContext{action.run_id, action.script_path});
}

void Daemon::carry_out(const core::Exit& action) {
  exit_code_ = action.code;
  loop_.stop();
}

void Daemon::log_failure(const Result<void>& result, std::string_view what) {
  if (result) return;
  console_->log(core::LogLevel::error, std::string(what) + ": " + result.error().text);
}

void Daemon::log_notices() {
  for (const std::string& notice : book_.take_notices()) console_->log(core::LogLevel::warning, notice);
}

}  // namespace sidefridge::daemon
