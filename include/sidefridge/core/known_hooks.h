// known_hooks.h - the hooks as last read, and when they are to be read again.
#pragma once

#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sidefridge/base/time.h"
#include "sidefridge/core/event.h"
#include "sidefridge/core/hook.h"
#include "sidefridge/core/serial.h"
#include "sidefridge/core/turn.h"

namespace sidefridge::core {

/// However often the hooks are touched, they are read again this long after the first time, or after
/// HookSettings::settle where that is longer.
inline constexpr Duration longest_settling = std::chrono::seconds(2);

/// What a user sets for the reading of hooks.
struct HookSettings {
  Duration settle = std::chrono::milliseconds(250);  // they are read once nothing has touched them for so long
  Duration poll = std::chrono::seconds(60);  // how often where no event tells of changes; zero: only before each run

  friend bool operator==(const HookSettings&, const HookSettings&) = default;
};

/// One reading is under way at most; a wish that comes meanwhile is fulfilled by the next, which sees all that was
/// there at the time of the wish. A reading that takes longer than hooks_patience is given up: nobody waits for it any
/// more, and its answer counts all the same when it comes.
/// Thread: any one. Never blocks, never reads a clock, reads nothing itself.
class KnownHooks {
public:
  explicit KnownHooks(HookSettings settings) noexcept : settings_(settings) {}

  /// As last read, empty before the first time.
  const HookSet& set() const noexcept { return hooks_; }

  /// Whether one reading succeeded.
  bool known() const noexcept { return known_; }

  /// Why the latest reading that is over failed; empty when it did not.
  const std::string& problem() const noexcept { return problem_; }

  /// Whether the last reading succeeded and any change since then would be known: a run needs no other.
  bool current() const noexcept { return current_; }

  /// Asks for a reading that sees everything up to now.
  /// Returns: what to give to is_over().
  Serial read(Turn& turn);

  /// Whether that reading has been answered or given up.
  bool is_over(Serial reading) const noexcept { return over_until_ >= reading; }
  /// Whether the latest reading that is over succeeded.
  bool last_succeeded() const noexcept { return known_ && problem_.empty(); }

  /// Something in their folder may have changed.
  void on_touched(MonoTime now) noexcept;

  /// Who tells of changes from now on.
  void on_watched(HooksWatched::By by, MonoTime now) noexcept;

  void on_read(const HooksRead& read, Turn& turn);
  void on_unreadable(const HooksUnreadable& unreadable, Turn& turn);
  void on_time(Turn& turn);

  /// When to call on_time() at the latest.
  std::optional<MonoTime> deadline() const noexcept;

  /// The last reading counts for the run that begins right now, though nobody tells of changes.
  void trust_last_reading() noexcept { current_ = known_; }

  /// Nothing is read again any more.
  void stop() noexcept;

private:
  struct Reading {
    Serial serial;
    std::optional<MonoTime> deadline;  // nothing: it is given up, but may be answered yet
  };

  void poll_from(MonoTime now) noexcept;
  void begin(Serial serial, Turn& turn);
  bool end(Serial serial, Turn& turn);
  void complain(LogLevel level, const std::vector<std::string>& complaints, Turn& turn, std::set<std::string>& heard);

  HookSettings settings_;
  HookSet hooks_;
  std::set<std::string> complaints_;  // of the last reading
  bool known_ = false;
  bool current_ = false;
  bool stopped_ = false;
  std::string problem_;
  HooksWatched::By watched_by_ = HooksWatched::By::polling;
  std::optional<MonoTime> first_touch_;  // since the last reading began
  std::optional<MonoTime> reread_deadline_;
  std::optional<Reading> reading_;
  std::optional<Serial> wanted_;  // the next reading, asked for while one is under way
  Serial over_until_ = 0;
};

}  // namespace sidefridge::core
