// loop.h - the one event loop: it waits for descriptors, and tells once a turn that all that were ready have been
// heard.
#pragma once

#include <memory>

#include "sidefridge/base/result.h"

// libuv's own types stay behind this room's door.
struct uv_loop_s;

namespace sidefridge::loop {

/// Hears the end of each turn: every descriptor that was ready has been reported.
class TurnListener {
public:
  /// Runs on the loop thread. May make and destroy watches, and call Loop::stop().
  virtual void on_turn() noexcept = 0;

protected:
  ~TurnListener() = default;
};

/// Owns:   the libuv loop and its descriptors. Movable.
/// Thread: loop thread only.
/// Blocks: only run(). The loop has no timers of its own: it sleeps until a watched descriptor is ready.
class Loop {
public:
  /// Errors: EMFILE, ENFILE, ENOMEM.
  static Result<Loop> open();

  /// Requires: every FdWatch and every Lane of this loop is gone. Does not wait for the work of a job that has begun:
  /// what such work still needs of the loop is kept for good.
  ~Loop();
  Loop(Loop&&) noexcept;

  /// Calls `listener.on_turn()` after each batch of ready descriptors, until stop(). The first turn does not wait: its
  /// batch is what is ready already, and from then on nothing that happens to a descriptor is missed.
  /// Requires: not called from a callback. May be called again after it returned.
  void run(TurnListener& listener);

  /// Makes run() return at the end of the turn.
  void stop() noexcept;

private:
  friend class FdWatch;
  friend class Lane;
  struct State;

  explicit Loop(std::unique_ptr<State> state) noexcept;
  uv_loop_s* handle() noexcept;

  std::unique_ptr<State> state_;
};

}  // namespace sidefridge::loop
