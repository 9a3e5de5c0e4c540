// exit_status.h - how a process ended, as wait(2) tells it.
#pragma once

#include <string>

namespace sidefridge {

/// The end of a process: an exit code or a signal.
struct ExitStatus {
  enum class Kind { exited, signalled };

  Kind kind = Kind::exited;
  int code = 0;  // exited: the exit code, 0 to 255; signalled: the signal's number

  bool signalled() const noexcept { return kind == Kind::signalled; }
  bool succeeded() const noexcept { return kind == Kind::exited && code == 0; }

  friend bool operator==(const ExitStatus&, const ExitStatus&) = default;
};

/// "SIGKILL"; a number without a name becomes "signal 64".
std::string signal_name(int number);

/// For people: "exit code '3'" or "signal 'SIGKILL'".
std::string format(ExitStatus status);

}  // namespace sidefridge
