// tree_copy.h - the hooks read, and copied, so that all files are of one version.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sidefridge/base/result.h"
#include "sidefridge/base/time.h"
#include "sidefridge/hooks/hook_tree.h"
#include "sidefridge/hooks/tree_snapshot.h"

namespace sidefridge::hooks {

struct CopySettings {
  std::uint64_t limit_bytes = std::uint64_t{64} << 20;   // a hook that is larger is not copied
  int attempts = 3;                                      // at least one
  std::function<void()> on_step = [] {};                 // for tests: called between any two looks at the tree
  std::function<bool()> give_up = [] { return false; };  // asked before each file of a copy
};

/// One thing in a hook's folder: what of it counts for the hook's digest.
struct TreePart {
  std::string path;  // below the folder of scripts
  std::uint64_t digest = 0;
};

/// A reading, and what it was made of.
struct HookVersion : HookReading {
  TreeSnapshot source;
  std::vector<std::uint64_t> digests;  // of each entry of `source`: of a file its content and whether it may be
                                       // executed, of a link where it leads
  std::vector<bool> as_stamped;        // of each entry: that digest is of the file that its stamp is of
  WallTime looked_at{};                // just before it was read; the default: none of it is to be used again
  bool whole = true;                   // there was an instant at which the tree was this
  bool any_left_out = false;           // something may not be read
};

/// What of a version counts for a hook's digest: all that is in the hook's folder.
std::vector<TreePart> parts_of(const HookVersion& version, core::Hook hook);

/// The digest of a hook, whatever the order of its parts.
std::uint64_t digest_of_parts(std::vector<TreePart> parts);

/// Reads the hooks as read_hook_tree() does, with digests and interpreters. There was an instant at which the tree was
/// what was read: everything is looked at before and after, down to the inode and time stamps of each file, and read
/// again when anything moved meanwhile. A tree that never stops moving is taken as it was found: not `whole`.
///
/// `known`: an earlier reading. A file that is sure to be as it was then is not read again, so that one file that never
/// rests does not cost the reading of all others each time.
///
/// Of a hook that is too large (over settings.limit_bytes, 20,000 files or 8 folders deep) the scripts alone are read,
/// and a warning says so.
/// Errors: as read_hook_tree(); io when a file cannot be read, though it may be.
/// Blocks: for the reading of all files.
Result<HookVersion> read_hooks(const std::string& scripts_dir, const CopySettings& settings,
                               const HookVersion* known = nullptr);

/// Reads the hooks as read_hooks() does, and copies their folders to `destination` with the same layout, so that
/// `$(dirname "$0")/.lib.sh` is found, and of the script's own version. Copied are regular files, sub-folders and links
/// within a hook, dot files included; scripts and a kubelet's files whatever links lead to them. Any other link leads
/// from the copy to where it leads from the hook. What lies beside the hook folders (the reading's neighbours), and a
/// hook that is too large, is linked to where it is. Left out is what begins with ".." (the kubelet's), what is neither
/// file nor folder, and what may not be read.
/// A copy may be read, entered and executed by those who may do so in the original, and by nobody else.
/// Requires: `destination` does not exist, its parent does; both are absolute, or as good as that to the one who
///           runs the scripts.
/// Errors:   as read_hooks(); busy when the tree kept changing, or settings.give_up() said so; full or io when the copy
///           cannot be written. Nothing is left of it then, as far as it can be removed.
/// Blocks:   for the reading and writing of all files; nothing is synced.
Result<HookVersion> copy_hook_tree(const std::string& scripts_dir, const std::string& destination,
                                   const CopySettings& settings);

/// The digest of what is now at `path`, as a version has it. Errors: what the system says.
/// Blocks: for the reading of the file.
Result<std::uint64_t> digest_of_file(const std::string& path, std::uint64_t limit_bytes);
std::uint64_t digest_of_link(std::string_view target) noexcept;

/// Removes a folder and all that is in it, as far as possible. Links are not followed.
/// Returns: whether nothing is left. It needs descriptors: when there are none, it is to be tried again.
bool remove_tree(const std::string& path) noexcept;

}  // namespace sidefridge::hooks
