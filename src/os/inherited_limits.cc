// inherited_limits.cc - one signal and one mask.
#include "sidefridge/os/inherited_limits.h"

#include <sys/stat.h>

#include <csignal>

namespace sidefridge::os {

void ignore_file_size_signal() noexcept {
  static_cast<void>(std::signal(SIGXFSZ, SIG_IGN));
}

void keep_own_rights() noexcept {
  const mode_t inherited = ::umask(0777);
  ::umask(inherited & ~mode_t{0700});
}

}  // namespace sidefridge::os
