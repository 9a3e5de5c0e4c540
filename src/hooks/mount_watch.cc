// mount_watch.cc - the lines of /proc/self/mountinfo that count, compared.
#include "sidefridge/hooks/mount_watch.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "sidefridge/core/hook.h"
#include "sidefridge/os/mount_info.h"

namespace sidefridge::hooks {
namespace {

/// Where a path leads, as far as it leads anywhere.
std::string resolve(const std::string& path) {
  std::error_code failure;
  const std::filesystem::path resolved = std::filesystem::weakly_canonical(path, failure);
  return failure ? path : resolved.string();
}

bool lies_in(std::string_view path, std::string_view folder) {
  if (folder == "/" || path == folder) return true;
  return path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/';
}

/// Reads it all from its begin. What could not be read is missing: a change that leads to another look, at worst.
std::string read_from_begin(int fd) {
  std::string text;
  if (::lseek(fd, 0, SEEK_SET) != 0) return text;
  std::array<char, 16 * 1024> chunk;
  for (;;) {
    const ssize_t got = ::read(fd, chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return text;
    text.append(chunk.data(), static_cast<std::size_t>(got));
  }
}

}  // namespace

MountWatch::MountWatch(os::UniqueFd fd, std::vector<std::string> folders)
    : fd_(std::move(fd)), folders_(std::move(folders)) {}

Result<MountWatch> MountWatch::open(std::vector<std::string> folders, const std::string& mount_info) {
  os::UniqueFd fd(::open(mount_info.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return system_error("cannot read '" + mount_info + "'", errno);
  MountWatch watch(std::move(fd), std::move(folders));
  static_cast<void>(watch.look());
  return watch;
}

MountWatch::Seen MountWatch::look() noexcept {
  const std::string text = read_from_begin(fd_.get());
  const std::vector<os::Mount> mounts = os::parse_mounts(text);
  // The paths count, too: what is mounted over a link on the way to a folder leaves the lines of the folder as they
  // are.
  std::string seen;
  for (const std::string& folder : folders_) {
    const std::string root = resolve(folder);
    seen.append(root).append("\n");
    for (const os::Mount& mount : mounts) {
      if (lies_in(root, mount.point)) seen.append(mount.line).append("\n");
    }
    for (const core::Hook hook : core::all_hooks) {
      const std::string path = resolve(folder + "/" + std::string(core::name_of(hook)));
      seen.append(path).append("\n");
      for (const os::Mount& mount : mounts) {
        if (lies_in(path, mount.point) || lies_in(mount.point, path)) seen.append(mount.line).append("\n");
      }
    }
  }
  const bool same = seen == last_look_;
  last_look_ = std::move(seen);
  return same ? Seen::nothing : Seen::changed;
}

}  // namespace sidefridge::hooks
