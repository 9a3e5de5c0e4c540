// tick_ledger.cc - counts ticks one by one, as slowly as it is plain.
#include "tests/sim/tick_ledger.h"

#include <algorithm>
#include <utility>

#include "sidefridge/core/agenda.h"
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

TickLedger::Complaint TickLedger::begin(cron::Schedule schedule, WallTime now, WallTime settled_until) {
  Complaint complaint;
  if (reached_ && *reached_ != settled_until && !gaps_forgiven_) {
    complaint =
        "the folder has the schedule settled until " + shown(settled_until) + ", its history until " + shown(*reached_);
  }
  reached_.reset();
  from_folder_ = settled_until;
  // A clock that was set back far while no daemon was there: the schedule starts over.
  const WallTime from = settled_until - now >= core::clock_step_limit ? now : settled_until;
  eras_ = {Era{{{std::move(schedule), from}}, from}};
  begun_.reset();
  return complaint;
}

void TickLedger::step(Duration by, WallTime now) {
  if (eras_.empty() || by > -core::clock_step_limit) return;
  if (eras_.back().settled_until <= now) return;
  eras_.push_back(Era{{{eras_.back().segments.back().schedule, now}}, now});
}

void TickLedger::change(cron::Schedule schedule, WallTime now) {
  if (eras_.empty()) return;
  Era& era = eras_.back();
  const std::optional<WallTime> next = era.next(era.settled_until);
  const bool owed = next && *next <= now;
  const WallTime from = std::max(era.settled_until, now);
  while (!era.segments.empty() && era.segments.back().from >= from) era.segments.pop_back();
  era.segments.push_back({std::move(schedule), from});
  if (!owed) era.settled_until = from;
}

TickLedger::Complaint TickLedger::match(const Era& era, WallTime settled_until, const core::RunRecord& record) {
  std::optional<WallTime> tick = era.next(settled_until);
  const WallTime last = last_of(record);
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
  const bool begins = record.outcome == core::Outcome::running;
  if (!begins && begun_ == record.scheduled_at && !record.last_scheduled_at) {
    begun_.reset();
    return std::nullopt;
  }
  // A tick that was taken before the schedule started over, or was to be skipped then, may come to its record later.
  auto era = std::prev(eras_.end());
  const Complaint complaint = match(*era, era->settled_until, record);
  for (bool matches = !complaint; !matches;) {
    if (era == eras_.begin() || era->touched) return complaint;
    --era;
    matches = !match(*era, era->settled_until, record);
  }
  if (begins) begun_ = record.scheduled_at;
  era->touched = true;
  era->settled_until = last_of(record);
  // The last of those before a change: the new schedule has come.
  const WallTime newest = era->segments.back().from;
  const std::optional<WallTime> next = era->next(era->settled_until);
  if (!next || *next > newest) era->settled_until = std::max(era->settled_until, newest);
  return std::nullopt;
}

TickLedger::Complaint TickLedger::expect_all_until(WallTime now, Duration longest_delay) const {
  if (eras_.empty()) return std::nullopt;
  const std::optional<WallTime> next = eras_.back().next(eras_.back().settled_until);
  if (!next || *next > now - longest_delay) return std::nullopt;
  return "tick " + shown(*next) + " has come, and nothing became of it";
}

std::vector<std::string> TickLedger::end(const History& history) {
  std::vector<std::string> complaints;
  auto era = eras_.begin();
  WallTime settled_until = eras_.empty() ? WallTime{} : era->segments.front().from;
  if (!eras_.empty()) reached_ = from_folder_;
  for (auto entry = history.upper_bound(read_until_); entry != history.end(); ++entry) {
    read_until_ = entry->first;
    const core::RunRecord& record = entry->second;
    if (!stands_for_ticks(record) || eras_.empty()) continue;
    Complaint complaint = match(*era, settled_until, record);
    // Where the schedule started over it may go on there.
    for (auto later = std::next(era); complaint && later != eras_.end(); ++later) {
      if (match(*later, later->segments.front().from, record)) continue;
      era = later;
      complaint.reset();
    }
    if (complaint && gaps_forgiven_ && record.scheduled_at > settled_until) complaint.reset();
    if (complaint) complaints.push_back("in the history, " + *complaint);
    settled_until = last_of(record);
    reached_ = settled_until;
  }
  eras_.clear();
  return complaints;
}

}  // namespace sidefridge::sim
