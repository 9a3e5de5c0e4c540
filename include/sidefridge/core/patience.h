// patience.h - how long the scheduler waits for anything that may never come.
//
// Nothing is waited for without a limit. An ending fits into the 30 s that Kubernetes gives a pod between SIGTERM and
// SIGKILL (terminationGracePeriodSeconds): what follows is counted from SIGTERM.
//
//      0 s      a run may go on (SIDEFRIDGE_GRACE, 15 s unless set)
//     15 s      its processes get SIGTERM
//     20 s      SIGKILL
//     22 s      those that hang in the kernel are given up
//     24 s      the final record is no longer waited for
//     26 s      nor are the other records
//     27 s      nor is a reader of stdout that stalls
#pragma once

#include <algorithm>
#include <chrono>

#include "sidefridge/base/time.h"

namespace sidefridge::core {

/// Between SIGTERM and SIGKILL.
inline constexpr Duration term_patience = std::chrono::seconds(5);

/// Between SIGKILL and giving up: a process that outlives it hangs in the kernel, on a dead network file system as a
/// rule. While the daemon serves, and while it ends.
inline constexpr Duration kill_patience = std::chrono::seconds(5);
inline constexpr Duration last_kill_patience = std::chrono::seconds(2);
inline constexpr Duration least_kill_patience = std::chrono::milliseconds(100);

/// For a record to be stored. While the daemon serves, and beyond all that ends a run while it ends.
inline constexpr Duration store_patience = std::chrono::seconds(30);
inline constexpr Duration last_store_patience = std::chrono::seconds(2);

/// For the hooks to be read and copied.
inline constexpr Duration hooks_patience = std::chrono::seconds(30);

/// For the last lines to be read by the reader of stdout, once everything else is over.
inline constexpr Duration last_words_patience = std::chrono::seconds(1);

/// What an ending takes at most beyond the grace.
inline constexpr Duration ending_patience =
    term_patience + last_kill_patience + 2 * last_store_patience + last_words_patience;

/// What Kubernetes gives a pod between SIGTERM and SIGKILL unless it says otherwise (terminationGracePeriodSeconds),
/// and what of it can be counted on: a busy machine takes its share.
inline constexpr Duration kubernetes_default = std::chrono::seconds(30);
inline constexpr Duration kubernetes_patience = std::chrono::seconds(28);

inline constexpr Duration default_grace = std::chrono::seconds(15);
static_assert(default_grace + ending_patience <= kubernetes_patience);

/// How long before its tick a run begins: to read the hooks and to store the intent takes the disk's time, and the
/// first script starts at the tick all the same.
inline constexpr Duration tick_lead = std::chrono::milliseconds(50);

/// The instants of one ending, from the first SIGTERM on.
struct Shutdown {
  MonoTime grace_deadline;    // then the run's processes get SIGTERM
  MonoTime kill_deadline;     // then SIGKILL
  MonoTime give_up_deadline;  // then they are no longer waited for
  MonoTime record_deadline;   // then the final record is no longer waited for
  MonoTime exit_deadline;     // then nothing is

  /// Told at `now`, with so much grace.
  static constexpr Shutdown at(MonoTime now, Duration grace) noexcept {
    Shutdown times{};
    times.grace_deadline = now + grace;
    times.kill_deadline = times.grace_deadline + term_patience;
    times.give_up_deadline = times.kill_deadline + last_kill_patience;
    times.record_deadline = times.give_up_deadline + last_store_patience;
    times.exit_deadline = times.record_deadline + last_store_patience;
    return times;
  }

  /// Told again at `now`: SIGKILL at once. However often that is, nothing takes longer than it would have.
  constexpr Shutdown again(MonoTime now) const noexcept {
    Shutdown times{};
    times.grace_deadline = std::min(grace_deadline, now);
    times.kill_deadline = std::min(kill_deadline, now);
    times.give_up_deadline = std::min(give_up_deadline, now + last_kill_patience);
    times.record_deadline = std::min(record_deadline, times.give_up_deadline + last_store_patience);
    times.exit_deadline = std::min(exit_deadline, times.record_deadline + last_store_patience);
    return times;
  }
};

}  // namespace sidefridge::core
