// tick_ledger.cc - counts ticks one by one, as slowly as it is plain.
#include "tests/sim/tick_ledger.h"

#include <algorithm>
#include <utility>

#include "sidefridge/core/agenda.h"
#include "sidefridge/core/patience.h"
#include "sidefridge/cron/ticks.h"
#include "sidefridge/text/time_format.h"

namespace sidefridge::sim {
namespace {

std::string shown(WallTime at) {
  return text::format_rfc3339(at, text::Precision::milliseconds);
}

WallTime last_of(const core::RunRecord& record) {
  return record.last_scheduled_at.value_or(record.scheduled_at);
}

}  // namespace

bool stands_for_ticks(const core::RunRecord& record) {
  return record.trigger == core::Trigger::schedule && record.attempt == 1;
}

std::optional<WallTime> TickLedger::Era::next(WallTime after) const {
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const auto tick = cron::next(segments[i].schedule, std::max(after, segments[i].from));
    if (!tick) continue;
    if (i + 1 == segments.size() || *tick <= segments[i + 1].from) return tick;
  }
  return std::nullopt;
}

TickLedger::Complaint TickLedger::begin(cron::Schedule schedule, Duration delay, WallTime now, WallTime settled_until) {
  Complaint complaint;
  if (reached_ && *reached_ != settled_until && !gaps_forgiven_) {
    complaint =
        "the folder has the schedule settled until " + shown(settled_until) + ", its history until " + shown(*reached_);
  }
  reached_.reset();
  from_folder_ = settled_until;
  // A clock that was set back far while no daemon was there: the schedule starts over.
  const WallTime from = settled_until - now >= core::clock_step_limit ? now : settled_until;
  delay_ = delay;
  eras_ = {Era{{{std::move(schedule), from}}, now, {}}};
  settled_until_ = {from};
  refused_.reset();
  return complaint;
}

WallTime TickLedger::due(const Era& era, WallTime tick) const {
  if (delay_ == Duration::zero()) return tick;
  const std::optional<WallTime> following = era.next(tick);
  return tick + (following ? delay_ % (*following - tick) : delay_);
}

WallTime TickLedger::taken(const Era& era, WallTime reached) const {
  std::optional<WallTime> next = era.next(reached);
  for (; next && due(era, *next) <= era.highest; next = era.next(reached)) reached = *next;
  return reached;
}

void TickLedger::see(WallTime now) {
  if (!eras_.empty()) eras_.back().highest = std::max(eras_.back().highest, now);
}

void TickLedger::step(Duration by, WallTime now) {
  if (eras_.empty() || std::chrono::abs(by) < core::clock_step_limit) return;
  const Era& era = eras_.back();
  const WallTime reached = taken(era, settled_until_.back().value_or(era.segments.front().from));
  const std::optional<WallTime> next = era.next(reached);
  const bool may_be_taken = next && *next > now && due(era, *next) <= era.highest + core::tick_lead;
  if (reached <= now && !may_be_taken) return;
  eras_.push_back(Era{{{era.segments.back().schedule, now}}, now, {}});
  settled_until_.emplace_back();
}

void TickLedger::change(const cron::Schedule& schedule, WallTime now) {
  // Not where its records are over.
  const auto goes_on = std::find_if(settled_until_.begin(), settled_until_.end(),
                                    [](const std::optional<WallTime>& until) { return until.has_value(); });
  for (auto i = static_cast<std::size_t>(goes_on - settled_until_.begin()); i < eras_.size(); ++i) {
    Era& era = eras_[i];
    std::optional<WallTime>& settled_until = settled_until_[i];
    const WallTime reached = settled_until.value_or(era.segments.front().from);
    // What has come is dealt with first, though its record may be still to come.
    const WallTime taken_until = taken(era, reached);
    const std::optional<WallTime> next = era.next(taken_until);
    if (next && *next > now && due(era, *next) <= era.highest + core::tick_lead) era.early.insert(*next);
    const bool owed = taken_until > reached || (next && *next <= now);
    const WallTime from = std::max(taken_until, now);
    while (!era.segments.empty() && era.segments.back().from >= from) era.segments.pop_back();
    era.segments.push_back({schedule, from});
    era.highest = now;
    if (!owed && settled_until) settled_until = from;
  }
}

TickLedger::Complaint TickLedger::match(const Era& era, WallTime settled_until, const core::RunRecord& record) {
  std::optional<WallTime> tick = era.next(settled_until);
  const WallTime last = last_of(record);
  if (record.scheduled_at > settled_until && era.early.contains(record.scheduled_at)) tick = record.scheduled_at;
  if (tick != record.scheduled_at) {
    return "tick " + shown(record.scheduled_at) + " is dealt with, but next is " + (tick ? shown(*tick) : "none");
  }
  std::uint64_t count = 1;
  while (count < record.ticks && tick) {
    tick = era.next(*tick);
    ++count;
  }
  const bool counted = record.ticks < cron::most_counted_ticks;
  if (!tick || (counted ? *tick != last : *tick > last)) {
    return std::to_string(record.ticks) + " ticks from " + shown(record.scheduled_at) + " on end at " +
           (tick ? shown(*tick) : "no tick") + ", not at " + shown(last);
  }
  return std::nullopt;
}

TickLedger::Complaint TickLedger::deal_with(const core::RunRecord& record) {
  if (!stands_for_ticks(record) || eras_.empty()) return std::nullopt;
  const bool again = refused_ == record.scheduled_at && !record.last_scheduled_at;
  refused_.reset();
  if (again) return std::nullopt;
  if (auto complaint = follow(settled_until_, record)) return complaint;
  // The last of those before a change: the new schedule has come.
  const Era& era = eras_.back();
  std::optional<WallTime>& settled_until = settled_until_.back();
  if (!settled_until) return std::nullopt;
  const WallTime newest = era.segments.back().from;
  const std::optional<WallTime> next = era.next(*settled_until);
  if (!next || *next > newest) settled_until = std::max(*settled_until, newest);
  return std::nullopt;
}

void TickLedger::refuse(const core::RunRecord& begun) {
  if (stands_for_ticks(begun)) refused_ = begun.scheduled_at;
}

TickLedger::Complaint TickLedger::follow(Cursors& cursors, const core::RunRecord& record) const {
  Complaint complaint;
  Cursors after(cursors.size());
  bool understood = false;
  bool may_begin = false;  // an era may follow one that is not at its end
  for (std::size_t i = 0; i < cursors.size(); ++i) {
    const Era& era = eras_[i];
    if (cursors[i]) complaint = match(era, *cursors[i], record);
    const bool goes_on = cursors[i] && !complaint;
    const bool begins = may_begin && !match(era, era.segments.front().from, record);
    if (goes_on || begins) {
      after[i] = last_of(record);
      understood = true;
    }
    may_begin |= cursors[i].has_value();
  }
  if (!understood) return complaint;
  cursors = std::move(after);
  return std::nullopt;
}

TickLedger::Complaint TickLedger::expect_all_until(WallTime now) const {
  if (eras_.empty()) return std::nullopt;
  const Era& era = eras_.back();
  const std::optional<WallTime> next = era.next(settled_until_.back().value_or(era.segments.front().from));
  if (!next || due(era, *next) > now) return std::nullopt;
  return "tick " + shown(*next) + " has come, and nothing became of it";
}

std::vector<std::string> TickLedger::end(const History& history) {
  std::vector<std::string> complaints;
  Cursors settled_until(eras_.size());
  if (!eras_.empty()) {
    settled_until.front() = eras_.front().segments.front().from;
    reached_ = from_folder_;
  }
  for (auto entry = history.upper_bound(read_until_); entry != history.end(); ++entry) {
    read_until_ = entry->first;
    const core::RunRecord& record = entry->second;
    if (!stands_for_ticks(record) || eras_.empty()) continue;
    if (const Complaint complaint = follow(settled_until, record)) {
      // After a gap the records go on where they do.
      if (!gaps_forgiven_) complaints.push_back("in the history, " + *complaint);
      std::fill(settled_until.begin(), settled_until.end(), last_of(record));
    }
    reached_ = last_of(record);
  }
  eras_.clear();
  return complaints;
}

}  // namespace sidefridge::sim
