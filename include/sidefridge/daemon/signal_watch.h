// signal_watch.h - the daemon's signals as events.
#pragma once

#include <memory>
#include <optional>

#include "sidefridge/base/result.h"
#include "sidefridge/daemon/event_sink.h"
#include "sidefridge/daemon/process_runner.h"
#include "sidefridge/loop/fd_watch.h"
#include "sidefridge/loop/loop.h"
#include "sidefridge/os/signal_fd.h"

namespace sidefridge::daemon {

/// TERM and INT become StopRequested, HUP and USR1 ReloadRequested; CHLD has the runner reap.
/// Owns:   the signalfd and its watch. Lives on the heap: the loop points at it.
/// Thread: loop thread only.
class SignalWatch final : private loop::FdListener {
public:
  /// Requires: loop, sink and runner outlive the object. Errors: no descriptors or memory left.
  static Result<std::unique_ptr<SignalWatch>> open(loop::Loop& loop, os::SignalFd signals, EventSink& sink,
                                                   ProcessRunner& runner);
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

private:
  SignalWatch(os::SignalFd signals, EventSink& sink, ProcessRunner& runner);
  void on_ready() noexcept override;

  os::SignalFd signals_;
  EventSink& sink_;
  ProcessRunner& runner_;
  std::uint64_t last_request_ = 0;
  std::optional<loop::FdWatch> watch_;
};

}  // namespace sidefridge::daemon
