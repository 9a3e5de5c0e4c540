// spawn.h - starting a process.
#pragma once

#include <sys/types.h>

#include <span>
#include <string>

#include "sidefridge/base/result.h"

namespace sidefridge::os {

/// What to start. Everything is borrowed until spawn() returns.
struct SpawnRequest {
  const std::string& program;                     // path; PATH is not searched
  std::span<const std::string> argv;              // from argv[0] on
  std::span<const std::string> environment;       // "NAME=value"
  std::span<const std::string> more_environment;  // the same; comes after, so `environment` wins
  int stdout_fd;                                  // becomes 1
  int stderr_fd;                                  // becomes 2
  int stdin_fd = -1;                              // becomes 0; -1: that is /dev/null
};

/// Starts a process in a session and process group of its own, with default dispositions for all signals, an empty
/// signal mask, and no descriptor but 0, 1 and 2.
/// Requires: no signal but SIGPIPE and SIGXFSZ is ignored, and none has a handler but the C library's own (SignalFd
/// sees to the
///           first). stdin_fd, stdout_fd and stderr_fd are above 2 or already in their place, and
///           whatever else is open here is close-on-exec.
/// Returns:  the pid, which is the id of the session too; reap_one() tells its end.
/// Errors:   E2BIG, EAGAIN, ENOENT, ENOEXEC, EACCES, EMFILE, ...; "cannot start '<program>': <why>".
/// Thread:   any; while others run, none of them changes the process' user or group ids or is cancelled.
/// Blocks:   until the child has executed the program. That is tried again for some 20 ms while the program is open for
///           writing (ETXTBSY), which it may be in a process that is just being started.
Result<pid_t> spawn(const SpawnRequest& request);

}  // namespace sidefridge::os
