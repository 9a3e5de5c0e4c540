// tree_snapshot.cc - one fstatat(2) a file.
#include "sidefridge/hooks/tree_snapshot.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <climits>
#include <string_view>
#include <utility>

#include "sidefridge/core/hook.h"
#include "sidefridge/os/file_system.h"
#include "sidefridge/os/folder.h"

namespace sidefridge::hooks {
namespace {

constexpr const char* data_link = "..data";

std::int64_t nanoseconds_of(const timespec& time) noexcept {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

/// Not there, a dangling link, or not for us: nobody could read it in place either.
bool passed_over(int errno_value) noexcept {
  return errno_value == ENOENT || errno_value == ENOTDIR || errno_value == ELOOP || errno_value == EACCES;
}

std::string format_bytes(std::uint64_t bytes) {
  constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20;
  if (bytes % mebibyte == 0) return std::to_string(bytes / mebibyte) + " MiB";
  return std::to_string(bytes) + " bytes";
}

class Walk {
public:
  Walk(const std::string& scripts_dir, const TreeLimits& limits, const std::function<void()>& on_step)
      : scripts_dir_(scripts_dir), limits_(limits), on_step_(on_step) {}

  Result<TreeSnapshot> take() && {
    const os::Directory root = os::open_folder(AT_FDCWD, scripts_dir_.c_str());
    if (!root) return system_error("cannot read the folder of scripts '" + scripts_dir_ + "'", errno);
    if (Result<void> noted = note_data_link(::dirfd(root.get()), ""); !noted) return std::move(noted).error();
    for (const core::Hook hook : core::all_hooks) {
      const std::string name(core::name_of(hook));
      if (Result<void> walked = walk(::dirfd(root.get()), name.c_str(), name, 1); !walked) {
        return std::move(walked).error();
      }
    }
    return std::move(snapshot_);
  }

private:
  Result<void> walk(int parent_fd, const char* name, const std::string& path, std::size_t depth) {
    if (depth > limits_.depth) {
      give_up("folder '" + path + "' lies deeper than " + std::to_string(limits_.depth) + " folders");
      return {};
    }
    on_step_();
    const os::Directory folder = os::open_folder(parent_fd, name);
    if (!folder) return passed_over(errno) ? Result<void>() : refused(path, errno);
    on_step_();
    const int fd = ::dirfd(folder.get());
    struct stat status {};
    if (::fstat(fd, &status) != 0) return refused(path, errno);
    snapshot_.entries.push_back({path, TreeEntry::Kind::folder, stamp_of(status), {}});
    if (Result<void> noted = note_data_link(fd, path + "/"); !noted) return noted;

    std::vector<std::string> names;
    Result<void> listed = os::for_each_entry(folder.get(), path, [&](const dirent& item) -> Result<void> {
      if (!std::string_view(item.d_name).starts_with("..")) names.emplace_back(item.d_name);
      return {};
    });
    std::sort(names.begin(), names.end());
    for (std::size_t i = 0; listed.ok() && i < names.size() && snapshot_.too_large.empty(); ++i) {
      listed = look(fd, names[i], path + "/" + names[i], depth);
    }
    return listed;
  }

  Result<void> look(int folder_fd, const std::string& name, const std::string& path, std::size_t depth) {
    on_step_();
    struct stat status {};
    if (::fstatat(folder_fd, name.c_str(), &status, 0) != 0) {
      return passed_over(errno) ? Result<void>() : refused(path, errno);
    }
    if (snapshot_.entries.size() >= limits_.entries) {
      give_up("they hold more than " + std::to_string(limits_.entries) + " files");
    } else if (S_ISDIR(status.st_mode)) {
      return walk(folder_fd, name.c_str(), path, depth + 1);
    } else if (S_ISREG(status.st_mode)) {
      snapshot_.entries.push_back({path, TreeEntry::Kind::file, stamp_of(status), {}});
      snapshot_.total_bytes += static_cast<std::uint64_t>(status.st_size);
      if (snapshot_.total_bytes > limits_.bytes) give_up("they hold more than " + format_bytes(limits_.bytes));
    }
    return {};
  }

  Result<void> note_data_link(int folder_fd, const std::string& prefix) {
    std::array<char, PATH_MAX> target;
    const ssize_t length = ::readlinkat(folder_fd, data_link, target.data(), target.size());
    struct stat status {};
    if (length < 0 || ::fstatat(folder_fd, data_link, &status, AT_SYMLINK_NOFOLLOW) != 0) {
      // EINVAL: it is no link, so nothing of the kubelet's.
      return passed_over(errno) || errno == EINVAL ? Result<void>() : refused(prefix + data_link, errno);
    }
    snapshot_.entries.push_back({prefix + data_link, TreeEntry::Kind::data, stamp_of(status),
                                 std::string(target.data(), static_cast<std::size_t>(length))});
    return {};
  }

  Error refused(const std::string& path, int errno_value) const {
    return system_error("cannot read '" + scripts_dir_ + "/" + path + "'", errno_value);
  }

  void give_up(std::string why) {
    if (snapshot_.too_large.empty()) snapshot_.too_large = std::move(why);
  }

  const std::string& scripts_dir_;
  const TreeLimits& limits_;
  const std::function<void()>& on_step_;
  TreeSnapshot snapshot_;
};

}  // namespace

FileStamp stamp_of(const struct stat& status) noexcept {
  FileStamp stamp;
  stamp.device = status.st_dev;
  stamp.inode = status.st_ino;
  stamp.mode = status.st_mode;
  stamp.size = status.st_size;
  stamp.modified_ns = nanoseconds_of(status.st_mtim);
  stamp.changed_ns = nanoseconds_of(status.st_ctim);
  return stamp;
}

bool shows_later_changes(const TreeSnapshot& snapshot, const std::string& scripts_dir, WallTime looked_at) {
  constexpr Duration coarsest_tick = std::chrono::seconds(2);
  const std::int64_t settled_ns = (looked_at - coarsest_tick).time_since_epoch() / std::chrono::nanoseconds(1);
  std::vector<dev_t> devices;
  for (const TreeEntry& entry : snapshot.entries) {
    if (std::max(entry.stamp.changed_ns, entry.stamp.modified_ns) >= settled_ns) return false;
    if (std::find(devices.begin(), devices.end(), entry.stamp.device) != devices.end()) continue;
    if (!os::tells_changes(scripts_dir + "/" + entry.path)) return false;
    devices.push_back(entry.stamp.device);
  }
  return os::tells_changes(scripts_dir);
}

Result<TreeSnapshot> take_snapshot(const std::string& scripts_dir, const TreeLimits& limits,
                                   const std::function<void()>& on_step) {
  return Walk(scripts_dir, limits, on_step).take();
}

}  // namespace sidefridge::hooks
