// opening.h - what the daemon opens before it can decide anything, while SIGTERM is heard.
#pragma once

#include <functional>
#include <utility>

#include "sidefridge/daemon/console.h"
#include "sidefridge/loop/fd_watch.h"
#include "sidefridge/loop/lane.h"
#include "sidefridge/loop/loop.h"
#include "sidefridge/os/mono_timer.h"
#include "sidefridge/os/signal_fd.h"

namespace sidefridge::daemon {

/// The state folder may lie on a disk that hangs, and another process may hold its write lock for ever: so it is opened
/// on a lane, and until that is done a pending SIGTERM or SIGINT is looked for every second.
/// Thread: loop thread only.
class Opening final : private loop::TurnListener, private loop::FdListener {
public:
  enum class End {
    opened,   // the work is done
    stopped,  // SIGTERM or SIGINT is pending, and the work goes on: what it uses is to be kept for good
  };

  /// Requires: `signals` is open: it blocks them. All outlive the call. Errors: no descriptors left.
  static Result<End> run(loop::Loop& loop, loop::Lane& lane, const os::SignalFd& signals, Console& console,
                         std::function<void()> work);

private:
  Opening(loop::Loop& loop, const os::SignalFd& signals, Console& console, os::MonoTimer timer)
      : loop_(loop), signals_(signals), console_(console), timer_(std::move(timer)) {}
  void on_turn() noexcept override;
  void on_ready() noexcept override;

  loop::Loop& loop_;
  const os::SignalFd& signals_;
  Console& console_;
  os::MonoTimer timer_;
  int seconds_ = 0;
  bool opened_ = false;
  bool stopped_ = false;
};

}  // namespace sidefridge::daemon
