// tree_watch.h - hearing of changes in the folder of hooks as a pollable descriptor.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "sidefridge/core/hook.h"
#include "sidefridge/os/unique_fd.h"

namespace sidefridge::hooks {

/// Tells that something in the folder of hooks may have changed; what, only reading it tells. Watched are the folder
/// itself, each hook's folder, wherever a link leads to it, and all folders in it that are no links; none whose path
/// has a name that begins with ".." (the kubelet's). On the way there, the folders that hold a link of the path are
/// watched, which may be moved to lead elsewhere, and the one that holds the name of the whole (or its nearest parent
/// that exists, until it does).
/// Neither files nor folders behind other links are: a swap of a ConfigMap takes their watches away, and it is heard of
/// where `..data` is renamed. So what inotify does not tell has to be found by polling: a change on a network file
/// system by another machine, behind a link that leads out of a hook's folder, to another name further up the path. A
/// mount that comes or goes is heard of by MountWatch. What a copy leaves out is not watched either: a folder in a
/// hook's folder that may not be read, and what lies beyond most_tree_entries and most_tree_depth, which is a notice.
/// Owns:   one inotify descriptor, closed on destruction, and a watch a folder. Movable, not copyable.
/// Thread: one at a time.  Blocks: for the listing of the hooks' folders when one may have come or gone.
class TreeWatch {
public:
  enum class Seen {
    nothing,  // the tree is as it was
    changed,  // the tree may have changed, or nobody knows: read it again
  };

  /// Watches `scripts_dir`, which may be a link, or missing still. What cannot be watched is in take_notices().
  explicit TreeWatch(std::string scripts_dir);

  /// The descriptor to poll for input, or -1 when the system gives none: then only polling finds changes.
  /// Borrowed: valid while *this lives.
  int fd() const noexcept { return fd_.get(); }

  /// Takes what is pending, a full queue at most in one call, and watches what has come or was replaced. A tree that is
  /// read after this call gives what it was changed to, or is heard of again.
  Seen drain() noexcept;

  /// Watches what is there now. Called before a tree is read that no event announced: a folder that was mounted
  /// over gives none. Returns: changed when other folders than before are watched.
  Seen rearm() noexcept;

  /// Whether all there is to watch is watched. When not, the next drain() or rearm() tries again.
  bool complete() const noexcept { return problem_.empty(); }

  /// What is not watched and why, one line for a person each, once as long as it stays so. Returns: the new ones.
  std::vector<std::string> take_notices() noexcept;

private:
  static constexpr int unwatched = -1;

  /// Watch descriptors; one may stand twice where two names are one folder.
  struct Watches {
    std::vector<int> holders;                          // of the folders that hold a name on the way: the root's, links
    std::array<int, 1 + core::all_hooks.size()> tree;  // of paths_, in this order
    std::vector<int> below;                            // of the folders in the hooks' folders: sorted, each once

    Watches() noexcept { tree.fill(unwatched); }
    bool has_in_tree(int watch) const noexcept;
    friend bool operator==(const Watches&, const Watches&) = default;
  };

  /// What is watched again. Folders in the hooks' folders have to be listed for it, and may be many.
  enum class Reach { outermost, everything };

  Seen rearm(Reach reach) noexcept;
  Watches add_watches(Reach reach);
  int add_holder();
  void add_link_holders(const std::string& path, std::vector<int>& holders);
  std::vector<int> add_below(const Watches& outermost);
  int add(const std::string& path, unsigned mask);
  void note_problem(const std::string& path, int errno_value);
  void note_incomplete(const std::string& why);

  os::UniqueFd fd_;
  std::array<std::string, 1 + core::all_hooks.size()> paths_;  // the root's and the hooks'
  Watches watches_;
  std::string problem_;  // why something is not watched; empty when all is
  std::vector<std::string> notices_;
};

}  // namespace sidefridge::hooks
