// scheduler.cc - each event to the part it is about, and then what is next.
#include "sidefridge/core/scheduler.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "sidefridge/base/overloaded.h"
#include "sidefridge/core/run_book.h"
#include "sidefridge/cron/cron_words.h"

namespace sidefridge::core {
namespace {

// A step that is told is told however small; unasked, only what two readings of two clocks cannot differ by themselves.
constexpr Duration told_step = std::chrono::milliseconds(1);
constexpr Duration unmistakable_step = std::chrono::seconds(1);

template <class T>
std::optional<T> earlier(const std::optional<T>& a, const std::optional<T>& b) noexcept {
  return !a ? b : !b ? a : std::min(a, b);
}

}  // namespace

Scheduler::Scheduler(Settings settings)
    : settings_(std::move(settings)),
      // Without a schedule they are read once, before the one run.
      hooks_({settings_.hooks.settle, settings_.schedule ? settings_.hooks.poll : Duration::zero()}),
      run_ids_(settings_.id_seed) {
  if (settings_.schedule) agenda_.emplace(*settings_.schedule, settings_.delay, settings_.job);
}

std::vector<Action> Scheduler::on(const Event& event, Now now) {
  Turn turn(now, last_serial_);
  if (std::holds_alternative<Gone>(life_)) return {};
  notice_clock(unmistakable_step, turn);
  std::visit([&](const auto& happened) { handle(happened, turn); }, event);
  on_time(turn);
  advance(turn);
  return turn.take_actions();
}

Execution* Scheduler::execution() noexcept {
  auto* const executing = std::get_if<Executing>(&work_);
  return executing == nullptr ? nullptr : &executing->execution;
}

const Execution* Scheduler::execution() const noexcept {
  const auto* const executing = std::get_if<Executing>(&work_);
  return executing == nullptr ? nullptr : &executing->execution;
}

std::optional<WallTime> Scheduler::wall_deadline() const noexcept {
  if (shutdown_ || is_leaving() || std::holds_alternative<Gone>(life_)) return std::nullopt;
  std::optional<WallTime> tick = agenda_ ? agenda_->due_at() : std::nullopt;
  if (tick && begins_runs() && is_idle()) *tick -= tick_lead;
  return execution() == nullptr ? tick : earlier(tick, execution()->wall_deadline());
}

std::optional<MonoTime> Scheduler::mono_deadline() const noexcept {
  if (const auto* const leaving = std::get_if<Leaving>(&life_)) {
    std::optional<MonoTime> earliest;
    if (!leaving->processes_over) earliest = leaving->escalation.deadline();
    if (!leaving->flushed) earliest = earlier(earliest, std::optional(leaving->flush_deadline));
    return earliest;
  }
  if (std::holds_alternative<Gone>(life_)) return std::nullopt;
  std::optional<MonoTime> earliest = hooks_.deadline();
  if (execution() != nullptr) earliest = earlier(earliest, execution()->mono_deadline());
  if (agenda_ && begins_runs() && is_idle()) earliest = earlier(earliest, agenda_->retry_deadline());
  return earliest;
}

std::string Scheduler::state_name() const {
  const std::string life =
      std::visit(Overloaded{[](const Preparing&) { return "preparing"; }, [](const Serving&) { return "serving"; },
                            [](const Leaving&) { return "leaving"; }, [](const Gone&) { return "gone"; }},
                 life_);
  const std::string work =
      std::visit(Overloaded{[](const Idle&) { return "idle"; }, [](const AwaitingHooks&) { return "awaiting hooks"; },
                            [](const Executing& executing) { return executing.execution.state_name(); }},
                 work_);
  return life + (shutdown_ ? " (SIGTERM), " : ", ") + work;
}

// ---- the clock

void Scheduler::notice_clock(Duration least_step, Turn& turn) {
  const Duration offset = turn.now.wall.time_since_epoch() - turn.now.mono.time_since_epoch();
  const Duration step = offset - clock_offset_.value_or(offset);
  if (clock_offset_ && std::chrono::abs(step) < least_step) return;
  const bool first = !std::exchange(clock_offset_, offset);
  if (first || !agenda_ || shutdown_ || is_leaving()) return;
  const Agenda::Missed missed = agenda_->on_clock_stepped(step, turn.now.wall);
  turn.tell(happened::ClockSet{turn.now.wall, agenda_->describe_coming()});
  miss(missed, "the wall clock was set forward beyond it", turn);
}

void Scheduler::handle(const ClockStepped&, Turn& turn) {
  notice_clock(told_step, turn);
}

// ---- preparation

void Scheduler::handle(const Begun& begun, Turn& turn) {
  if (agenda_) {
    const Agenda::Missed missed = agenda_->start(turn.now.wall, settings_.settled_until);
    if (missed.history_ahead) turn.tell(happened::HistoryAhead{*missed.history_ahead});
    miss(missed, "no daemon was running", turn);
  }
  if (begun.run) handle(RunRequested{*begun.run}, turn);
  queue_.push_front(Plan{JobId::install, Trigger::install, turn.now.wall, turn.now.wall});
  see_to_owed(turn);
}

// on_error for a lost backup has what install_dependencies installs. An install that was lost may be lost again, and is
// told before.
void Scheduler::see_to_owed(Turn& turn) {
  for (RunRecord& run : std::exchange(settings_.owed, {})) {
    Plan plan{run.job, run.trigger, run.scheduled_at, turn.now.wall, run.attempt};
    if (run.outcome != Outcome::lost) {
      make_up(plan, turn);
      continue;
    }
    plan.lost = std::move(run);
    if (plan.job == JobId::install) {
      queue_.push_front(std::move(plan));
    } else {
      queue_.push_back(std::move(plan));
    }
  }
}

void Scheduler::after_preparation(Turn& turn) {
  life_ = Serving{};
  if (!agenda_ || shutdown_) return;
  turn.tell(happened::Ready{agenda_->describe_coming()});
  if (!settings_.job.run_on_start) return;
  // It stands for what was missed or not ended, too.
  std::erase_if(queue_, [](const Plan& plan) { return plan.trigger == Trigger::catch_up; });
  queue_.push_back(Plan{JobId::backup, Trigger::start, turn.now.wall, turn.now.wall});
}

void Scheduler::miss(const Agenda::Missed& missed, const std::string& reason, Turn& turn) {
  if (missed.ticks) {
    RunRecord record = record_of_missed(*missed.ticks, reason, turn.now.wall);
    turn.tell(happened::TicksMissed{record});
    record_in_order(std::move(record), turn);
  }
  if (missed.catch_up) queue_.push_back(*missed.catch_up);
}

// ---- hooks and schedule

void Scheduler::handle(const ReloadRequested& reload, Turn& turn) {
  if (is_leaving()) {
    answer(reload.request, Reply::stopping, turn);
    return;
  }
  turn.tell(Log{LogLevel::info, "reading the hooks again", {}, {}});
  reloads_.push_back(Reload{reload.request, hooks_.read(turn)});
}

void Scheduler::answer_reloads(Turn& turn) {
  std::erase_if(reloads_, [&](const Reload& reload) {
    if (!is_leaving() && !hooks_.is_over(reload.reading)) return false;
    const Reply reply = is_leaving() ? Reply::stopping : hooks_.last_succeeded() ? Reply::done : Reply::failed;
    answer(reload.request, reply, turn);
    return true;
  });
}

void Scheduler::handle(const HooksTouched&, Turn& turn) {
  hooks_.on_touched(turn.now.mono);
}

void Scheduler::handle(const HooksWatched& watched, Turn& turn) {
  hooks_.on_watched(watched.by, turn.now.mono);
}

void Scheduler::handle(const HooksRead& read, Turn& turn) {
  hooks_.on_read(read, turn);
}

void Scheduler::handle(const HooksUnreadable& unreadable, Turn& turn) {
  hooks_.on_unreadable(unreadable, turn);
}

void Scheduler::handle(const ScheduleRead& read, Turn& turn) {
  if (!agenda_ || shutdown_ || is_leaving()) return;
  // What has come is a matter of the old one.
  advance(turn);
  agenda_->change(read.schedule, turn.now.wall);
  turn.tell(happened::ScheduleChanged{read.schedule.text, cron::describe(read.schedule.expression, read.schedule.zone),
                                      agenda_->describe_coming()});
}

void Scheduler::handle(const ScheduleUnreadable& unreadable, Turn& turn) {
  if (!agenda_) return;
  turn.tell(happened::ScheduleUnreadable{unreadable.error.text, agenda_->schedule().text});
}

// ---- what the run under way hears

void Scheduler::handle(const RunBegun& begun, Turn& turn) {
  if (execution() != nullptr) execution()->on(begun, turn);
}

void Scheduler::handle(const RunBusy& busy, Turn& turn) {
  if (execution() != nullptr) execution()->on(busy, turn);
}

void Scheduler::handle(const RunUnrecorded& unrecorded, Turn& turn) {
  if (execution() != nullptr) execution()->on(unrecorded, turn);
}

void Scheduler::handle(const ScriptFeeds& feeds, Turn& turn) {
  if (execution() != nullptr) execution()->on(feeds, turn);
}

void Scheduler::handle(const ScriptEnded& ended, Turn& turn) {
  if (execution() != nullptr) execution()->on(ended, turn);
}

void Scheduler::handle(const RunRecorded& recorded, Turn& turn) {
  if (execution() != nullptr) execution()->on(recorded, turn);
}

void Scheduler::handle(const ProcessesAlive& alive, Turn& turn) {
  if (execution() != nullptr) execution()->on(alive, turn);
  auto* const leaving = std::get_if<Leaving>(&life_);
  if (leaving == nullptr || leaving->processes_over) return;
  leaving->processes_over = leaving->escalation.on(alive, turn) != Escalation::Verdict::waiting;
}

void Scheduler::handle(const OrphansReaped& reaped, Turn& turn) {
  if (execution() != nullptr) execution()->on(reaped, turn);
  auto* const leaving = std::get_if<Leaving>(&life_);
  if (leaving != nullptr && !leaving->processes_over) leaving->escalation.on(reaped, turn);
}

void Scheduler::handle(const RecordsFlushed& flushed, Turn&) {
  auto* const leaving = std::get_if<Leaving>(&life_);
  if (leaving != nullptr && flushed.serial == leaving->flush) leaving->flushed = true;
}

void Scheduler::on_time(Turn& turn) {
  hooks_.on_time(turn);
  if (execution() != nullptr) execution()->on_time(turn);
  auto* const leaving = std::get_if<Leaving>(&life_);
  if (leaving == nullptr) return;
  if (!leaving->processes_over) {
    leaving->processes_over = leaving->escalation.on_time(turn) != Escalation::Verdict::waiting;
  }
  if (!leaving->flushed) leaving->flushed = leaving->flush_deadline <= turn.now.mono;
}

// ---- what is next

void Scheduler::advance(Turn& turn) {
  while (!is_leaving() && advance_work(turn)) continue;
  record_later_ticks(turn);
  answer_reloads(turn);
  exit_if_done(turn);
}

// Returns: whether something was done, after which there may be more.
bool Scheduler::advance_work(Turn& turn) {
  if (const auto* const awaiting = std::get_if<AwaitingHooks>(&work_)) {
    if (hooks_.is_over(awaiting->reading)) {
      begin(Plan(awaiting->plan), turn);
      return true;
    }
  }
  if (execution() != nullptr && execution()->over() != nullptr) {
    const Executing done = std::get<Executing>(std::exchange(work_, Idle{}));
    after(done, turn);
    return true;
  }
  if (is_idle()) return begin_next(turn);
  skip_due_ticks(turn);
  return false;
}

bool Scheduler::begin_next(Turn& turn) {
  record_later_ticks(turn);
  if (shutdown_) {
    leave(turn);
    return true;
  }
  if (!queue_.empty()) {
    const Plan next = queue_.front();
    queue_.pop_front();
    plan(next, turn);
    return true;
  }
  if (!agenda_) {
    leave(turn);
    return true;
  }
  if (const std::optional<Agenda::Due> due = agenda_->take_due(turn.now.wall, tick_lead)) {
    agenda_->drop_retry();
    plan(due->plan, turn);
    miss({due->missed, std::nullopt}, "the daemon was delayed", turn);
    return true;
  }
  if (const std::optional<Plan> retry = agenda_->take_retry(turn.now.mono)) {
    plan(*retry, turn);
    return true;
  }
  return false;
}

void Scheduler::skip_due_ticks(Turn& turn) {
  if (!agenda_ || shutdown_) return;
  while (const std::optional<Agenda::Due> due = agenda_->take_due(turn.now.wall, Duration::zero())) {
    record_in_order(skip(due->plan, why_busy(), turn), turn);
    // As one that came while no daemon was there.
    if (is_preparing()) make_up(due->plan, turn);
    miss({due->missed, std::nullopt}, "the daemon was delayed", turn);
  }
}

std::string Scheduler::why_busy() const {
  if (execution() == nullptr) return "the hooks are being read";
  if (execution()->plan().job == JobId::install) return "install_dependencies is running";
  if (!execution()->begun()) return "a run is starting";
  return "run " + execution()->record().run_id + " is still running";
}

// ---- a run, from plan to first action

void Scheduler::plan(Plan plan, Turn& turn) {
  if (hooks_.current()) {
    begin(plan, turn);
  } else {
    work_ = AwaitingHooks{plan, hooks_.read(turn)};
  }
}

void Scheduler::begin(Plan plan, Turn& turn) {
  work_ = Idle{};
  if (plan.lost) {
    execute(plan, std::nullopt, turn);
    return;
  }
  const bool installed = preparation_.done(hooks_.set());
  if (plan.job == JobId::install && installed) {
    if (!agenda_) hooks_.trust_last_reading();  // the one run follows at once
    after_preparation(turn);
  } else if (plan.job == JobId::backup && agenda_ && !installed) {
    turn.tell(happened::InstallChanged{});
    execute(Plan{JobId::install, Trigger::install, plan.scheduled_at, plan.due_at}, plan, turn);
  } else {
    execute(plan, std::nullopt, turn);
  }
}

void Scheduler::execute(const Plan& plan, std::optional<Plan> held, Turn& turn) {
  if (plan.job == JobId::install && !plan.lost) preparation_.begin(hooks_.set());
  // An install ahead of a backup fails that one.
  const Plan& tried = held ? *held : plan;
  const bool retried = agenda_ && tried.job == JobId::backup;
  Execution::Settings settings{settings_.job.script_timeout, settings_.job.run_timeout,
                               retried ? agenda_->attempts_left(tried) : 0, why_it_cannot_begin(plan),
                               settings_.job.feed_timeout};
  const std::string run_id = plan.lost ? plan.lost->run_id : run_ids_.make(std::max(turn.now.wall, plan.due_at));
  work_ = Executing{Execution(plan, run_id, hooks_.set(), std::move(settings), turn), std::move(held)};
}

std::string Scheduler::why_it_cannot_begin(const Plan& plan) const {
  if (plan.lost) return "Run " + plan.lost->run_id + " was lost: " + plan.lost->reason;
  if (!hooks_.known()) return "Run could not start: " + hooks_.problem();
  const bool empty = plan.job == JobId::backup && hooks_.set().scripts(Hook::backups).empty();
  if (!empty || settings_.job.allow_empty) return {};
  return "Run could not start: there is no script in the folder backups (SIDEFRIDGE_ALLOW_EMPTY=true allows that)";
}

void Scheduler::handle(const RunRequested& run, Turn& turn) {
  if (shutdown_ || is_leaving()) {
    answer(run.request, Reply::stopping, turn);
  } else if (is_idle() || is_preparing()) {
    queue_.push_back(Plan{JobId::backup, Trigger::manual, turn.now.wall, turn.now.wall, 1, run.request});
  } else {
    answer(run.request, Reply::busy, turn);
  }
}

// ---- a run is over

void Scheduler::after(const Executing& done, Turn& turn) {
  switch (done.execution.over()->end) {
    case Execution::End::busy:
      after_busy(done.held.value_or(done.execution.plan()), done.execution.over()->holder_pid, turn);
      return;
    case Execution::End::withdrawn:
      answer(done.execution.plan().request, Reply::stopping, turn);
      if (done.held) withdraw(*done.held, turn);
      return;
    case Execution::End::finished:
      if (done.execution.plan().lost) {
        after_lost(done.execution.plan(), turn);
      } else if (done.execution.plan().job == JobId::install) {
        after_install(done, turn);
      } else {
        after_backup(done, turn);
      }
      return;
  }
}

void Scheduler::after_busy(const Plan& refused, int holder_pid, Turn& turn) {
  const std::string reason = holder_text(holder_pid) + " has a run in the same state folder";
  if (refused.job == JobId::install) {
    turn.tell(happened::RunRefused{reason});
    exit_code_ = exit_code_of(ErrorCode::busy);
    answer_queue(Reply::busy, turn);
    leave(turn);
  } else if (refused.request) {
    turn.tell(happened::RunRefused{reason});
    answer(refused.request, Reply::busy, turn);
  } else if (refused.attempt > 1 || refused.lost) {
    turn.tell(happened::RunRefused{reason});
    if (shutdown_) return;
    const Duration delay = agenda_->retry_again(refused, turn.now.mono);
    turn.tell(happened::RetryPlanned{delay, refused.attempt, settings_.job.retries + 1});
  } else {
    turn.act(RecordTick{skip(refused, reason, turn)});
  }
}

void Scheduler::after_install(const Executing& done, Turn& turn) {
  const RunRecord& install = done.execution.record();
  const bool succeeded = install.outcome == Outcome::succeeded;
  if (succeeded) preparation_.succeed();
  if (!done.held) {
    if (succeeded) {
      after_preparation(turn);
      return;
    }
    const bool stopped_daemon = agenda_ && install.outcome == Outcome::interrupted;
    exit_code_ = stopped_daemon ? 0 : 1;
    leave(turn);
    return;
  }
  if (shutdown_) {
    withdraw(*done.held, turn);
  } else if (succeeded) {
    execute(*done.held, std::nullopt, turn);
  } else {
    const RunRecord failed =
        record_without_run(*done.held, Outcome::failed, "install_dependencies failed: " + install.reason, turn);
    turn.tell(happened::RunRefused{failed.reason});
    turn.act(RecordTick{failed});
    answer(done.held->request, Reply::failed, turn);
    retry_if_left(*done.held, turn);
  }
}

void Scheduler::after_backup(const Executing& done, Turn& turn) {
  const Outcome outcome = done.execution.record().outcome;
  answer(done.execution.plan().request, outcome == Outcome::succeeded ? Reply::done : Reply::failed, turn);
  if (outcome == Outcome::failed) retry_if_left(done.execution.plan(), turn);
}

void Scheduler::after_lost(const Plan& lost, Turn& turn) {
  if (lost.job == JobId::backup) make_up(lost, turn);
}

// One run for all that ask for one, at most.
void Scheduler::make_up(const Plan& ended, Turn& turn) {
  const auto is_another = [](const Plan& plan) { return plan.job == JobId::backup && !plan.lost; };
  if (!agenda_ || std::any_of(queue_.begin(), queue_.end(), is_another)) return;
  if (ended.lost && agenda_->attempts_left(ended) > 0) {
    retry_if_left(ended, turn);
  } else if (const std::optional<Plan> plan = agenda_->make_up(ended, turn.now.wall); plan && !shutdown_) {
    queue_.push_back(*plan);
  }
}

void Scheduler::retry_if_left(const Plan& failed, Turn& turn) {
  if (!agenda_ || shutdown_ || agenda_->attempts_left(failed) == 0) return;
  const Duration delay = agenda_->retry_later(failed, turn.now.mono);
  turn.tell(happened::RetryPlanned{delay, failed.attempt + 1, settings_.job.retries + 1});
}

RunRecord Scheduler::record_without_run(const Plan& plan, Outcome outcome, std::string reason, const Turn& turn) const {
  RunRecord record;
  record.trigger = plan.trigger;
  record.attempt = plan.attempt;
  record.outcome = outcome;
  record.scheduled_at = plan.scheduled_at;
  record.started_at = turn.now.wall;
  record.finished_at = turn.now.wall;
  record.reason = std::move(reason);
  return record;
}

// Whether a tick was taken of which the store knows nothing yet.
bool Scheduler::tick_awaits_its_record() const noexcept {
  const auto is_tick = [](const Plan& plan) {
    return plan.trigger == Trigger::schedule && plan.attempt == 1 && !plan.lost;
  };
  if (const auto* const awaiting = std::get_if<AwaitingHooks>(&work_)) return is_tick(awaiting->plan);
  const auto* const executing = std::get_if<Executing>(&work_);
  if (executing == nullptr) return false;
  if (executing->held) return is_tick(*executing->held);
  return is_tick(executing->execution.plan()) && !executing->execution.recorded();
}

// For the one at hand its record is given out at once.
void Scheduler::record_in_order(RunRecord record, Turn& turn) {
  later_ticks_.push_back(std::move(record));
  record_later_ticks(turn);
}

void Scheduler::record_later_ticks(Turn& turn) {
  if (tick_awaits_its_record()) return;
  for (RunRecord& record : std::exchange(later_ticks_, {})) turn.act(RecordTick{std::move(record)});
}

RunRecord Scheduler::skip(const Plan& plan, const std::string& reason, Turn& turn) const {
  RunRecord record = record_without_run(plan, Outcome::skipped, reason, turn);
  turn.tell(happened::TickSkipped{record});
  return record;
}

// It was decided on, and SIGTERM came first. What nobody counts on leaves no record: the tick of a retry has one, and
// what is left of a lost run stays owed.
void Scheduler::withdraw(const Plan& plan, Turn& turn) {
  if (plan.job == JobId::backup && !plan.request && plan.attempt == 1 && !plan.lost) {
    RunRecord skipped = skip(plan, std::string(withdrawn_by_sigterm), turn);
    skipped.owed = stands_for_tick(plan);
    turn.act(RecordTick{std::move(skipped)});
  }
  answer(plan.request, Reply::stopping, turn);
}

void Scheduler::answer(const std::optional<Request>& request, Reply reply, Turn& turn) {
  if (!request) return;
  if (request->asker == Asker::command_line) {
    switch (reply) {
      case Reply::done: exit_code_ = 0; break;
      case Reply::failed:
      case Reply::stopping: exit_code_ = 1; break;
      case Reply::busy: exit_code_ = exit_code_of(ErrorCode::busy); break;
    }
  }
  turn.act(Answer{*request, reply});
}

void Scheduler::answer_queue(Reply reply, Turn& turn) {
  for (const Plan& plan : std::exchange(queue_, {})) answer(plan.request, reply, turn);
}

// ---- the end

void Scheduler::handle(const StopRequested& stop, Turn& turn) {
  stops_.push_back(stop.request);
  const bool again = shutdown_.has_value();
  const bool in_a_run = execution() != nullptr && execution()->begun();
  const Duration grace = in_a_run ? settings_.grace : Duration::zero();
  shutdown_ = again ? shutdown_->again(turn.now.mono) : Shutdown::at(turn.now.mono, grace);
  if (again) {
    turn.tell(happened::StopAskedAgain{});
  } else {
    turn.tell(happened::StopAsked{in_a_run ? execution()->record().run_id : std::string(), grace});
  }
  if (auto* const leaving = std::get_if<Leaving>(&life_)) {
    if (!leaving->processes_over) leaving->escalation.widen(Scope::everything, *shutdown_, turn);
    leaving->flush_deadline = std::min(leaving->flush_deadline, shutdown_->exit_deadline);
    return;
  }
  if (agenda_) agenda_->stop();
  for (const Plan& plan : std::exchange(queue_, {})) withdraw(plan, turn);
  if (execution() != nullptr) execution()->shut_down(*shutdown_, turn);
  if (const auto* const awaiting = std::get_if<AwaitingHooks>(&work_)) {
    const Plan withdrawn = awaiting->plan;
    work_ = Idle{};
    withdraw(withdrawn, turn);
  }
}

void Scheduler::leave(Turn& turn) {
  if (agenda_) agenda_->stop();
  hooks_.stop();
  answer_queue(Reply::stopping, turn);
  Escalation escalation(Scope::everything, happened::Whose::leftovers, {}, shutdown_, turn);
  const Serial flush = turn.new_serial();
  const MonoTime flush_deadline = shutdown_ ? std::max(shutdown_->exit_deadline, turn.now.mono + last_store_patience)
                                            : turn.now.mono + store_patience;
  turn.act(FlushRecords{flush});
  life_ = Leaving{std::move(escalation), false, flush, false, flush_deadline};
}

void Scheduler::exit_if_done(Turn& turn) {
  const auto* const leaving = std::get_if<Leaving>(&life_);
  if (leaving == nullptr || !leaving->processes_over || !leaving->flushed) return;
  life_ = Gone{};
  for (const Request& stop : stops_) answer(stop, Reply::done, turn);
  turn.tell(happened::Ended{});
  turn.act(Exit{exit_code_});
}

}  // namespace sidefridge::core
