// turn.h - what one event leads to, while it is being gathered.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "sidefridge/base/time.h"
#include "sidefridge/core/action.h"
#include "sidefridge/core/happening.h"
#include "sidefridge/core/serial.h"

namespace sidefridge::core {

/// The parts of the scheduler append to it, in order. Lives for one event.
class Turn {
public:
  Turn(Now its_now, Serial& last_serial) noexcept : now(its_now), last_serial_(last_serial) {}

  const Now now;

  Serial new_serial() noexcept { return ++last_serial_; }

  template <class A>
  void act(A action) {
    actions_.emplace_back(std::move(action));
  }

  /// Lets everybody who listens know.
  template <class H>
  void tell(H happened) {
    act(Tell{Happening{std::move(happened)}});
  }

  std::vector<Action> take_actions() noexcept { return std::move(actions_); }

private:
  Serial& last_serial_;
  std::vector<Action> actions_;
};

}  // namespace sidefridge::core
