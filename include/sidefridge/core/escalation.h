// escalation.h - ending processes: SIGTERM, then SIGKILL, then giving up.
//
//   term    they were sent SIGTERM, and have until the kill deadline
//   kill    they were sent SIGKILL, and have until the give-up deadline; who appears meanwhile is killed, too
//   over    nobody is left, or who is left is given up
#pragma once

#include <optional>
#include <string>

#include "sidefridge/base/time.h"
#include "sidefridge/core/action.h"
#include "sidefridge/core/event.h"
#include "sidefridge/core/patience.h"
#include "sidefridge/core/turn.h"

namespace sidefridge::core {

/// The ending of the processes of one scope. A value. Whom it is about is given once and only ever widened; only the
/// answer to the latest look at them counts.
class Escalation {
public:
  enum class Verdict {
    waiting,   // somebody is left, as far as is known
    gone,      // nobody is left
    given_up,  // who is left does not end although it was killed
  };

  /// Sends SIGTERM. With a shutdown under way its deadlines are the latest ones. `run_id` is for the log; empty: no
  /// run.
  Escalation(Scope scope, happened::Whose whose, std::string run_id, const std::optional<Shutdown>& shutdown,
             Turn& turn);

  /// What follows from an event. Once it is not `waiting` no further call is made.
  Verdict on(const ProcessesAlive& alive, Turn& turn);
  Verdict on_time(Turn& turn);
  /// Somebody was reaped: looks again.
  void on(const OrphansReaped&, Turn& turn);

  /// From now on the processes of `scope` are meant, and the deadlines of `shutdown` are the latest ones. Sends the
  /// signal whose time it is to all of them.
  void widen(Scope scope, const Shutdown& shutdown, Turn& turn);

  /// When to call on_time() at the latest.
  MonoTime deadline() const noexcept { return sent_ == Send::kill ? give_up_deadline_ : kill_deadline_; }

private:
  void send(Send what, Turn& turn);
  void limit(const Shutdown& shutdown) noexcept;
  void kill(Turn& turn);

  Scope scope_;
  happened::Whose whose_;
  std::string run_id_;
  Send sent_ = Send::term;
  MonoTime kill_deadline_;
  MonoTime give_up_deadline_;
  Serial awaited_ = 0;           // of the latest look
  bool survivors_told_ = false;  // whether the listeners know of those found since the last signal
};

}  // namespace sidefridge::core
