// tree_snapshot.h - how a tree of hooks stands, without its contents: two that are equal saw the same files.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sidefridge/base/result.h"
#include "sidefridge/base/time.h"
#include "sidefridge/core/hook.h"

namespace sidefridge::hooks {

/// What tells one state of a file from all others. The kernel's time stamps may tick only every few milliseconds: two
/// writes within one tick that keep the size are one state.
struct FileStamp {
  dev_t device = 0;
  ino_t inode = 0;
  mode_t mode = 0;
  off_t size = 0;
  std::int64_t modified_ns = 0;  // since 1970
  std::int64_t changed_ns = 0;

  friend bool operator==(const FileStamp&, const FileStamp&) = default;
};

FileStamp stamp_of(const struct stat& status) noexcept;

/// Something below the folder of scripts.
struct TreeEntry {
  enum class Kind {
    folder,
    file,  // regular; a link to one counts as that where it is a script, or where it is a kubelet's
    link,  // any other: a copy has it as a link, too
    data,  // the kubelet's link "..data", which it moves to swap all files of a volume at once
  };

  std::string path;  // below the folder of scripts: "backups/lib/tables.sql"
  Kind kind = Kind::file;
  FileStamp stamp;     // of `link` and `data` the link's own
  std::string target;  // where it leads: of `data` as it is written; else what the link in a copy is to be. Empty: a
                       // copy has a file

  friend bool operator==(const TreeEntry&, const TreeEntry&) = default;
};

/// The hook that something below the folder of scripts belongs to, if any.
std::optional<core::Hook> hook_of(std::string_view path) noexcept;

/// Whether a path below the folder of scripts is that of a script, if it is a regular file's.
bool is_script_path(std::string_view path) noexcept;

/// The hook folders and all they hold. Left out are names that begin with ".." (the kubelet's), and sockets, FIFOs,
/// devices and what may not be read.
struct TreeSnapshot {
  std::vector<TreeEntry> entries;  // a folder comes before what is in it; bytewise sorted within each
  std::uint64_t total_bytes = 0;   // of the files
  std::array<std::string, core::all_hooks.size()> too_large;  // of each hook: not empty: nothing of it is in the
                                                              // entries, and why ("it holds more than 64 MiB")
  std::array<bool, core::all_hooks.size()> swapped{};  // of each hook: others swap it as a whole: a kubelet keeps it,
                                                       // or a part of it, or a link leads to it, as git-sync moves them
  bool leads_out = false;  // a script is a link out of its hook's folder: nobody tells of changes there

  friend bool operator==(const TreeSnapshot&, const TreeSnapshot&) = default;
};

inline constexpr std::size_t most_tree_entries = 20'000;
inline constexpr std::size_t most_tree_depth = 8;  // folders within each other, the hook's own the first

/// What the walk of a hook gives up at. What an earlier hook took counts, unless that was given up.
struct TreeLimits {
  std::uint64_t bytes;
  std::size_t entries = most_tree_entries;
  std::size_t depth = most_tree_depth;
};

/// Whether a change that comes after `looked_at` is sure to show in a later stamp: the file was changed for the last
/// time well before that (time stamps may tick only every two seconds). Requires: its file system tells changes
/// (os::tells_changes), and the stamp was taken after `looked_at`.
bool shows_later_change(const FileStamp& stamp, WallTime looked_at) noexcept;

/// The same of everything in a snapshot, file systems included.
bool shows_later_changes(const TreeSnapshot& snapshot, const std::string& scripts_dir, WallTime looked_at);

/// Walks the hook folders of `scripts_dir`. Links are followed where they are hooks, scripts or a kubelet's. `on_step`
/// is called before each folder and each file that is looked at. Errors: what the system says, but that something is
/// not there (any more) or may not be read. Blocks: for a look at each file.
Result<TreeSnapshot> take_snapshot(const std::string& scripts_dir, const TreeLimits& limits,
                                   const std::function<void()>& on_step);

}  // namespace sidefridge::hooks
