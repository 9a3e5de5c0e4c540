// hook_watch.h - changes of the hooks as events.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sidefridge/core/event.h"
#include "sidefridge/core/result.h"
#include "sidefridge/daemon/console.h"
#include "sidefridge/daemon/event_sink.h"
#include "sidefridge/loop/fd_watch.h"
#include "sidefridge/loop/loop.h"
#include "sidefridge/os/tree_watch.h"

namespace sidefridge::daemon {

/// Posts HooksTouched when the hooks may have changed, and HooksWatched when that begins or ceases to be reliable: when
/// all there is to watch is watched, on file systems that tell of every change. What is not watched is logged.
/// Owns:   an inotify descriptor a folder, and its watch. Lives on the heap: the loop points at it.
/// Thread: loop thread only.
class HookWatch final : private loop::FdListener {
public:
  /// `folders` are that of the hooks, and others whose files matter as much. Requires: loop, sink and console outlive
  /// the object. Errors: no memory left.
  static Result<std::unique_ptr<HookWatch>> open(loop::Loop& loop, std::vector<std::string> folders, EventSink& sink,
                                                 Console& console);
  HookWatch(const HookWatch&) = delete;
  HookWatch& operator=(const HookWatch&) = delete;

  /// Watches what is there now. To be called before the hooks are read.
  void rearm();

private:
  struct Folder {
    std::string path;
    os::TreeWatch tree;
    std::optional<loop::FdWatch> watch;  // nothing: the system gave no descriptor
  };

  HookWatch(std::vector<std::string> folders, EventSink& sink, Console& console);
  void on_ready() noexcept override;
  void tell_state();

  EventSink& sink_;
  Console& console_;
  core::HooksWatched::By told_ = core::HooksWatched::By::polling;
  std::vector<Folder> folders_;
};

}  // namespace sidefridge::daemon
