// escalation.cc - one look after the other, until nobody is there.
#include "sidefridge/core/escalation.h"

#include <algorithm>
#include <utility>

namespace sidefridge::core {

Escalation::Escalation(Scope scope, happened::Whose whose, std::string run_id, const std::optional<Shutdown>& shutdown,
                       Turn& turn)
    : scope_(scope),
      whose_(whose),
      run_id_(std::move(run_id)),
      kill_deadline_(turn.now.mono + term_patience),
      give_up_deadline_(kill_deadline_ + kill_patience) {
  if (shutdown) limit(*shutdown);
  // Where the shutdown's time for SIGTERM has passed, SIGKILL follows with the next deadline, which is past, too.
  send(Send::term, turn);
}

void Escalation::limit(const Shutdown& shutdown) noexcept {
  kill_deadline_ = std::min(kill_deadline_, shutdown.kill_deadline);
  give_up_deadline_ = std::min(give_up_deadline_, shutdown.give_up_deadline);
}

void Escalation::send(Send what, Turn& turn) {
  awaited_ = turn.new_serial();
  turn.act(EndProcesses{awaited_, scope_, what});
}

void Escalation::kill(Turn& turn) {
  sent_ = Send::kill;
  survivors_told_ = false;
  give_up_deadline_ = std::min(give_up_deadline_, turn.now.mono + kill_patience);
  // Begun late in a shutdown: what is killed now is given a moment to go all the same.
  give_up_deadline_ = std::max(give_up_deadline_, turn.now.mono + least_kill_patience);
  send(Send::kill, turn);
}

void Escalation::widen(Scope scope, const Shutdown& shutdown, Turn& turn) {
  scope_ = scope;
  limit(shutdown);
  survivors_told_ = false;
  if (sent_ == Send::kill || kill_deadline_ <= turn.now.mono) {
    kill(turn);
  } else {
    send(Send::term, turn);
  }
}

Escalation::Verdict Escalation::on(const ProcessesAlive& alive, Turn& turn) {
  if (alive.serial != awaited_) return Verdict::waiting;
  if (alive.processes.empty()) return Verdict::gone;
  if (!std::exchange(survivors_told_, true)) {
    turn.tell(happened::ProcessesSignalled{run_id_, whose_, sent_, alive.processes});
  }
  return Verdict::waiting;
}

void Escalation::on(const OrphansReaped&, Turn& turn) {
  // A process that forks faster than we kill is killed again.
  send(sent_ == Send::kill ? Send::kill : Send::nothing, turn);
}

Escalation::Verdict Escalation::on_time(Turn& turn) {
  if (deadline() > turn.now.mono) return Verdict::waiting;
  if (sent_ == Send::term) {
    kill(turn);
    return Verdict::waiting;
  }
  turn.tell(happened::ProcessesGivenUp{run_id_});
  return Verdict::given_up;
}

}  // namespace sidefridge::core
