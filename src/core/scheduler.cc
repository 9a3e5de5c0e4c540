// scheduler.cc - what follows from each event in each phase.
#include "sidefridge/core/scheduler.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <utility>

#include "sidefridge/base/check.h"
#include "sidefridge/cron/cron_words.h"
#include "sidefridge/text/time_format.h"

namespace sidefridge::core {
namespace {

/// "20261123-030000-004": sorts by time and is fit for file names.
std::string make_run_id(WallTime at) {
  using namespace std::chrono;
  const auto day = floor<days>(at);
  const year_month_day date(day);
  const hh_mm_ss<milliseconds> time(floor<milliseconds>(at - day));
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d%02u%02u-%02d%02d%02d-%03d", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()), static_cast<int>(time.subseconds().count()));
  return text.data();
}

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    if (!text.empty()) text += ", ";
    text += word;
  }
  return text;
}

bool due(const std::optional<MonoTime>& deadline, MonoTime now) {
  return deadline && *deadline <= now;
}

}  // namespace

Scheduler::Scheduler(Settings settings)
    : settings_(std::move(settings)),
      // A single run reads them once, before it begins.
      hooks_({settings_.settle, settings_.schedule ? settings_.poll : Duration::zero()}) {
  if (settings_.schedule) ticks_.emplace(*settings_.schedule, settings_.delay);
}

std::vector<Action> Scheduler::on(const Event& event, Now now) {
  now_ = now;
  if (phase_ != Phase::gone) {
    std::visit([this](const auto& happened) { handle(happened); }, event);
  }
  clock_offset_ = now.wall.time_since_epoch() - now.mono.time_since_epoch();
  return std::exchange(actions_, {});
}

std::optional<WallTime> Scheduler::wall_deadline() const noexcept {
  if (phase_ == Phase::poised) return run_due_at_;
  if (!ticks_ || !ticks_->next()) return std::nullopt;
  const WallTime due_at = ticks_->next()->due_at;
  return phase_ == Phase::waiting ? due_at - tick_lead : due_at;
}

std::optional<MonoTime> Scheduler::mono_deadline() const noexcept {
  std::optional<MonoTime> earliest;
  for (const std::optional<MonoTime>& deadline :
       {hooks_.reread_deadline(), retry_deadline_, script_deadline_, run_deadline_, grace_deadline_, kill_deadline_}) {
    if (deadline && (!earliest || *deadline < *earliest)) earliest = deadline;
  }
  return earliest;
}

// ---- preparation, ticks, clock

void Scheduler::handle(const Begun&) {
  plan_run(Plan{Trigger::install, now_.wall, now_.wall});
  phase_ = Phase::preparing;
}

void Scheduler::after_preparation() {
  prepared_ = true;
  if (!ticks_) {
    plan_run(Plan{Trigger::manual, now_.wall, now_.wall});
    return;
  }
  phase_ = Phase::waiting;
  ticks_->start(now_.wall);
  log(LogLevel::info, "ready; " + ticks_->describe_coming());
  const std::optional<WallTime> missed = find_missed_tick();
  if (missed)
    log(LogLevel::warning, "the tick of " + text::format_rfc3339(*missed) + " was missed while no daemon was there");
  if (settings_.run_on_start) {
    plan_run(Plan{Trigger::start, now_.wall, now_.wall});
  } else if (missed) {
    plan_run(Plan{Trigger::catch_up, *missed, now_.wall});
  }
}

// The first that is not settled and counts. One run stands for all that were missed.
std::optional<WallTime> Scheduler::find_missed_tick() {
  if (settings_.catch_up == Duration::zero() || !settings_.settled_until) return std::nullopt;
  if (*settings_.settled_until > now_.wall) {
    log(LogLevel::warning, "the history knows of a run at " + text::format_rfc3339(*settings_.settled_until) +
                               ", which is still to come: whether a tick was missed cannot be told");
    return std::nullopt;
  }
  return ticks_->first_between(std::max(*settings_.settled_until, now_.wall - settings_.catch_up), now_.wall);
}

void Scheduler::handle(const TimePassed&) {
  if (due(grace_deadline_, now_.mono)) on_grace_over();
  if (due(kill_deadline_, now_.mono)) on_kill_deadline();
  if (phase_ == Phase::running && due(script_deadline_, now_.mono)) {
    end_script(StepOutcome::timed_out, "it ran longer than SIDEFRIDGE_SCRIPT_TIMEOUT allows (" +
                                           text::format_duration(settings_.script_timeout) + ")");
  }
  if (phase_ == Phase::running && due(run_deadline_, now_.mono)) {
    end_script(StepOutcome::timed_out, "the run took longer than SIDEFRIDGE_RUN_TIMEOUT allows (" +
                                           text::format_duration(settings_.run_timeout) + ")");
  }
  if (due(hooks_.reread_deadline(), now_.mono)) read_hooks();
  if (phase_ == Phase::poised) {
    start_run_when_due();
  } else if (const std::optional<WallTime> deadline = wall_deadline(); deadline && *deadline <= now_.wall) {
    tick();
  } else if (due(retry_deadline_, now_.mono)) {
    retry_deadline_.reset();
    plan_run(*std::exchange(retry_, std::nullopt));
  }
}

void Scheduler::handle(const ClockStepped&) {
  if (ticks_ && prepared_ && !stopping_) {
    const Duration step = now_.wall.time_since_epoch() - now_.mono.time_since_epoch() - clock_offset_;
    ticks_->on_clock_stepped(step, now_.wall);
    log(LogLevel::info,
        "the wall clock was set to " + text::format_rfc3339(now_.wall) + "; " + ticks_->describe_coming());
  }
  handle(TimePassed{});
}

void Scheduler::tick() {
  const cron::Tick tick = ticks_->take(now_.wall);
  const Plan plan{Trigger::schedule, tick.at, tick.due_at};
  if (phase_ == Phase::waiting) {
    retry_.reset();
    retry_deadline_.reset();
    plan_run(plan);
    return;
  }
  skip(plan, run_ ? "run " + run_->record().run_id + " is still going" : std::string("a run is still beginning"));
}

RunRecord Scheduler::record_without_run(const Plan& plan, Outcome outcome, std::string reason) const {
  RunRecord record;
  record.trigger = plan.trigger;
  record.attempt = plan.attempt;
  record.outcome = outcome;
  record.scheduled_at = plan.scheduled_at;
  record.started_at = now_.wall;
  record.finished_at = now_.wall;
  record.reason = std::move(reason);
  return record;
}

void Scheduler::skip(const Plan& plan, const std::string& reason) {
  log(LogLevel::warning, "tick of " + text::format_rfc3339(plan.scheduled_at) + " skipped: " + reason);
  act(RecordSkip{record_without_run(plan, Outcome::skipped, reason)});
}

// ---- hooks

void Scheduler::handle(const ReloadRequested&) {
  log(LogLevel::info, "reading the hooks again");
  read_hooks();
}

void Scheduler::handle(const HooksTouched&) {
  hooks_.on_touched(now_.mono);
}

void Scheduler::handle(const HooksWatched& watched) {
  hooks_.on_watched(watched.by, now_.mono);
}

void Scheduler::read_hooks() {
  hooks_.on_reading(now_.mono);
  act(ReadHooks{});
}

void Scheduler::handle(const HooksRead& read) {
  for (Log& line : hooks_.on_read(read)) log(line.level, std::move(line.text));
  begin_planned_run();
}

void Scheduler::handle(const HooksUnreadable& unreadable) {
  for (Log& line : hooks_.on_unreadable(unreadable)) log(line.level, std::move(line.text));
  begin_planned_run();
}

void Scheduler::handle(const ScheduleRead& read) {
  if (!ticks_ || stopping_) return;
  ticks_->change(read.schedule, now_.wall);
  if (!prepared_) ticks_->stop();
  log(LogLevel::info, "schedule changed to '" + read.schedule.text + "': " +
                          describe(read.schedule.expression, read.schedule.zone) + "; " + ticks_->describe_coming());
}

void Scheduler::handle(const ScheduleUnreadable& unreadable) {
  log(LogLevel::error,
      unreadable.error.text + "; the schedule stays '" + (ticks_ ? ticks_->schedule().text : std::string()) + "'");
}

// ---- a run, from plan to first script

void Scheduler::plan_run(Plan plan) {
  phase_ = Phase::beginning;
  plan_ = plan;
  if (hooks_.current()) {
    begin_planned_run();
  } else {
    read_hooks();
  }
}

void Scheduler::begin_planned_run() {
  if (!plan_) return;
  Plan plan = *std::exchange(plan_, std::nullopt);
  const std::uint64_t digest = hooks_.set().digest(Hook::install_dependencies);
  const bool nothing_to_install = hooks_.set().scripts(Hook::install_dependencies).empty();
  if (nothing_to_install) installed_digest_ = digest;
  if (plan.trigger == Trigger::install && nothing_to_install) {
    if (!ticks_) hooks_.trust_last_reading();  // the one run follows at once
    after_preparation();
    return;
  }
  if (prepared_ && ticks_ && digest != installed_digest_) {
    log(LogLevel::info, "install_dependencies has changed and runs first");
    after_install_ = plan;
    plan.trigger = Trigger::install;
    plan.attempt = 1;
  }
  if (plan.trigger == Trigger::install) installing_digest_ = digest;
  RunRecord record;
  record.started_at = std::max(now_.wall, plan.due_at);
  record.run_id = make_run_id(record.started_at);
  record.trigger = plan.trigger;
  record.attempt = plan.attempt;
  record.scheduled_at = plan.scheduled_at;
  run_.emplace(record, hooks_.set());
  run_due_at_ = plan.due_at;
  phase_ = Phase::beginning;
  act(BeginRun{std::move(record)});
}

void Scheduler::handle(const RunBegun& begun) {
  run_->record().sequence = begun.sequence;
  if (!hooks_.known()) run_->fail("Run could not begin: the hooks cannot be read");
  start_run_when_due();
}

void Scheduler::handle(const RunBusy& busy) {
  const std::string reason = "process " + std::to_string(busy.holder_pid) + " runs one in the same state folder";
  const RunRecord record = run_->record();
  run_.reset();
  if (ticks_ && (record.trigger != Trigger::install || after_install_)) {
    const Plan begun{record.trigger, record.scheduled_at, run_due_at_, record.attempt};
    skip(std::exchange(after_install_, std::nullopt).value_or(begun), reason);
    if (stopping_) {
      leave();
    } else {
      phase_ = Phase::waiting;
    }
    return;
  }
  log(LogLevel::error, "no run begins: " + reason);
  exit_code_ = exit_code_of(ErrorCode::busy);
  leave();
}

void Scheduler::handle(const RunUnrecorded& unrecorded) {
  log(LogLevel::error, "run " + run_->record().run_id + " cannot be recorded: " + unrecorded.error.text);
  run_->fail("Run could not begin: " + unrecorded.error.text);
  start_run_when_due();
}

// A wall clock that was set back does not hold up a run that has begun.
bool Scheduler::is_early() const noexcept {
  const Duration wait = run_due_at_ - now_.wall;
  return wait > Duration::zero() && wait <= tick_lead;
}

void Scheduler::start_run_when_due() {
  phase_ = Phase::poised;
  if (!is_early()) {
    start_run();
  } else if (stopping_) {
    run_->interrupt("interrupted: told to end before its tick");
    sweep();
  }
}

void Scheduler::start_run() {
  log(LogLevel::info,
      "run " + run_->record().run_id + " started (" + std::string(name_of(run_->record().trigger)) + ")");
  run_started_ = now_.mono;
  if (settings_.run_timeout > Duration::zero()) run_deadline_ = now_.mono + settings_.run_timeout;
  run_next_script();
}

// ---- scripts

void Scheduler::run_next_script() {
  const Script* const script = run_->next_script();
  if (script == nullptr) {
    // What install_dependencies left behind lives on; after a failure of it, leave() ends it.
    if (run_->record().trigger == Trigger::install) {
      finish_run();
    } else {
      save_steps();
      sweep();
    }
    return;
  }
  phase_ = Phase::running;
  script_started_ = now_.mono;
  if (settings_.script_timeout > Duration::zero()) script_deadline_ = now_.mono + settings_.script_timeout;
  if (run_->in_on_error() && settings_.run_timeout > Duration::zero()) {
    run_deadline_ = now_.mono + settings_.run_timeout;
  }
  StartScript start{*script,
                    run_->record().run_id,
                    run_->record().trigger,
                    run_->record().scheduled_at,
                    run_->record().attempt,
                    attempts_left(run_->record()),
                    std::nullopt};
  if (run_->in_on_error()) start.failure = run_->failure();
  run_->on_started(now_.wall);
  log(LogLevel::info, start.script.tag() + " started");
  act(std::move(start));
  save_steps();
}

// While the script gets going: nobody waits for it.
void Scheduler::save_steps() {
  const std::vector<StepRecord>& steps = run_->record().steps;
  if (steps.empty()) return;
  const std::size_t first = steps.size() < 2 ? 0 : steps.size() - 2;  // the one that ended, the one that was started
  act(SaveSteps{run_->record().run_id, first, {steps.begin() + static_cast<std::ptrdiff_t>(first), steps.end()}});
}

void Scheduler::handle(const ScriptEnded& ended) {
  if (phase_ != Phase::running && phase_ != Phase::ending) return;  // one that was given up on
  ScriptResult result = ended.result;
  if (ending_) {
    result.outcome = ending_->outcome;
    result.detail = ending_->detail;
  }
  const Duration elapsed = now_.mono - script_started_;
  const Script& script = run_->running_script();
  if (result.succeeded()) {
    log(LogLevel::info, script.tag() + " finished in " + text::format_duration(elapsed));
  } else {
    log(LogLevel::error, failure_message(script, result) + " after " + text::format_duration(elapsed));
  }
  ending_.reset();
  script_deadline_.reset();
  kill_deadline_.reset();
  run_->on_ended(result, elapsed);
  run_next_script();
}

void Scheduler::end_script(StepOutcome outcome, std::string detail) {
  phase_ = Phase::ending;
  ending_ = Ending{outcome, std::move(detail)};
  script_deadline_.reset();
  run_deadline_.reset();
  end_processes(outcome == StepOutcome::interrupted ? Scope::everything : Scope::script, Send::term);
}

// ---- the end of a run, the end of all

void Scheduler::end_processes(Scope scope, Send send) {
  scope_ = scope;
  sent_ = send;
  survivors_told_ = false;
  kill_deadline_ = now_.mono + term_patience;
  act(EndProcesses{scope, send});
}

void Scheduler::sweep() {
  phase_ = Phase::sweeping;
  run_deadline_.reset();
  end_processes(stopping_ ? Scope::everything : Scope::run, Send::term);
}

void Scheduler::handle(const ProcessesAlive& alive) {
  if (phase_ != Phase::sweeping && phase_ != Phase::leaving) return;
  if (alive.processes.empty()) {
    if (phase_ == Phase::sweeping) {
      finish_run();
    } else {
      exit_now();
    }
    return;
  }
  if (std::exchange(survivors_told_, true)) return;
  log(LogLevel::warning,
      std::string(sent_ == Send::kill ? "killing" : "ending") + " what scripts left running: " + join(alive.processes));
}

void Scheduler::handle(const OrphansReaped&) {
  if (phase_ != Phase::sweeping && phase_ != Phase::leaving) return;
  // Whoever forks faster than we kill is killed again.
  act(EndProcesses{scope_, sent_ == Send::kill ? Send::kill : Send::nothing});
}

void Scheduler::on_kill_deadline() {
  kill_deadline_.reset();
  if (phase_ != Phase::ending && phase_ != Phase::sweeping && phase_ != Phase::leaving) return;
  if (sent_ == Send::term) {
    end_processes(scope_, Send::kill);
    return;
  }
  // A process that outlives SIGKILL hangs in the kernel (a dead network file system, as a rule).
  log(LogLevel::error, "processes do not end although they were killed");
  if (phase_ == Phase::sweeping) finish_run();
  if (phase_ == Phase::leaving) exit_now();
  if (phase_ == Phase::ending && stopping_) handle(ScriptEnded{});
}

void Scheduler::finish_run() {
  run_->finish(now_.wall);
  const RunRecord record = run_->record();
  kill_deadline_.reset();
  run_deadline_.reset();
  act(FinishRun{record});
  const std::string took = text::format_duration(now_.mono - run_started_);
  if (record.outcome == Outcome::succeeded) {
    log(LogLevel::info, "run " + record.run_id + " succeeded in " + took);
  } else {
    log(LogLevel::error,
        "run " + record.run_id + " " + std::string(name_of(record.outcome)) + " after " + took + ": " + record.reason);
  }
  run_.reset();

  const bool last = !ticks_ && record.trigger != Trigger::install;
  const bool unprepared = !prepared_ && record.trigger == Trigger::install && record.outcome != Outcome::succeeded;
  if (record.trigger == Trigger::install && record.outcome == Outcome::succeeded)
    installed_digest_ = installing_digest_;
  if (last || unprepared) {
    const bool stopped_daemon = ticks_ && record.outcome == Outcome::interrupted;
    exit_code_ = record.outcome == Outcome::succeeded || stopped_daemon ? 0 : 1;
    leave();
  } else if (stopping_) {
    leave();
  } else if (record.trigger == Trigger::install) {
    after_install(record);
  } else {
    phase_ = Phase::waiting;
    if (record.outcome == Outcome::failed && attempts_left(record) > 0) retry_later(record);
  }
}

void Scheduler::after_install(const RunRecord& install) {
  if (!after_install_) {
    after_preparation();
    return;
  }
  const Plan plan = *std::exchange(after_install_, std::nullopt);
  if (install.outcome == Outcome::succeeded) {
    plan_ = plan;
    begin_planned_run();
    return;
  }
  phase_ = Phase::waiting;
  const RunRecord failed = record_without_run(plan, Outcome::failed, "install_dependencies failed: " + install.reason);
  log(LogLevel::error, "the run of " + text::format_rfc3339(plan.scheduled_at) + " failed: " + failed.reason);
  act(RecordSkip{failed});
  if (attempts_left(failed) > 0) retry_later(failed);
}

std::uint32_t Scheduler::attempts_left(const RunRecord& run) const noexcept {
  const bool retried = ticks_ && run.trigger != Trigger::install;
  return retried && run.attempt <= settings_.retries ? settings_.retries + 1 - run.attempt : 0;
}

void Scheduler::retry_later(const RunRecord& failed) {
  Duration delay = std::min(settings_.retry_delay, longest_retry_delay);
  for (std::uint32_t doubled = 1; doubled < failed.attempt && delay < longest_retry_delay; ++doubled) {
    delay = std::min(2 * delay, longest_retry_delay);
  }
  retry_ = Plan{failed.trigger, failed.scheduled_at, now_.wall, failed.attempt + 1};
  retry_deadline_ = now_.mono + delay;
  log(LogLevel::info, "the run is tried again in " + text::format_duration(delay) + ", attempt " +
                          std::to_string(failed.attempt + 1) + " of " + std::to_string(settings_.retries + 1));
}

void Scheduler::handle(const StopRequested&) {
  if (std::exchange(stopping_, true)) {
    kill_at_once();
    return;
  }
  if (ticks_) {
    ticks_->stop();
  } else {
    exit_code_ = 1;  // until its run has succeeded after all
  }
  if (!run_) {
    plan_.reset();
    if (phase_ != Phase::leaving) leave();
    return;
  }
  grace_deadline_ = now_.mono + settings_.grace;
  if (phase_ == Phase::poised) {
    start_run_when_due();
    return;
  }
  log(LogLevel::info,
      "told to end; run " + run_->record().run_id + " may take another " + text::format_duration(settings_.grace));
}

void Scheduler::on_grace_over() {
  grace_deadline_.reset();
  if (!run_) return;
  run_->interrupt("interrupted: told to end, and SIDEFRIDGE_GRACE (" + text::format_duration(settings_.grace) +
                  ") was over");
  if (phase_ == Phase::running) end_script(StepOutcome::interrupted, "told to end");
  if (phase_ == Phase::sweeping) end_processes(Scope::everything, Send::kill);
}

void Scheduler::kill_at_once() {
  log(LogLevel::warning, "told to end again: killing what runs");
  grace_deadline_.reset();
  if (run_) run_->interrupt("interrupted: told to end twice");
  if (phase_ == Phase::running) {
    phase_ = Phase::ending;
    ending_ = Ending{StepOutcome::interrupted, "told to end twice"};
    script_deadline_.reset();
    run_deadline_.reset();
  }
  if (phase_ == Phase::ending || phase_ == Phase::sweeping || phase_ == Phase::leaving) {
    end_processes(Scope::everything, Send::kill);
  }
}

void Scheduler::leave() {
  phase_ = Phase::leaving;
  if (ticks_) ticks_->stop();
  retry_deadline_.reset();
  hooks_.stop();
  grace_deadline_.reset();
  end_processes(Scope::everything, Send::term);
}

void Scheduler::exit_now() {
  phase_ = Phase::gone;
  kill_deadline_.reset();
  log(LogLevel::info, "ended");
  act(Exit{exit_code_});
}

void Scheduler::log(LogLevel level, std::string text) {
  Log line{level, std::move(text), {}, {}};
  if (run_) {
    line.run_id = run_->record().run_id;
    if (run_->script_running()) line.script_path = run_->running_script().path;
  }
  act(std::move(line));
}

}  // namespace sidefridge::core
