// signal_watch.cc - which signal means what.
#include "sidefridge/daemon/signal_watch.h"

#include <csignal>
#include <utility>

namespace sidefridge::daemon {

SignalWatch::SignalWatch(os::SignalFd signals, EventSink& sink, ProcessRunner& runner)
    : signals_(std::move(signals)), sink_(sink), runner_(runner) {}

Result<std::unique_ptr<SignalWatch>> SignalWatch::open(loop::Loop& loop, os::SignalFd signals, EventSink& sink,
                                                       ProcessRunner& runner) {
  std::unique_ptr<SignalWatch> self(new SignalWatch(std::move(signals), sink, runner));
  Result<loop::FdWatch> watch = loop::FdWatch::open(loop, self->signals_.fd(), *self);
  if (!watch) return std::move(watch).error();
  self->watch_ = std::move(*watch);
  self->watch_->want(loop::Interest::input);
  return self;
}

void SignalWatch::on_ready() noexcept {
  const Result<os::SignalSet> seen = signals_.drain();
  if (!seen) return;
  if (seen->has(SIGCHLD)) runner_.reap_children();
  if (seen->has(SIGHUP) || seen->has(SIGUSR1))
    sink_.post(core::ReloadRequested{{++last_request_, core::Asker::signal}});
  if (seen->has(SIGTERM) || seen->has(SIGINT)) sink_.post(core::StopRequested{{++last_request_, core::Asker::signal}});
}

}  // namespace sidefridge::daemon
