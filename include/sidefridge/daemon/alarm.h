// alarm.h - one deadline of the monotonic clock, for a part of the daemon that has to look again later.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "sidefridge/base/result.h"
#include "sidefridge/base/time.h"
#include "sidefridge/loop/fd_watch.h"
#include "sidefridge/loop/loop.h"
#include "sidefridge/os/mono_timer.h"

namespace sidefridge::daemon {

class AlarmListener {
public:
  /// The deadline has come. Runs on the loop thread; may set the alarm again.
  virtual void on_alarm() noexcept = 0;

protected:
  ~AlarmListener() = default;
};

/// Owns:   the timer and its watch. Lives on the heap: the loop points at it.
/// Thread: loop thread only.  Blocks: never.
class Alarm final : private loop::FdListener {
public:
  /// Requires: loop and listener outlive the object. Errors: no descriptors or memory left.
  static Result<std::unique_ptr<Alarm>> open(loop::Loop& loop, AlarmListener& listener);
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

  /// Replaces the deadline; nothing: none. Costs no system call where nothing changed.
  void set(std::optional<MonoTime> deadline);
  std::optional<MonoTime> deadline() const noexcept { return deadline_; }

private:
  Alarm(os::MonoTimer timer, AlarmListener& listener) : timer_(std::move(timer)), listener_(listener) {}
  void on_ready() noexcept override;

  os::MonoTimer timer_;
  AlarmListener& listener_;
  std::optional<MonoTime> deadline_;
  std::optional<loop::FdWatch> watch_;
};

}  // namespace sidefridge::daemon
