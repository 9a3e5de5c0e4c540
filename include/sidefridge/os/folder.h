// folder.h - listing a folder.
#pragma once

#include <dirent.h>

#include <cerrno>
#include <memory>
#include <string>
#include <string_view>

#include "sidefridge/base/result.h"

namespace sidefridge::os {

struct CloseDir {
  void operator()(DIR* dir) const noexcept { ::closedir(dir); }
};

/// Owns: an open folder, close-on-exec; dirfd(3) borrows its descriptor.
using Directory = std::unique_ptr<DIR, CloseDir>;

/// Opens the folder `name` in the folder of `parent_fd` (AT_FDCWD: any path), links followed.
/// Returns: nothing, with errno, when it cannot be opened or is no folder.
Directory open_folder(int parent_fd, const char* name) noexcept;

/// Calls `take(const dirent&)` for each entry but '.' and '..', as long as it succeeds. `path` is for the error's text.
template <class Take>
Result<void> for_each_entry(DIR* folder, const std::string& path, Take take) {
  for (;;) {
    errno = 0;
    const dirent* const item = ::readdir(folder);
    if (item == nullptr) {
      if (errno != 0) return system_error("cannot read folder '" + path + "'", errno);
      return {};
    }
    const std::string_view name(item->d_name);
    if (name == "." || name == "..") continue;
    if (Result<void> taken = take(*item); !taken) return taken;
  }
}

}  // namespace sidefridge::os
