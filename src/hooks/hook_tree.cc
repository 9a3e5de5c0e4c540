// hook_tree.cc - the folder of hooks and those in it: one open and one listing each, and a look behind links.
#include "sidefridge/hooks/hook_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstddef>
#include <numeric>
#include <optional>
#include <string_view>
#include <utility>

#include "sidefridge/os/folder.h"
#include "sidefridge/text/join.h"

namespace sidefridge::hooks {
namespace {

/// What a name stands for, links followed.
enum class FileKind { regular, folder, dangling_link, socket, fifo, device, gone };

FileKind kind_of_mode(mode_t mode) noexcept {
  switch (mode & S_IFMT) {
    case S_IFREG: return FileKind::regular;
    case S_IFDIR: return FileKind::folder;
    case S_IFSOCK: return FileKind::socket;
    case S_IFIFO: return FileKind::fifo;
    default: return FileKind::device;
  }
}

/// Asks the kernel only where the listing itself does not say enough.
Result<FileKind> kind_of(int folder_fd, const dirent& item, const std::string& path) {
  if (item.d_type != DT_LNK && item.d_type != DT_UNKNOWN) return kind_of_mode(static_cast<mode_t>(DTTOIF(item.d_type)));
  struct stat status {};
  if (::fstatat(folder_fd, item.d_name, &status, 0) == 0) return kind_of_mode(status.st_mode);
  const int errno_value = errno;
  if (errno_value != ENOENT && errno_value != ENOTDIR && errno_value != ELOOP) {
    return system_error("cannot follow '" + path + "'", errno_value);
  }
  const bool there = ::fstatat(folder_fd, item.d_name, &status, AT_SYMLINK_NOFOLLOW) == 0;
  return there ? FileKind::dangling_link : FileKind::gone;
}

/// Empty: it is one.
std::string_view why_no_script(FileKind kind) noexcept {
  switch (kind) {
    case FileKind::regular: return "";
    case FileKind::folder: return "it is a folder";
    case FileKind::dangling_link: return "it is a dangling link";
    case FileKind::socket: return "it is a socket";
    case FileKind::fifo: return "it is a FIFO";
    case FileKind::device: return "it is a device";
    case FileKind::gone: return "it has just been removed";
  }
  return "";
}

/// The smallest number of letters to change, add or remove between two names; case and '-' for '_' count nothing.
std::size_t distance(std::string_view a, std::string_view b) {
  const auto plain = [](char c) {
    return c == '-' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  };
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t changed = diagonal + (plain(a[i]) == plain(b[j]) ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({changed, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

std::optional<core::Hook> nearest_hook(std::string_view name) {
  constexpr std::size_t too_far = 4;
  std::optional<core::Hook> nearest;
  std::size_t nearest_distance = too_far;
  for (const core::Hook hook : core::all_hooks) {
    const std::size_t its_distance = distance(name, core::name_of(hook));
    if (its_distance >= nearest_distance) continue;
    nearest = hook;
    nearest_distance = its_distance;
  }
  return nearest;
}

/// Whether a name is one of those that editors and package managers give to what they keep or replace.
bool is_leftover(std::string_view name) noexcept {
  for (const std::string_view end : {"~", ".bak", ".orig", ".rej", ".disabled", ".rpmsave", ".rpmnew"}) {
    if (name.ends_with(end)) return true;
  }
  return name.find(".dpkg-") != std::string_view::npos || (name.starts_with('#') && name.ends_with('#'));
}

std::string not_a_hook(const std::string& path, std::string_view name) {
  std::string text = "folder '" + path + "' is not a hook; ";
  if (const std::optional<core::Hook> meant = nearest_hook(name)) {
    return text.append("did you mean '").append(core::name_of(*meant)).append("'?");
  }
  std::vector<std::string_view> names;
  for (const core::Hook hook : core::all_hooks) names.push_back(core::name_of(hook));
  return text + "the hooks are " + text::join(names);
}

/// No script has it.
constexpr std::string_view name_for_hook = ".";

/// Reads one tree into a HookReading, which the caller takes out of it.
class TreeReader {
public:
  explicit TreeReader(const std::string& scripts_dir) : root_path_(scripts_dir) {
    while (root_path_.ends_with('/')) root_path_.pop_back();
  }

  Result<HookReading> read() && {
    const std::string shown = root_path_.empty() ? "/" : root_path_;
    const os::Directory root = os::open_folder(AT_FDCWD, shown.c_str());
    if (!root) {
      const int errno_value = errno;
      if (errno_value == ENOENT) {
        return Error{ErrorCode::not_found, "the folder of scripts '" + shown + "' does not exist"};
      }
      return system_error("cannot read the folder of scripts '" + shown + "'", errno_value);
    }
    if (Result<void> listed = list_root(root.get()); !listed) return std::move(listed).error();
    for (const core::Hook hook : core::all_hooks) {
      if (Result<void> listed = list_hook(::dirfd(root.get()), hook); !listed) {
        note_unreadable(hook, std::move(listed).error());
      }
    }
    if (reading_.hooks.scripts(core::Hook::backups).empty()) {
      reading_.warnings.push_back("no script in '" + root_path_ + "/backups': nothing will be backed up");
    }
    // A listing comes in any order; what people read should not.
    std::sort(reading_.warnings.begin(), reading_.warnings.end());
    std::sort(reading_.skipped.begin(), reading_.skipped.end());
    std::sort(reading_.hidden.begin(), reading_.hidden.end());
    std::sort(reading_.neighbours.begin(), reading_.neighbours.end());
    return std::move(reading_);
  }

private:
  /// Looks for folders that nobody will ever run.
  Result<void> list_root(DIR* root) {
    return os::for_each_entry(root, root_path_, [&](const dirent& item) -> Result<void> {
      const std::string_view name(item.d_name);
      if (name.starts_with("..") || core::parse_hook(name)) return {};
      reading_.neighbours.emplace_back(name);
      if (name.starts_with('.')) return {};
      const std::string path = root_path_ + "/" + item.d_name;
      const Result<FileKind> kind = kind_of(::dirfd(root), item, path);
      // What is no hook and cannot be looked at is nobody's loss.
      if (!kind || *kind != FileKind::folder) return {};
      if (name == library_folder) {
        reading_.hidden.push_back("'" + path + "' is no hook, but a place for what scripts share");
      } else {
        reading_.warnings.push_back(not_a_hook(path, name));
      }
      return {};
    });
  }

  Result<void> list_hook(int root_fd, core::Hook hook) {
    const std::string name(core::name_of(hook));
    const std::string path = root_path_ + "/" + name;
    const os::Directory folder = os::open_folder(root_fd, name.c_str());
    if (!folder) return missing_hook(root_fd, name, path, errno);

    std::vector<core::Script> scripts;
    Result<void> listed = os::for_each_entry(folder.get(), path, [&](const dirent& item) -> Result<void> {
      std::string script_path = path + "/" + item.d_name;
      if (item.d_name[0] == '.') {
        reading_.hidden.push_back(skipped(script_path, "its name starts with '.'"));
        return {};
      }
      const Result<FileKind> kind = kind_of(::dirfd(folder.get()), item, script_path);
      if (!kind) return kind.error();
      if (*kind == FileKind::regular && is_leftover(item.d_name)) {
        reading_.warnings.push_back("'" + script_path +
                                    "' looks like what an editor or a package left behind, and runs all the same; "
                                    "remove it, or put a '.' before its name");
      }
      if (*kind == FileKind::regular) {
        scripts.push_back(core::Script{hook, item.d_name, script_path, script_path});
      } else {
        reading_.skipped.push_back(skipped(script_path, why_no_script(*kind)));
      }
      return {};
    });
    if (listed.ok()) reading_.hooks.assign(hook, std::move(scripts));
    return listed;
  }

  void note_unreadable(core::Hook hook, Error why) {
    const std::string path = root_path_ + "/" + std::string(core::name_of(hook));
    core::Script all_of_it{hook, std::string(name_for_hook), path, path};
    all_of_it.interpreter = why;
    reading_.hooks.assign(hook, {std::move(all_of_it)});
    if (!reading_.unreadable) reading_.unreadable = std::move(why);
  }

  /// A hook whose folder did not open: is that all right?
  Result<void> missing_hook(int root_fd, const std::string& name, const std::string& path, int errno_value) {
    struct stat status {};
    const bool there = ::fstatat(root_fd, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
    if (errno_value == ENOENT && !there) return {};
    if (errno_value == ENOENT || errno_value == ELOOP) {
      reading_.warnings.push_back("'" + path + "' is a dangling link, not a folder: the hook has no scripts");
      return {};
    }
    if (errno_value == ENOTDIR) {
      reading_.warnings.push_back("'" + path + "' is not a folder: the hook has no scripts");
      return {};
    }
    return system_error("cannot read folder '" + path + "'", errno_value);
  }

  static std::string skipped(const std::string& path, std::string_view why) {
    return "'" + path + "' is skipped: " + std::string(why);
  }

  std::string root_path_;  // without a slash at its end
  HookReading reading_;
};

}  // namespace

Result<HookReading> read_hook_tree(const std::string& scripts_dir) {
  return TreeReader(scripts_dir).read();
}

bool stands_for_hook(const core::Script& script) noexcept {
  return script.name == name_for_hook;
}

}  // namespace sidefridge::hooks
