// reaper.h - learning of the end of children, our own and adopted ones. Nobody else in the program waits for any.
#pragma once

#include <sys/types.h>

#include <optional>

#include "sidefridge/base/exit_status.h"
#include "sidefridge/base/result.h"

namespace sidefridge::os {

/// The end of a child.
struct Exited {
  pid_t pid = 0;
  ExitStatus status;

  friend bool operator==(const Exited&, const Exited&) = default;
};

/// Reaps one child that has ended. SIGCHLDs coalesce: call it until it returns nothing.
/// Returns: nothing when no child has ended, or there is none.  Blocks: never.
std::optional<Exited> reap_one() noexcept;

/// A child that has ended and that reap_one() has not reaped yet, the next one. As reap_one() otherwise.
std::optional<pid_t> next_to_reap() noexcept;

/// Whether we have any child at all: running, stopped, or ended and not reaped yet.  Blocks: never.
bool any_children() noexcept;

/// Makes this process the one that adopts orphaned descendants; PID 1 is that already.
Result<void> become_subreaper();

}  // namespace sidefridge::os
