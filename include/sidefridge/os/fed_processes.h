// fed_processes.h - who reads from a pipe that a script, or somebody it left behind, writes to.
//
// A script such as `exec > >(tee log)` or `tee >(xz > copy.xz)` feeds processes that it does not wait for: when it
// ends they have a pipe as stdin, nobody holds that pipe's other end any more, and they are about to come to its end.
// What has a pipe as stdin whose other end a process in the background still holds is not fed by the script, but by
// that process, and comes to its end when that one has.
#pragma once

#include <sys/types.h>

#include <span>
#include <vector>

#include "sidefridge/base/result.h"
#include "sidefridge/os/process_scan.h"

namespace sidefridge::os {

/// What a script that has ended fed, as far as it still runs.
struct FedProcesses {
  std::vector<FoundProcess> processes;  // children of ours, so that their exit codes come to us
  /// Somebody was forked this moment and is not yet what it will be: the answer may be another in some milliseconds.
  bool settled = true;
  /// A shell is among them, which has another stdin while it executes `read x < file` itself: one look may mistake it.
  bool shell_seen = false;
};

/// The children of ours in `session` that have a pipe as stdin whose other end nobody holds but such processes and
/// their descendants. Where the kernel names our children (CONFIG_PROC_CHILDREN) and none of them has a pipe as stdin,
/// /proc is not walked.
/// Requires: become_subreaper(), and that the session's first process has been reaped.
/// Errors:   as find_descendants(). A process that may not be looked at (another user's) is none.
/// Blocks:   for a look at each of our children, and at each process of the machine where one has a pipe as stdin.
Result<FedProcesses> find_fed_processes(pid_t session);

/// Who of `processes` is to be sent SIGTERM first: all but those that come to the end of what they read once these are
/// gone, and so end by themselves with nothing lost.
std::vector<FoundProcess> without_readers(std::span<const FoundProcess> processes);

}  // namespace sidefridge::os
