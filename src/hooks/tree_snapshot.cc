// tree_snapshot.cc - one fstatat(2) a file.
#include "sidefridge/hooks/tree_snapshot.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <climits>
#include <filesystem>
#include <string_view>
#include <system_error>
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

/// Whether this is a name that only the kubelet gives: "..data", "..2026_11_05".
bool is_kubelets(std::string_view name) noexcept {
  return name.size() > 2 && name.starts_with("..");
}

bool passes_kubelets_name(std::string_view path) noexcept {
  while (!path.empty()) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    if (is_kubelets(path.substr(0, slash))) return true;
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return false;
}

/// Where an open folder is, without links.
std::string path_of(int folder_fd) {
  std::array<char, PATH_MAX> target;
  const std::string link = "/proc/self/fd/" + std::to_string(folder_fd);
  const ssize_t length = ::readlink(link.c_str(), target.data(), target.size());
  return length < 0 ? std::string() : std::string(target.data(), static_cast<std::size_t>(length));
}

bool lies_in(std::string_view path, std::string_view folder) noexcept {
  return path == folder || (path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/');
}

/// Whether a relative link in a folder that lies `depth` folders deep in its hook leads nowhere above that hook.
bool stays_in_hook(std::string_view target, std::size_t depth) noexcept {
  while (!target.empty()) {
    const std::size_t slash = std::min(target.find('/'), target.size());
    const std::string_view name = target.substr(0, slash);
    target.remove_prefix(std::min(slash + 1, target.size()));
    if (name.empty() || name == ".") continue;
    if (name != "..") {
      ++depth;
    } else if (depth == 0) {
      return false;
    } else {
      --depth;
    }
  }
  return true;
}

class Walk {
public:
  Walk(const std::string& scripts_dir, const TreeLimits& limits, const std::function<void()>& on_step)
      : scripts_dir_(scripts_dir), limits_(limits), on_step_(on_step) {}

  Result<TreeSnapshot> take() && {
    const os::Directory root = os::open_folder(AT_FDCWD, scripts_dir_.c_str());
    if (!root) return system_error("cannot read the folder of scripts '" + scripts_dir_ + "'", errno);
    if (Result<void> noted = note_data_link(::dirfd(root.get()), ""); !noted) return std::move(noted).error();
    root_path_ = path_of(::dirfd(root.get()));
    const bool all_swapped = !snapshot_.entries.empty() || passes_kubelets_name(root_path_) || leads_through_link();
    for (const core::Hook hook : core::all_hooks) {
      hook_ = static_cast<std::size_t>(hook);
      snapshot_.swapped[hook_] = all_swapped;
      const std::size_t entries_before = snapshot_.entries.size();
      const std::uint64_t bytes_before = snapshot_.total_bytes;
      const std::string name(core::name_of(hook));
      if (Result<void> walked = walk(::dirfd(root.get()), name.c_str(), name, 1); !walked) {
        return std::move(walked).error();
      }
      if (too_large().empty()) continue;
      snapshot_.entries.resize(entries_before);
      snapshot_.total_bytes = bytes_before;
    }
    return std::move(snapshot_);
  }

private:
  bool leads_through_link() const {
    std::error_code failure;
    std::string path = std::filesystem::absolute(scripts_dir_, failure).lexically_normal().string();
    while (path.size() > 1 && path.ends_with('/')) path.pop_back();
    return !failure && path != root_path_;
  }

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
    if (depth == 1) {
      hook_folder_ = path_of(fd);
      const bool is_link = hook_folder_ != (root_path_ == "/" ? "" : root_path_) + "/" + path;
      if (is_link || passes_kubelets_name(hook_folder_)) snapshot_.swapped[hook_] = true;
    }
    const std::size_t entries = snapshot_.entries.size();
    if (Result<void> noted = note_data_link(fd, path + "/"); !noted) return noted;
    if (snapshot_.entries.size() > entries) snapshot_.swapped[hook_] = true;

    std::vector<std::string> names;
    Result<void> listed = os::for_each_entry(folder.get(), path, [&](const dirent& item) -> Result<void> {
      if (!std::string_view(item.d_name).starts_with("..")) names.emplace_back(item.d_name);
      return {};
    });
    std::sort(names.begin(), names.end());
    for (std::size_t i = 0; listed.ok() && i < names.size() && too_large().empty(); ++i) {
      listed = look(fd, names[i], path + "/" + names[i], depth);
    }
    return listed;
  }

  Result<void> look(int folder_fd, const std::string& name, const std::string& path, std::size_t depth) {
    on_step_();
    struct stat status {};
    if (::fstatat(folder_fd, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
      return passed_over(errno) ? Result<void>() : refused(path, errno);
    }
    if (snapshot_.entries.size() >= limits_.entries) {
      give_up("it holds more than " + std::to_string(limits_.entries) + " files");
    } else if (S_ISLNK(status.st_mode)) {
      return look_at_link(folder_fd, name, path, depth, status);
    } else if (S_ISDIR(status.st_mode)) {
      return walk(folder_fd, name.c_str(), path, depth + 1);
    } else if (S_ISREG(status.st_mode)) {
      note_file(path, status, {});
    }
    return {};
  }

  /// Requires: `status` is the link's own.
  Result<void> look_at_link(int folder_fd, const std::string& name, const std::string& path, std::size_t depth,
                            const struct stat& link_status) {
    std::array<char, PATH_MAX> buffer;
    const ssize_t length = ::readlinkat(folder_fd, name.c_str(), buffer.data(), buffer.size());
    if (length < 0) return passed_over(errno) || errno == EINVAL ? Result<void>() : refused(path, errno);
    std::string target(buffer.data(), static_cast<std::size_t>(length));
    const bool absolute = target.starts_with('/');
    const bool stays = absolute ? lies_in(target, hook_folder_) || lies_in(target, scripts_dir_ + "/" + hook_name())
                                : stays_in_hook(target, depth - 1);
    // In a copy an absolute link would lead back to what is no copy; a kubelet's would lead nowhere.
    const bool followed = stays && (absolute || passes_kubelets_name(target));
    const bool script = is_script_path(path);
    struct stat status {};
    on_step_();
    if ((followed || script) && ::fstatat(folder_fd, name.c_str(), &status, 0) != 0) {
      return passed_over(errno) ? Result<void>() : refused(path, errno);
    }
    if (script && S_ISREG(status.st_mode)) {
      if (!stays) snapshot_.leads_out = true;
      note_file(path, status, stays && !followed ? std::move(target) : std::string());
    } else if (followed) {
      if (S_ISDIR(status.st_mode)) return walk(folder_fd, name.c_str(), path, depth + 1);
      if (S_ISREG(status.st_mode)) note_file(path, status, {});
    } else {
      if (!stays && !absolute) target = path_of(folder_fd) + "/" + target;
      snapshot_.entries.push_back({path, TreeEntry::Kind::link, stamp_of(link_status), std::move(target)});
    }
    return {};
  }

  void note_file(const std::string& path, const struct stat& status, std::string target) {
    snapshot_.entries.push_back({path, TreeEntry::Kind::file, stamp_of(status), std::move(target)});
    snapshot_.total_bytes += static_cast<std::uint64_t>(status.st_size);
    if (snapshot_.total_bytes > limits_.bytes) give_up("it holds more than " + format_bytes(limits_.bytes));
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

  std::string& too_large() noexcept { return snapshot_.too_large[hook_]; }
  std::string hook_name() const { return std::string(core::name_of(core::all_hooks[hook_])); }

  void give_up(std::string why) {
    if (too_large().empty()) too_large() = std::move(why);
  }

  const std::string& scripts_dir_;
  const TreeLimits& limits_;
  const std::function<void()>& on_step_;
  std::size_t hook_ = 0;     // that is being walked
  std::string root_path_;    // without links
  std::string hook_folder_;  // without links
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

std::optional<core::Hook> hook_of(std::string_view path) noexcept {
  return core::parse_hook(path.substr(0, path.find('/')));
}

bool is_script_path(std::string_view path) noexcept {
  const std::size_t slash = path.find('/');
  if (slash == std::string_view::npos) return false;
  const std::string_view name = path.substr(slash + 1);
  return !name.empty() && name.front() != '.' && name.find('/') == std::string_view::npos;
}

bool shows_later_change(const FileStamp& stamp, WallTime looked_at) noexcept {
  constexpr Duration coarsest_tick = std::chrono::seconds(2);
  const std::int64_t settled_ns = (looked_at - coarsest_tick).time_since_epoch() / std::chrono::nanoseconds(1);
  return std::max(stamp.changed_ns, stamp.modified_ns) < settled_ns;
}

bool shows_later_changes(const TreeSnapshot& snapshot, const std::string& scripts_dir, WallTime looked_at) {
  std::vector<dev_t> devices;
  for (const TreeEntry& entry : snapshot.entries) {
    if (!shows_later_change(entry.stamp, looked_at)) return false;
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
