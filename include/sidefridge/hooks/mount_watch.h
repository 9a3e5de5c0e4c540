// mount_watch.h - hearing of mounts that come and go over folders, as a pollable descriptor.
#pragma once

#include <string>
#include <vector>

#include "sidefridge/base/result.h"
#include "sidefridge/os/unique_fd.h"

namespace sidefridge::hooks {

/// Tells that something was mounted or unmounted where it may replace what is in folders of hooks: over one of the
/// folders, above it, or anywhere in the folder of a hook, wherever links lead. inotify tells nothing of a mount.
/// Other mounts, of which a busy machine has many, cost a look at the kernel's list and no more.
/// Owns:   one descriptor of the kernel's list, closed on destruction. Movable, not copyable.
/// Thread: one at a time.  Blocks: never, unless what folders lead to does.
class MountWatch {
public:
  enum class Seen {
    nothing,  // the mounts that count are as they were
    changed,  // some changed, or nobody knows: read the folders again
  };

  /// Errors: what the system says, as a rule that /proc is not there.
  static Result<MountWatch> open(std::vector<std::string> folders,
                                 const std::string& mount_info = "/proc/self/mountinfo");

  /// Looks at the list as it is now, and compares with the last look.
  Seen look() noexcept;

  /// The descriptor to poll for news (POLLPRI): the list, of all mounts, has changed. Polling takes the news.
  /// Borrowed: valid while *this lives.
  int fd() const noexcept { return fd_.get(); }

private:
  MountWatch(os::UniqueFd fd, std::vector<std::string> folders);

  os::UniqueFd fd_;
  std::vector<std::string> folders_;
  std::string last_look_;
};

}  // namespace sidefridge::hooks
