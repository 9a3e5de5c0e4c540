// known_hooks.h - the hooks as last read, and when they are to be read again.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sidefridge/base/time.h"
#include "sidefridge/core/action.h"
#include "sidefridge/core/event.h"
#include "sidefridge/core/hook.h"

namespace sidefridge::core {

/// However often the hooks are touched, they are read again this long after the first time.
inline constexpr Duration longest_settling = std::chrono::seconds(2);

/// Thread: any one. Never blocks, never reads a clock, reads nothing itself.
class KnownHooks {
public:
  struct Settings {
    Duration settle{};  // read again once nothing has touched them for so long
    Duration poll{};    // how often to read where no event tells of changes; zero: only before each run
  };

  explicit KnownHooks(Settings settings) noexcept : settings_(settings) {}

  /// As last read, empty before the first time.
  const HookSet& set() const noexcept { return hooks_; }

  /// Whether one reading succeeded.
  bool known() const noexcept { return known_; }

  /// Whether the last reading succeeded and any change since then would be known: a run needs no other.
  bool current() const noexcept { return current_; }

  /// When to read again without being asked; nothing: no need.
  std::optional<MonoTime> reread_deadline() const noexcept { return reread_deadline_; }

  /// Something in their folder may have changed.
  void on_touched(MonoTime now) noexcept;

  /// Who tells of changes from now on.
  void on_watched(HooksWatched::By by, MonoTime now) noexcept;

  /// They are being read: what touched them until now is seen to.
  void on_reading(MonoTime now) noexcept;

  /// Returns: what to log, about those found or what changed, and each complaint that is new.
  std::vector<Log> on_read(const HooksRead& read);
  std::vector<Log> on_unreadable(const HooksUnreadable& unreadable);

  /// The last reading counts for the run that begins right now, though nobody tells of changes.
  void trust_last_reading() noexcept { current_ = known_; }

  /// Nothing is read again any more.
  void stop() noexcept;

private:
  void complain(LogLevel level, const std::vector<std::string>& complaints, std::vector<Log>& lines,
                std::set<std::string>& heard) const;

  Settings settings_;
  HookSet hooks_;
  std::set<std::string> complaints_;  // of the last reading
  bool known_ = false;
  bool current_ = false;
  bool stopped_ = false;
  HooksWatched::By watched_by_ = HooksWatched::By::polling;
  std::optional<MonoTime> first_touch_;  // since the last reading
  std::optional<MonoTime> reread_deadline_;
};

}  // namespace sidefridge::core
