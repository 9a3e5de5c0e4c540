// tree_copy.h - a copy of the hooks in which all files are of one version.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "sidefridge/base/result.h"
#include "sidefridge/hooks/hook_tree.h"
#include "sidefridge/hooks/tree_snapshot.h"

namespace sidefridge::hooks {

struct CopySettings {
  std::uint64_t limit_bytes = std::uint64_t{64} << 20;  // a larger tree is not copied
  int attempts = 10;                                    // at least one
  std::function<void()> on_step = [] {};                // for tests: called between any two looks at the tree
};

/// A reading, and what was copied.
struct HookCopy : HookReading {
  std::optional<TreeSnapshot> source;  // nothing: it was not copied, or not all of it
};

/// Reads the hooks as read_hook_tree() does, with digests and interpreters, and copies their folders to `destination`
/// with the same relative layout: `$(dirname "$0")/lib.sh` is found, and of the script's own version. Copied are
/// regular files, links followed, and sub-folders, dot files included; what lies beside the hook folders (the reading's
/// neighbours) is linked to where it is, whatever version that has. Left out is what begins with ".." (the kubelet's),
/// what is neither file nor folder, and what lies beside the scripts and may not be read. Files are 0500 when somebody
/// may execute them, else 0400; folders are 0700.
///
/// There was an instant at which the tree was what the copy is: everything is looked at before and after, down to the
/// inode and time stamps of each file, and copied again when anything moved meanwhile.
///
/// A tree that is too large (over settings.limit_bytes, 10,000 files or 8 folders deep) is not copied: the reading says
/// so in a warning and its scripts run from where they are; their digests are of size and time stamps. So do programs
/// (ELF) when the copy lies on a noexec mount; scripts are started through their interpreter and do not mind.
/// Requires: `destination` does not exist, its parent does; both are absolute, or as good as that to the one who
///           runs the scripts.
/// Returns:  run_path of each script in `destination`. Without a copy `destination` is not made.
/// Errors:   as read_hook_tree(); busy when the tree kept changing; io when a script may not be read; full or io when
///           the copy cannot be written. Nothing is left of it then.
/// Blocks:   for the reading and writing of all files; nothing is synced.
Result<HookCopy> copy_hook_tree(const std::string& scripts_dir, const std::string& destination,
                                const CopySettings& settings);

/// Removes a folder and all that is in it, as far as possible. Links are not followed.
void remove_tree(const std::string& path) noexcept;

}  // namespace sidefridge::hooks
