// folder.cc - opendir(3) below a descriptor.
#include "sidefridge/os/folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <utility>

#include "sidefridge/os/unique_fd.h"

namespace sidefridge::os {

Directory open_folder(int parent_fd, const char* name) noexcept {
  UniqueFd fd(::openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return nullptr;
  Directory folder(::fdopendir(fd.get()));
  if (folder) {
    (void)fd.release();
  } else {
    const int errno_value = errno;
    fd.reset();
    errno = errno_value;
  }
  return folder;
}

}  // namespace sidefridge::os
