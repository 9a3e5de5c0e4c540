// agenda.cc - ticks taken one by one, and what is owed for those that were not.
#include "sidefridge/core/agenda.h"

#include <algorithm>
#include <utility>

namespace sidefridge::core {

Agenda::Missed Agenda::start(WallTime now, std::optional<WallTime> settled_until) {
  if (!settled_until) {
    ticks_.start(now);
    return {};
  }
  if (*settled_until > now) {
    // As after a step back of the wall clock, which is what it was.
    const bool far = *settled_until - now >= clock_step_limit;
    ticks_.start(far ? now : *settled_until);
    return {std::nullopt, std::nullopt, settled_until};
  }
  ticks_.start(*settled_until);
  return pass_over(now);
}

// One run stands for all that were missed.
Agenda::Missed Agenda::pass_over(WallTime now) {
  Missed missed{ticks_.pass_over(now), std::nullopt};
  if (!missed.ticks || settings_.catch_up == Duration::zero()) return missed;
  const std::optional<WallTime> first =
      cron::next(schedule(), std::max(missed.ticks->first - Duration(1), now - settings_.catch_up));
  if (first && *first <= missed.ticks->last) missed.catch_up = Plan{JobId::backup, Trigger::catch_up, *first, now};
  return missed;
}

void Agenda::stop() noexcept {
  ticks_.stop();
  retry_.reset();
}

Agenda::Missed Agenda::on_clock_stepped(Duration step, WallTime now) {
  if (step > -clock_step_limit && step < clock_step_limit) return {};
  const Missed missed = pass_over(now);
  if (ticks_.settled_until() > now) ticks_.start(now);
  return missed;
}

std::optional<Agenda::Due> Agenda::take_due(WallTime now, Duration lead) {
  if (!ticks_.next() || ticks_.next()->due_at - lead > now) return std::nullopt;
  const cron::Tick tick = ticks_.take();
  return Due{Plan{JobId::backup, Trigger::schedule, tick.at, tick.due_at}, ticks_.pass_over(now)};
}

std::optional<Plan> Agenda::make_up(const Plan& ended, WallTime now) const {
  const bool lost_again = ended.lost && ended.trigger == Trigger::catch_up;
  if (!stands_for_tick(ended) || lost_again || settings_.catch_up == Duration::zero()) return std::nullopt;
  if (ended.scheduled_at > now || ended.scheduled_at < now - settings_.catch_up) return std::nullopt;
  return Plan{JobId::backup, Trigger::catch_up, ended.scheduled_at, now};
}

std::optional<WallTime> Agenda::due_at() const noexcept {
  if (!ticks_.next()) return std::nullopt;
  return ticks_.next()->due_at;
}

std::uint32_t Agenda::attempts_left(const Plan& plan) const noexcept {
  return plan.attempt <= settings_.retries ? settings_.retries + 1 - plan.attempt : 0;
}

// `attempt` is that of the retry: 2 is the first.
Duration Agenda::delay_before(std::uint32_t attempt) const noexcept {
  Duration delay = std::min(settings_.retry_delay, longest_retry_delay);
  for (std::uint32_t doubled = 2; doubled < attempt && delay < longest_retry_delay; ++doubled) {
    delay = std::min(2 * delay, longest_retry_delay);
  }
  return delay;
}

Duration Agenda::retry_later(const Plan& failed, MonoTime now) {
  Plan again = failed;
  ++again.attempt;
  again.request.reset();  // who asked has been answered
  again.lost.reset();
  return retry_again(again, now);
}

Duration Agenda::retry_again(const Plan& refused, MonoTime now) {
  const Duration delay = delay_before(refused.attempt);
  retry_ = Retry{refused, now + delay};
  return delay;
}

std::optional<Plan> Agenda::take_retry(MonoTime now) {
  if (!retry_ || retry_->deadline > now) return std::nullopt;
  return std::exchange(retry_, std::nullopt)->plan;
}

std::optional<MonoTime> Agenda::retry_deadline() const noexcept {
  if (!retry_) return std::nullopt;
  return retry_->deadline;
}

RunRecord record_of_missed(const cron::TickSpan& ticks, std::string reason, WallTime now) {
  RunRecord record;
  record.outcome = Outcome::missed;
  record.scheduled_at = ticks.first;
  record.last_scheduled_at = ticks.last;
  record.ticks = ticks.count;
  record.started_at = now;
  record.finished_at = now;
  record.reason = std::move(reason);
  return record;
}

}  // namespace sidefridge::core
