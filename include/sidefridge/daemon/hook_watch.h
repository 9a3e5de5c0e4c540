// hook_watch.h - changes of the hooks as events.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sidefridge/base/result.h"
#include "sidefridge/core/event.h"
#include "sidefridge/daemon/console.h"
#include "sidefridge/daemon/event_sink.h"
#include "sidefridge/hooks/mount_watch.h"
#include "sidefridge/hooks/tree_watch.h"
#include "sidefridge/loop/fd_watch.h"
#include "sidefridge/loop/lane.h"
#include "sidefridge/loop/loop.h"

namespace sidefridge::daemon {

/// Posts HooksTouched when the hooks may have changed, and HooksWatched when that begins or ceases to be reliable: when
/// all there is to watch is watched, on file systems that tell of every change. A mount over the hooks counts as a
/// change of them. What is not watched is logged.
/// The loop only hears that there is news. What it is, and what is to be watched from now on, is found out on a lane,
/// because the folders may lie on a file system that takes its time or is dead.
/// Owns:   an inotify descriptor a folder, one of the list of mounts, and their watches. Neither copied nor moved: loop
///         and lane point at it.
/// Thread: loop thread only; the trees and mounts are used on the lane alone.  Blocks: never.
class HookWatch final : private loop::FdListener {
public:
  /// `folders` are that of the hooks first, and others whose files matter as much. Nothing is watched before the first
  /// rearm(). Requires: loop, lane, sink and console outlive the object. The object outlives every job it has posted.
  HookWatch(loop::Loop& loop, loop::Lane& lane, std::vector<std::string> folders, EventSink& sink, Console& console);
  HookWatch(const HookWatch&) = delete;
  HookWatch& operator=(const HookWatch&) = delete;

  /// Watches what is there when the lane comes to it. To be called before the hooks are read on the same lane, so that
  /// no change falls in between.
  void rearm();

  /// How often the hooks were touched, as far as it was heard.
  std::uint64_t touches() const noexcept { return touches_; }
  /// Whether it is sure that nothing has touched them since touches() was that. Blocks: never.
  bool quiet_since(std::uint64_t touches) const noexcept;

private:
  /// What a look has found.
  struct Found {
    bool changed = false;
    core::HooksWatched::By by = core::HooksWatched::By::polling;
    std::vector<std::string> notices;
  };

  // What is done on the lane.
  void open();
  Found look();
  void rearm_trees();
  Found found(bool changed);

  void on_ready() noexcept override;
  void listen();
  Result<void> listen_to(int fd, loop::Interest interest);
  void tell(const Found& found);

  loop::Loop& loop_;
  loop::Lane& lane_;
  EventSink& sink_;
  Console& console_;
  core::HooksWatched::By told_ = core::HooksWatched::By::polling;

  struct Watched {
    loop::FdWatch watch;
    loop::Interest interest;
  };
  std::vector<Watched> watches_;
  bool listening_ = false;  // the trees have been opened
  bool deaf_ = false;       // to one of the trees
  bool looking_ = false;    // the lane has been asked for a look that news led to
  std::uint64_t touches_ = 0;
  std::vector<int> queues_;  // inotify's, while it is listened to

  // The lane's.
  std::vector<std::string> folders_;
  std::vector<hooks::TreeWatch> trees_;      // a folder each
  std::optional<hooks::MountWatch> mounts_;  // nothing: the kernel's list cannot be watched
  std::vector<std::string> notices_;
};

}  // namespace sidefridge::daemon
