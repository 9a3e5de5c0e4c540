// thread_limit.h - whether the system lets us begin threads, asked before somebody begins them who cannot fail.
#pragma once

#include "sidefridge/base/result.h"

namespace sidefridge::os {

/// Tries whether `count` more threads may begin now: by as many processes, which count alike against RLIMIT_NPROC and
/// the pids limits of cgroups, and, other than threads, are known to count no more when this returns.
/// Requires: SIGCHLD is not ignored; nobody else waits for children of ours. A SIGCHLD may be left pending.
/// Errors:   io: a limit is reached, or memory is short.
Result<void> check_threads_may_begin(int count);

}  // namespace sidefridge::os
