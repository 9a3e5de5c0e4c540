// opening.cc - one job, and a timer beside it.
#include "sidefridge/daemon/opening.h"

#include <chrono>
#include <utility>

#include "sidefridge/os/system_clock.h"

namespace sidefridge::daemon {
namespace {

constexpr Duration between_looks = std::chrono::seconds(1);
constexpr int looks_before_warning = 5;

}  // namespace

Result<Opening::End> Opening::run(loop::Loop& loop, loop::Lane& lane, const os::SignalFd& signals, Console& console,
                                  std::function<void()> work) {
  Result<os::MonoTimer> timer = os::MonoTimer::open();
  if (!timer) return std::move(timer).error();
  Opening self(loop, signals, console, std::move(*timer));
  Result<loop::FdWatch> watch = loop::FdWatch::open(loop, self.timer_.fd(), self);
  if (!watch) return std::move(watch).error();
  watch->want(loop::Interest::input);
  if (Result<void> armed = self.timer_.arm(os::sample_now().mono + between_looks); !armed) {
    return std::move(armed).error();
  }
  // The answer may come when this is gone, after a stop: then the lane has been abandoned.
  lane.post(std::move(work), [&self] { self.opened_ = true; });
  loop.run(self);
  if (self.opened_) return End::opened;
  lane.abandon();
  return End::stopped;
}

void Opening::on_turn() noexcept {
  console_.flush();
  if (opened_ || stopped_) loop_.stop();
}

void Opening::on_ready() noexcept {
  static_cast<void>(timer_.drain());
  static_cast<void>(timer_.arm(os::sample_now().mono + between_looks));
  stopped_ = signals_.stop_is_pending();
  if (++seconds_ == looks_before_warning) {
    console_.log(core::LogLevel::warning, "the state folder has not answered for 5 s: sidefridge waits for it");
  }
}

}  // namespace sidefridge::daemon
