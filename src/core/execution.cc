// execution.cc - what follows from each event in each state of a run.
#include "sidefridge/core/execution.h"

#include <algorithm>
#include <utility>

#include "sidefridge/base/overloaded.h"
#include "sidefridge/text/time_format.h"

namespace sidefridge::core {
namespace {

constexpr Duration longest_poise = std::chrono::seconds(1);
static_assert(longest_poise > tick_lead);

RunRecord record_of(const Plan& plan, const std::string& run_id, WallTime now) {
  if (plan.lost) return *plan.lost;
  RunRecord record;
  record.started_at = std::max(now, plan.due_at);
  record.run_id = run_id;
  record.job = plan.job;
  record.trigger = plan.trigger;
  record.attempt = plan.attempt;
  record.scheduled_at = plan.scheduled_at;
  return record;
}

bool due(const std::optional<MonoTime>& deadline, MonoTime now) noexcept {
  return deadline && *deadline <= now;
}

}  // namespace

Execution::Execution(Plan plan, const std::string& run_id, const HookSet& hooks, Settings settings, Turn& turn)
    : plan_(plan),
      settings_(std::move(settings)),
      run_(record_of(plan, run_id, turn.now.wall), job_of(plan.job), hooks),
      begin_serial_(turn.new_serial()),
      state_(Recording{begin_serial_, turn.now.mono + store_patience}) {
  turn.act(BeginRun{begin_serial_, run_.record()});
}

// ---- the intent

void Execution::on(const RunBegun& begun, Turn& turn) {
  if (begun.serial != begin_serial_) return;
  // However late: the final record takes the place of the intent.
  run_.record().sequence = begun.sequence;
  std::visit(Overloaded{[&](Recording&) {
                          if (shutdown_) {
                            withdraw(turn);
                          } else {
                            if (!settings_.cannot_begin.empty()) run_.fail(settings_.cannot_begin);
                            start_when_due(turn);
                          }
                        },
                        Ignored<Poised, Running, Ending, Sweeping, Finishing, Over>{}},
             state_);
}

void Execution::on(const RunBusy& busy, Turn&) {
  if (busy.serial != begin_serial_ || !std::holds_alternative<Recording>(state_)) return;
  state_ = Over{End::busy, busy.holder_pid};
}

void Execution::on(const RunUnrecorded& unrecorded, Turn& turn) {
  if (unrecorded.serial != begin_serial_ || !std::holds_alternative<Recording>(state_)) return;
  if (shutdown_) {
    withdraw(turn);
    return;
  }
  turn.tell(happened::RunUnrecorded{record().run_id, unrecorded.error.text});
  cannot_begin("Run could not start: " + unrecorded.error.text);
  start_when_due(turn);
}

void Execution::cannot_begin(std::string reason) {
  run_.fail(settings_.cannot_begin.empty() ? std::move(reason) : settings_.cannot_begin);
}

// A wall clock that was set back does not hold up a run that has begun; that it is set by a moment, as NTP does, is
// waited for.
void Execution::start_when_due(Turn& turn) {
  const Duration wait = plan_.due_at - turn.now.wall;
  if (wait > Duration::zero() && wait <= longest_poise) {
    state_ = Poised{};
  } else {
    start(turn);
  }
}

void Execution::start(Turn& turn) {
  begun_ = true;
  run_.record().started_at = std::min(run_.record().started_at, turn.now.wall);
  began_at_ = turn.now.wall;
  began_mono_ = turn.now.mono;
  if (plan_.lost) {
    turn.tell(happened::LostRunFollowed{record().run_id});
  } else {
    turn.tell(happened::RunStarted{record().run_id, record().trigger});
  }
  limit_run(turn);
  run_next_script(turn);
}

void Execution::limit_run(Turn& turn) noexcept {
  if (settings_.run_timeout > Duration::zero()) run_deadline_ = turn.now.mono + settings_.run_timeout;
}

// The wall clock as it was when the run began, and went on: whatever happens to it since, nothing takes negative time.
WallTime Execution::run_clock(const Turn& turn) const noexcept {
  return begun_ ? began_at_ + (turn.now.mono - began_mono_) : turn.now.wall;
}

// ---- scripts

void Execution::run_next_script(Turn& turn) {
  const Script* const script = run_.next_script();
  if (script == nullptr) {
    sweep(turn);
    return;
  }
  const Serial serial = turn.new_serial();
  Running running{serial, std::nullopt};
  if (settings_.script_timeout > Duration::zero()) running.deadline = turn.now.mono + settings_.script_timeout;
  script_began_ = turn.now.mono;
  const RunRecord& record = run_.record();
  StartScript start{serial,
                    *script,
                    record.run_id,
                    record.trigger,
                    record.scheduled_at,
                    record.attempt,
                    settings_.attempts_left,
                    run_.in_on_error() ? run_.failure() : std::nullopt};
  run_.on_started(run_clock(turn));
  turn.tell(happened::ScriptStarted{record.run_id, start.script});
  turn.act(std::move(start));
  // While the script gets going: nobody waits for it.
  save_steps(turn);
  state_ = running;
}

void Execution::save_steps(Turn& turn) {
  const std::vector<StepRecord>& steps = record().steps;
  if (steps.empty()) return;
  const std::size_t first = steps.size() < 2 ? 0 : steps.size() - 2;  // the one that ended, the one that was started
  turn.act(SaveSteps{record().run_id, first, {steps.begin() + static_cast<std::ptrdiff_t>(first), steps.end()}});
}

void Execution::on(const ScriptFeeds& feeds, Turn& turn) {
  auto* const running = std::get_if<Running>(&state_);
  if (running == nullptr || feeds.serial != running->awaited || std::exchange(running->feeds, true)) return;
  if (settings_.feed_timeout != Duration::zero()) running->feed_deadline = turn.now.mono + settings_.feed_timeout;
  turn.tell(happened::ScriptFeeds{record().run_id, run_.running_script(), feeds.processes});
}

void Execution::on(const ScriptEnded& ended, Turn& turn) {
  std::visit(Overloaded{[&](Running& running) {
                          if (ended.serial == running.awaited) script_over(ended.result, turn);
                        },
                        [&](Ending& ending) {
                          if (ended.serial != ending.awaited) return;
                          ScriptResult result = ended.result;
                          result.outcome = ending.outcome;
                          result.detail = ending.detail;
                          script_over(std::move(result), turn);
                        },
                        Ignored<Recording, Poised, Sweeping, Finishing, Over>{}},
             state_);
}

void Execution::script_over(ScriptResult result, Turn& turn) {
  const bool in_chain = !run_.in_on_error();
  const Duration elapsed = turn.now.mono - script_began_;
  turn.tell(happened::ScriptFinished{record().run_id, run_.running_script(), result, elapsed});
  run_.on_ended(result, elapsed);
  if (grace_over_) run_.interrupt(why_interrupted());
  // on_error as a whole has the time of the chain once more; after a script that used it up, the others have it again:
  // an alert does not depend on what hangs before it.
  if (in_chain && run_.in_on_error()) run_deadline_.reset();
  if (!run_deadline_ || due(run_deadline_, turn.now.mono)) limit_run(turn);
  run_next_script(turn);
}

void Execution::end_script(StepOutcome outcome, std::string detail, Scope scope, Turn& turn) {
  const Serial awaited = std::get<Running>(state_).awaited;
  state_ = Ending{awaited, outcome, std::move(detail),
                  Escalation(scope, happened::Whose::script, record().run_id, shutdown_, turn)};
}

// ---- the end

void Execution::sweep(Turn& turn) {
  save_steps(turn);
  if (plan_.job == JobId::install) {
    // What install_dependencies left behind lives on; if it failed, the daemon's end ends it.
    finish(turn);
    return;
  }
  const Scope scope = shutdown_ ? Scope::everything : Scope::run;
  state_ = Sweeping{Escalation(scope, happened::Whose::leftovers, record().run_id, shutdown_, turn)};
}

void Execution::on(const ProcessesAlive& alive, Turn& turn) {
  std::visit(Overloaded{[&](Ending& ending) {
                          // Whether the script is over, ScriptEnded says; who else there is, is only told.
                          static_cast<void>(ending.escalation.on(alive, turn));
                        },
                        [&](Sweeping& sweeping) {
                          if (sweeping.escalation.on(alive, turn) == Escalation::Verdict::gone) finish(turn);
                        },
                        Ignored<Recording, Poised, Running, Finishing, Over>{}},
             state_);
}

void Execution::on(const OrphansReaped& reaped, Turn& turn) {
  if (auto* const sweeping = std::get_if<Sweeping>(&state_)) sweeping->escalation.on(reaped, turn);
}

void Execution::finish(Turn& turn) {
  run_.finish(run_clock(turn));
  run_.record().owed =
      grace_over_ && (plan_.lost || (record().outcome == Outcome::interrupted && stands_for_tick(plan_)));
  record(End::finished, turn);
  turn.tell(happened::RunFinished{record(), begun_ ? turn.now.mono - began_mono_ : Duration::zero()});
}

void Execution::withdraw(Turn& turn) {
  RunRecord& record = run_.record();
  if (plan_.lost) {
    record = *plan_.lost;
    this->record(End::withdrawn, turn);
    return;
  }
  record.started_at = turn.now.wall;
  record.finished_at = turn.now.wall;
  record.outcome = Outcome::skipped;
  record.reason = withdrawn_by_sigterm;
  record.owed = stands_for_tick(plan_);
  turn.tell(happened::TickSkipped{record});
  this->record(End::withdrawn, turn);
}

void Execution::record(End end, Turn& turn) {
  const Serial serial = turn.new_serial();
  const MonoTime deadline = shutdown_ ? std::max(shutdown_->record_deadline, turn.now.mono + last_store_patience)
                                      : turn.now.mono + store_patience;
  run_deadline_.reset();
  turn.act(FinishRun{serial, run_.record()});
  state_ = Finishing{serial, deadline, end};
}

void Execution::on(const RunRecorded& recorded, Turn&) {
  const auto* const finishing = std::get_if<Finishing>(&state_);
  if (finishing != nullptr && recorded.serial == finishing->awaited) state_ = Over{finishing->end};
}

// ---- time

void Execution::on_time(Turn& turn) {
  const MonoTime now = turn.now.mono;
  if (shutdown_ && !grace_over_ && shutdown_->grace_deadline <= now) interrupt(turn);
  std::visit(Overloaded{[&](Recording& recording) {
                          if (recording.deadline > now) return;
                          if (shutdown_) {
                            withdraw(turn);
                            return;
                          }
                          const std::string reason =
                              "the state folder did not answer for " + text::format_duration(store_patience);
                          turn.tell(happened::RunUnrecorded{record().run_id, reason});
                          cannot_begin("Run could not start: " + reason);
                          start_when_due(turn);
                        },
                        [&](Poised&) { start_when_due(turn); },
                        [&](Running& running) {
                          if (due(running.deadline, now)) {
                            end_script(StepOutcome::timed_out,
                                       "it ran longer than SIDEFRIDGE_SCRIPT_TIMEOUT allows (" +
                                           text::format_duration(settings_.script_timeout) + ")",
                                       Scope::script, turn);
                          } else if (due(running.feed_deadline, now)) {
                            end_script(StepOutcome::timed_out,
                                       "it has ended, but what it feeds has not within SIDEFRIDGE_FEED_TIMEOUT (" +
                                           text::format_duration(settings_.feed_timeout) + ")",
                                       Scope::script, turn);
                          } else if (due(run_deadline_, now)) {
                            run_deadline_.reset();
                            end_script(StepOutcome::timed_out,
                                       "the run took longer than SIDEFRIDGE_RUN_TIMEOUT allows (" +
                                           text::format_duration(settings_.run_timeout) + ")",
                                       Scope::script, turn);
                          }
                        },
                        [&](Ending& ending) {
                          if (ending.escalation.on_time(turn) != Escalation::Verdict::given_up) return;
                          ScriptResult result;
                          result.outcome = ending.outcome;
                          result.detail = ending.detail + "; it did not end although it got SIGKILL";
                          turn.act(AbandonScript{});
                          script_over(std::move(result), turn);
                        },
                        [&](Sweeping& sweeping) {
                          if (sweeping.escalation.on_time(turn) == Escalation::Verdict::given_up) finish(turn);
                        },
                        [&](Finishing& finishing) {
                          if (finishing.deadline > now) return;
                          turn.tell(happened::RecordUnconfirmed{record().run_id});
                          state_ = Over{finishing.end};
                        },
                        Ignored<Over>{}},
             state_);
}

void Execution::shut_down(const Shutdown& shutdown, Turn& turn) {
  shut_down_again_ = shutdown_.has_value();
  const bool interrupted_before = grace_over_;  // else interrupt() sends the signal
  shutdown_ = shutdown;
  const MonoTime last_word = turn.now.mono + last_store_patience;
  std::visit(Overloaded{[&](Recording& recording) { recording.deadline = std::min(recording.deadline, last_word); },
                        [&](Poised&) { withdraw(turn); },
                        [&](Finishing& finishing) {
                          finishing.deadline =
                              std::min(finishing.deadline, std::max(shutdown.record_deadline, last_word));
                        },
                        [&](Ending& ending) {
                          if (interrupted_before) ending.escalation.widen(Scope::everything, shutdown, turn);
                        },
                        [&](Sweeping& sweeping) {
                          if (interrupted_before) sweeping.escalation.widen(Scope::everything, shutdown, turn);
                        },
                        Ignored<Running, Over>{}},
             state_);
  if (!grace_over_ && shutdown.grace_deadline <= turn.now.mono) interrupt(turn);
}

std::string Execution::why_interrupted() const {
  return shut_down_again_ ? "SIGTERM came twice" : "SIGTERM came, and SIDEFRIDGE_GRACE was over";
}

// The grace is over: whatever runs is ended, on_error included.
void Execution::interrupt(Turn& turn) {
  grace_over_ = true;
  std::visit(Overloaded{[&](Running&) {
                          run_.interrupt(why_interrupted());
                          end_script(StepOutcome::interrupted, why_interrupted(), Scope::everything, turn);
                        },
                        // What it timed out for comes first: a failure before the end of the grace stays one.
                        [&](Ending& ending) { ending.escalation.widen(Scope::everything, *shutdown_, turn); },
                        // Its scripts are over: how it ended stays.
                        [&](Sweeping& sweeping) { sweeping.escalation.widen(Scope::everything, *shutdown_, turn); },
                        Ignored<Recording, Poised, Finishing, Over>{}},
             state_);
}

std::optional<WallTime> Execution::wall_deadline() const noexcept {
  if (std::holds_alternative<Poised>(state_)) return plan_.due_at;
  return std::nullopt;
}

std::optional<MonoTime> Execution::mono_deadline() const noexcept {
  using Deadline = std::optional<MonoTime>;
  const auto earlier = [](const Deadline& a, const Deadline& b) { return !a ? b : !b ? a : std::min(a, b); };
  const Deadline grace = shutdown_ && !grace_over_ ? Deadline(shutdown_->grace_deadline) : std::nullopt;
  return std::visit(Overloaded{[&](const Recording& recording) { return Deadline(recording.deadline); },
                               [&](const Poised&) { return Deadline(); },
                               [&](const Running& running) {
                                 return earlier(earlier(running.deadline, running.feed_deadline),
                                                earlier(run_deadline_, grace));
                               },
                               [&](const Ending& ending) { return earlier(ending.escalation.deadline(), grace); },
                               [&](const Sweeping& sweeping) { return earlier(sweeping.escalation.deadline(), grace); },
                               [&](const Finishing& finishing) { return Deadline(finishing.deadline); },
                               [&](const Over&) { return Deadline(); }},
                    state_);
}

bool Execution::recorded() const noexcept {
  return record().sequence != 0 || std::holds_alternative<Finishing>(state_) || std::holds_alternative<Over>(state_);
}

const char* Execution::state_name() const noexcept {
  return std::visit(Overloaded{[](const Recording&) { return "recording"; }, [](const Poised&) { return "poised"; },
                               [](const Running&) { return "running"; }, [](const Ending&) { return "ending"; },
                               [](const Sweeping&) { return "sweeping"; }, [](const Finishing&) { return "finishing"; },
                               [](const Over&) { return "over"; }},
                    state_);
}

}  // namespace sidefridge::core
