// tree_watch.cc - inotify(7): at any event watches are set again, since what is there already costs a microsecond.
#include "sidefridge/hooks/tree_watch.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "sidefridge/base/result.h"
#include "sidefridge/hooks/tree_snapshot.h"
#include "sidefridge/os/folder.h"
#include "sidefridge/text/path.h"

namespace sidefridge::hooks {
namespace {

// What comes to or leaves a folder, and that the folder itself is renamed; that it is gone is told unasked. A folder
// that is watched under two names has the events of both.
constexpr unsigned names_change =
    IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_MOVE_SELF | IN_ONLYDIR | IN_MASK_ADD;
// Opening and reading are no change: the kubelet does both at each sync, and so does the daemon.
constexpr unsigned anything_changes = names_change | IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB;

bool is_missing(int errno_value) noexcept {
  return errno_value == ENOENT || errno_value == ENOTDIR || errno_value == ELOOP;
}

/// The path of the folder that holds this name.
std::string holder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return text::without_end_slashes(path.substr(0, slash + 1));
}

/// The folders that hold a link on the way to where a path leads, in its order.
std::vector<std::string> link_holders_of(const std::string& path) {
  constexpr int most_links = 40;  // as the kernel's
  std::vector<std::string> holders;
  std::string done = path.starts_with('/') ? "/" : "";
  std::string left = path;
  for (int links = 0; !left.empty() && links < most_links;) {
    const std::size_t slash = std::min(left.find('/'), left.size());
    const std::string name = left.substr(0, slash);
    left.erase(0, slash + 1);
    if (name.empty() || name == ".") continue;
    const std::string here = done + name;
    std::array<char, PATH_MAX> target;
    const ssize_t length = ::readlink(here.c_str(), target.data(), target.size());
    if (length <= 0) {
      done = here + "/";
      continue;
    }
    ++links;
    holders.push_back(done.empty() ? "." : done);
    std::string leads_to(target.data(), static_cast<std::size_t>(length));
    if (leads_to.starts_with('/')) done = "/";
    left = std::move(leads_to) + "/" + left;
  }
  return holders;
}

/// Whether a path leads to a version of a ConfigMap, whose watch would go with it.
bool leads_past_a_kubelet(const std::string& path) {
  std::error_code failure;
  const std::filesystem::path real = std::filesystem::canonical(path, failure);
  return !failure && std::any_of(real.begin(), real.end(),
                                 [](const std::filesystem::path& name) { return name.native().starts_with(".."); });
}

std::string polled_instead(std::string text) {
  return text += "; changes are found by polling instead";
}

}  // namespace

bool TreeWatch::Watches::has_in_tree(int watch) const noexcept {
  return std::find(tree.begin(), tree.end(), watch) != tree.end() ||
         std::binary_search(below.begin(), below.end(), watch);
}

TreeWatch::TreeWatch(std::string scripts_dir) : fd_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
  const int errno_value = errno;
  paths_[0] = text::without_end_slashes(std::move(scripts_dir));
  for (std::size_t i = 0; i < core::all_hooks.size(); ++i) {
    paths_[i + 1].append(paths_[0]).append("/").append(core::name_of(core::all_hooks[i]));
  }
  if (fd_) {
    rearm();
    return;
  }
  problem_ = system_error("cannot watch '" + paths_[0] + "'", errno_value).text;
  if (errno_value == EMFILE) {
    problem_ +=
        " (all inotify instances of this user are taken: raise the sysctl fs.inotify.max_user_instances; or this "
        "process may open no more files)";
  }
  problem_ = polled_instead(std::move(problem_));
  notices_.push_back(problem_);
}

TreeWatch::Seen TreeWatch::drain() noexcept {
  // With the kernel's default, a full queue is half as many reads; a writer that never stops must not hold us.
  constexpr int most_reads = 256;
  alignas(inotify_event) std::array<char, 4096> batch;
  bool woken = false;
  Reach reach = Reach::outermost;
  Seen seen = Seen::nothing;
  for (int reads = 0; reads < most_reads; ++reads) {
    const ssize_t got = ::read(fd_.get(), batch.data(), batch.size());
    if (got <= 0) break;
    woken = true;
    inotify_event event;
    for (std::size_t at = 0; at < static_cast<std::size_t>(got); at += sizeof event + event.len) {
      std::memcpy(&event, batch.data() + at, sizeof event);
      // The holder's events tell nothing of the tree, and those of a watch that is gone are old: rearm() knows better.
      if (watches_.has_in_tree(event.wd) || (event.mask & IN_Q_OVERFLOW) != 0) seen = Seen::changed;
      if ((event.mask & (IN_ISDIR | IN_IGNORED | IN_Q_OVERFLOW)) != 0) reach = Reach::everything;
    }
  }
  if (!woken) return Seen::nothing;
  return rearm(reach) == Seen::changed ? Seen::changed : seen;
}

TreeWatch::Seen TreeWatch::rearm() noexcept {
  return rearm(Reach::everything);
}

TreeWatch::Seen TreeWatch::rearm(Reach reach) noexcept {
  if (!fd_) return Seen::nothing;
  if (!complete()) reach = Reach::everything;
  // What was made in a folder before that was watched nobody told, and a watch that is let go makes room for another:
  // so until nothing is new. A writer that never stops replacing folders must not hold us, and is heard again.
  constexpr int most_rounds = 8;
  const std::string known_problem = problem_;
  const Watches known = watches_;
  for (int round = 0; round < most_rounds; ++round) {
    problem_.clear();
    const Watches before = std::exchange(watches_, add_watches(reach));
    if (watches_ == before) break;
    reach = Reach::everything;
    const auto forget_unless_kept = [&](int watch) {
      const bool kept = watches_.has_in_tree(watch) ||
                        std::find(watches_.holders.begin(), watches_.holders.end(), watch) != watches_.holders.end();
      if (watch != unwatched && !kept) ::inotify_rm_watch(fd_.get(), watch);
    };
    std::for_each(before.holders.begin(), before.holders.end(), forget_unless_kept);
    std::for_each(before.tree.begin(), before.tree.end(), forget_unless_kept);
    std::for_each(before.below.begin(), before.below.end(), forget_unless_kept);
  }
  if (!problem_.empty() && problem_ != known_problem) notices_.push_back(problem_);
  return watches_.tree == known.tree && watches_.below == known.below ? Seen::nothing : Seen::changed;
}

std::vector<std::string> TreeWatch::take_notices() noexcept {
  return std::exchange(notices_, {});
}

TreeWatch::Watches TreeWatch::add_watches(Reach reach) {
  Watches added;
  added.tree[0] = add(paths_[0], anything_changes);
  for (std::size_t i = 1; i < paths_.size(); ++i) {
    const bool link = leads_past_a_kubelet(paths_[i]);
    added.tree[i] = add(paths_[i], anything_changes | (link ? unsigned{IN_DONT_FOLLOW} : 0U));
  }
  // Later, so that what matters most comes first where watches are few.
  added.holders.push_back(add_holder());
  for (const std::string& path : paths_) add_link_holders(path, added.holders);
  switch (reach) {
    case Reach::outermost: added.below = watches_.below; break;
    case Reach::everything: added.below = add_below(added); break;
  }
  return added;
}

void TreeWatch::add_link_holders(const std::string& path, std::vector<int>& holders) {
  for (const std::string& folder : link_holders_of(path)) {
    const int watch = add(folder, names_change);
    if (watch != unwatched) holders.push_back(watch);
  }
}

int TreeWatch::add_holder() {
  std::string path = holder_of(paths_[0]);
  for (;;) {
    const int watch = add(path, names_change);
    if (watch != unwatched || path == "/" || path == ".") return watch;
    path = holder_of(path);
  }
}

std::vector<int> TreeWatch::add_below(const Watches& outermost) {
  struct Folder {
    std::string path;
    std::size_t depth;
  };
  std::vector<Folder> unlisted;  // watched already, so that what comes after its listing is heard
  for (std::size_t i = 1; i < paths_.size(); ++i) {
    if (outermost.tree[i] != unwatched) unlisted.push_back({paths_[i], 1});
  }
  std::vector<int> watches;
  std::size_t entries = 0;
  while (!unlisted.empty() && complete()) {
    const Folder folder = std::move(unlisted.back());
    unlisted.pop_back();
    const os::Directory listing = os::open_folder(AT_FDCWD, folder.path.c_str());
    if (!listing) {
      note_problem(folder.path, errno);
      continue;
    }
    std::vector<std::string> paths;
    const Result<void> listed = os::for_each_entry(listing.get(), folder.path, [&](const dirent& item) -> Result<void> {
      if (std::string_view(item.d_name).starts_with("..")) return {};
      if (++entries > most_tree_entries) {
        return Error{ErrorCode::full, "its hooks hold more than " + std::to_string(most_tree_entries) + " files"};
      }
      // Some file systems do not tell the type; the watch is for folders only.
      if (item.d_type == DT_DIR || item.d_type == DT_UNKNOWN) paths.push_back(folder.path + "/" + item.d_name);
      return {};
    });
    if (!listed) note_incomplete(listed.error().text);
    for (std::string& path : paths) {
      const int watch = ::inotify_add_watch(fd_.get(), path.c_str(), anything_changes | IN_DONT_FOLLOW);
      if (watch < 0) {
        // The copy leaves it out, and that its rights change is told by the folder it is in.
        if (errno != EACCES) note_problem(path, errno);
        continue;
      }
      watches.push_back(watch);
      if (folder.depth == most_tree_depth) {
        note_incomplete("folder '" + path + "' lies deeper than " + std::to_string(most_tree_depth) + " folders");
      }
      unlisted.push_back({std::move(path), folder.depth + 1});
    }
  }
  std::sort(watches.begin(), watches.end());
  watches.erase(std::unique(watches.begin(), watches.end()), watches.end());
  return watches;
}

int TreeWatch::add(const std::string& path, unsigned mask) {
  const int watch = ::inotify_add_watch(fd_.get(), path.c_str(), mask);
  if (watch < 0) note_problem(path, errno);
  return watch;
}

void TreeWatch::note_problem(const std::string& path, int errno_value) {
  if (is_missing(errno_value)) return;
  if (errno_value == ENOSPC) {
    note_incomplete("all inotify watches of this user are taken (raise the sysctl fs.inotify.max_user_watches)");
  } else if (problem_.empty()) {
    problem_ = polled_instead(system_error("cannot watch '" + path + "'", errno_value).text);
  }
}

void TreeWatch::note_incomplete(const std::string& why) {
  if (problem_.empty()) problem_ = polled_instead("cannot watch all of '" + paths_[0] + "': " + why);
}

}  // namespace sidefridge::hooks
