// hook_watch.h - changes of the hooks as events.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sidefridge/base/result.h"
#include "sidefridge/core/event.h"
#include "sidefridge/daemon/console.h"
#include "sidefridge/daemon/event_sink.h"
#include "sidefridge/hooks/mount_watch.h"
#include "sidefridge/hooks/tree_watch.h"
#include "sidefridge/loop/fd_watch.h"
#include "sidefridge/loop/loop.h"

namespace sidefridge::daemon {

/// Posts HooksTouched when the hooks may have changed, and HooksWatched when that begins or ceases to be reliable: when
/// all there is to watch is watched, on file systems that tell of every change. A mount over the hooks counts as a
/// change of them. What is not watched is logged.
/// Owns:   an inotify descriptor a folder, one of the list of mounts, and their watches. Lives on the heap: the loop
///         points at it.
/// Thread: loop thread only.
class HookWatch final : private loop::FdListener {
public:
  /// `folders` are that of the hooks, and others whose files matter as much. Requires: loop, sink and console outlive
  /// the object. Errors: no memory left.
  static Result<std::unique_ptr<HookWatch>> open(loop::Loop& loop, std::vector<std::string> folders, EventSink& sink,
                                                 Console& console);
  HookWatch(const HookWatch&) = delete;
  HookWatch& operator=(const HookWatch&) = delete;

  /// Watches what is there now. To be called before the hooks are read, and not before the first turn of the loop.
  void rearm();

private:
  struct Folder {
    std::string path;
    hooks::TreeWatch tree;
    std::optional<loop::FdWatch> watch;  // nothing: the system gave no descriptor
  };

  /// The mounts that count, and whoever hears of others.
  struct Mounts final : loop::FdListener {
    Mounts(HookWatch& its_owner, hooks::MountWatch its_table) : owner(its_owner), table(std::move(its_table)) {}
    void on_ready() noexcept override { owner.on_mounts_changed(); }
    HookWatch& owner;
    hooks::MountWatch table;
    std::optional<loop::FdWatch> watch;
  };

  HookWatch(std::vector<std::string> folders, EventSink& sink, Console& console);
  Result<void> watch_mounts(loop::Loop& loop, std::vector<std::string> folders);
  void on_ready() noexcept override;
  void on_mounts_changed() noexcept;
  void tell_state();

  EventSink& sink_;
  Console& console_;
  core::HooksWatched::By told_ = core::HooksWatched::By::polling;
  std::vector<Folder> folders_;
  std::unique_ptr<Mounts> mounts_;  // nothing: the kernel's list cannot be watched
};

}  // namespace sidefridge::daemon
