// thread_limit.cc - processes that end at once, and count until they are waited for.
#include "sidefridge/os/thread_limit.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

namespace sidefridge::os {

Result<void> check_threads_may_begin(int count) {
  std::vector<pid_t> children;
  children.reserve(static_cast<std::size_t>(count));
  int refusal = 0;
  while (refusal == 0 && static_cast<int>(children.size()) < count) {
    const pid_t pid = ::fork();
    if (pid == 0) ::_exit(0);
    if (pid > 0) {
      children.push_back(pid);
    } else {
      refusal = errno;
    }
  }
  for (const pid_t pid : children) {
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  if (refusal == 0) return {};
  const std::string what = "cannot begin " + std::to_string(count) + " threads";
  if (refusal != EAGAIN) return system_error(what, refusal);
  return Error{ErrorCode::io, what + ": the system allows no more processes (RLIMIT_NPROC or the pod's pids limit)"};
}

}  // namespace sidefridge::os
