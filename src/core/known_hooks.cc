// known_hooks.cc - touches that settle, polls, and news of a reading.
#include "sidefridge/core/known_hooks.h"

#include <algorithm>
#include <utility>

#include "sidefridge/core/hook_changes.h"

namespace sidefridge::core {
namespace {

/// "1 before_backups, 2 backups": what there is to run.
std::string count_scripts(const HookSet& hooks) {
  std::string text;
  for (const Hook hook : all_hooks) {
    const std::size_t count = hooks.scripts(hook).size();
    if (count == 0) continue;
    if (!text.empty()) text += ", ";
    text += std::to_string(count) + " " + std::string(name_of(hook));
  }
  return text.empty() ? "none" : text;
}

}  // namespace

void KnownHooks::on_touched(MonoTime now) noexcept {
  if (stopped_) return;
  if (!first_touch_) first_touch_ = now;
  reread_deadline_ = std::min(now + settings_.settle, *first_touch_ + longest_settling);
}

void KnownHooks::on_watched(HooksWatched::By by, MonoTime now) noexcept {
  if (watched_by_ == by) return;
  watched_by_ = by;
  current_ = false;
  if (known_) on_touched(now);
}

void KnownHooks::on_reading(MonoTime now) noexcept {
  first_touch_.reset();
  reread_deadline_.reset();
  if (stopped_ || watched_by_ == HooksWatched::By::events || settings_.poll == Duration::zero()) return;
  reread_deadline_ = now + settings_.poll;
}

std::vector<Log> KnownHooks::on_read(const HooksRead& read) {
  std::vector<Log> lines;
  std::set<std::string> heard;
  complain(LogLevel::warning, read.warnings, lines, heard);
  complain(LogLevel::debug, read.skipped, lines, heard);
  complaints_ = std::move(heard);
  if (!known_) {
    lines.push_back(Log{LogLevel::info, "scripts found: " + count_scripts(read.hooks), {}, {}});
  } else if (const std::string changes = describe_changes(hooks_, read.hooks); !changes.empty()) {
    lines.push_back(Log{LogLevel::info, "hooks changed: " + changes, {}, {}});
  }
  hooks_ = read.hooks;
  known_ = true;
  current_ = watched_by_ == HooksWatched::By::events;
  return lines;
}

std::vector<Log> KnownHooks::on_unreadable(const HooksUnreadable& unreadable) {
  current_ = false;
  return {Log{LogLevel::error, unreadable.error.text + (known_ ? "; the hooks stay as last read" : ""), {}, {}}};
}

void KnownHooks::stop() noexcept {
  stopped_ = true;
  reread_deadline_.reset();
}

void KnownHooks::complain(LogLevel level, const std::vector<std::string>& complaints, std::vector<Log>& lines,
                          std::set<std::string>& heard) const {
  for (const std::string& complaint : complaints) {
    if (!complaints_.contains(complaint)) lines.push_back(Log{level, complaint, {}, {}});
    heard.insert(complaint);
  }
}

}  // namespace sidefridge::core
