// known_hooks.cc - touches that settle, polls, and news of a reading.
#include "sidefridge/core/known_hooks.h"

#include <algorithm>
#include <utility>

#include "sidefridge/core/hook_changes.h"
#include "sidefridge/core/patience.h"
#include "sidefridge/text/join.h"
#include "sidefridge/text/time_format.h"

namespace sidefridge::core {
namespace {

/// "1 before_backups, 2 backups": what there is to run.
std::string count_scripts(const HookSet& hooks) {
  std::vector<std::string> counts;
  for (const Hook hook : all_hooks) {
    const std::size_t count = hooks.scripts(hook).size();
    if (count > 0) counts.push_back(std::to_string(count) + " " + std::string(name_of(hook)));
  }
  return counts.empty() ? "none" : text::join(counts);
}

}  // namespace

void KnownHooks::on_touched(MonoTime now) noexcept {
  if (stopped_) return;
  if (!first_touch_) first_touch_ = now;
  reread_deadline_ = std::min(now + settings_.settle, *first_touch_ + std::max(longest_settling, settings_.settle));
}

void KnownHooks::on_watched(HooksWatched::By by, MonoTime now) noexcept {
  if (watched_by_ == by) return;
  watched_by_ = by;
  current_ = false;
  if (known_) {
    on_touched(now);
  } else if (!first_touch_) {
    poll_from(now);
  }
}

void KnownHooks::poll_from(MonoTime now) noexcept {
  const bool polls = !stopped_ && watched_by_ == HooksWatched::By::polling && settings_.poll > Duration::zero();
  reread_deadline_ = polls ? std::optional(now + settings_.poll) : std::nullopt;
}

Serial KnownHooks::read(Turn& turn) {
  if (reading_) {
    if (!wanted_) wanted_ = turn.new_serial();
    // Behind one that hangs it would hang, too.
    if (!reading_->deadline) over_until_ = *wanted_;
    return *wanted_;
  }
  const Serial serial = turn.new_serial();
  begin(serial, turn);
  return serial;
}

void KnownHooks::begin(Serial serial, Turn& turn) {
  first_touch_.reset();
  poll_from(turn.now.mono);
  reading_ = Reading{serial, turn.now.mono + hooks_patience};
  turn.act(ReadHooks{serial});
}

// Returns: whether this is the answer that is awaited.
bool KnownHooks::end(Serial serial, Turn& turn) {
  if (!reading_ || reading_->serial != serial) return false;
  reading_.reset();
  over_until_ = std::max(over_until_, serial);
  if (wanted_ && !stopped_) begin(*std::exchange(wanted_, std::nullopt), turn);
  return true;
}

void KnownHooks::on_read(const HooksRead& read, Turn& turn) {
  if (!end(read.serial, turn)) return;
  std::set<std::string> heard;
  complain(LogLevel::warning, read.warnings, turn, heard);
  complain(LogLevel::debug, read.skipped, turn, heard);
  complaints_ = std::move(heard);
  if (!known_) {
    turn.tell(Log{LogLevel::info, "scripts found: " + count_scripts(read.hooks), {}, {}});
  } else if (const std::string changes = describe_changes(hooks_, read.hooks); !changes.empty()) {
    turn.tell(Log{LogLevel::info, "hooks changed: " + changes, {}, {}});
  }
  hooks_ = read.hooks;
  known_ = true;
  problem_.clear();
  current_ = watched_by_ == HooksWatched::By::events;
}

void KnownHooks::on_unreadable(const HooksUnreadable& unreadable, Turn& turn) {
  if (!end(unreadable.serial, turn)) return;
  current_ = false;
  problem_ = unreadable.error.text;
  turn.tell(Log{LogLevel::error, problem_ + (known_ ? "; the hooks stay as last read" : ""), {}, {}});
}

void KnownHooks::on_time(Turn& turn) {
  if (reread_deadline_ && *reread_deadline_ <= turn.now.mono) {
    reread_deadline_.reset();
    read(turn);
  }
  if (!reading_ || !reading_->deadline || *reading_->deadline > turn.now.mono) return;
  reading_->deadline.reset();
  over_until_ = std::max(reading_->serial, wanted_.value_or(0));
  current_ = false;
  problem_ = "the hooks could not be read within " + text::format_duration(hooks_patience);
  turn.tell(Log{LogLevel::error, problem_ + (known_ ? "; they stay as last read" : ""), {}, {}});
}

std::optional<MonoTime> KnownHooks::deadline() const noexcept {
  if (!reading_ || !reading_->deadline) return reread_deadline_;
  return reread_deadline_ ? std::min(*reread_deadline_, *reading_->deadline) : reading_->deadline;
}

void KnownHooks::stop() noexcept {
  stopped_ = true;
  reread_deadline_.reset();
  wanted_.reset();
}

void KnownHooks::complain(LogLevel level, const std::vector<std::string>& complaints, Turn& turn,
                          std::set<std::string>& heard) {
  for (const std::string& complaint : complaints) {
    if (!complaints_.contains(complaint)) turn.tell(Log{level, complaint, {}, {}});
    heard.insert(complaint);
  }
}

}  // namespace sidefridge::core
