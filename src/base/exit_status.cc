// exit_status.cc - names of signals.
#include "sidefridge/base/exit_status.h"

#include <csignal>

namespace sidefridge {

std::string signal_name(int number) {
  // A table of our own: strsignal(3) gives sentences, sigabbrev_np(3) is missing in musl.
  switch (number) {
    case SIGHUP: return "SIGHUP";
    case SIGINT: return "SIGINT";
    case SIGQUIT: return "SIGQUIT";
    case SIGILL: return "SIGILL";
    case SIGTRAP: return "SIGTRAP";
    case SIGABRT: return "SIGABRT";
    case SIGBUS: return "SIGBUS";
    case SIGFPE: return "SIGFPE";
    case SIGKILL: return "SIGKILL";
    case SIGUSR1: return "SIGUSR1";
    case SIGSEGV: return "SIGSEGV";
    case SIGUSR2: return "SIGUSR2";
    case SIGPIPE: return "SIGPIPE";
    case SIGALRM: return "SIGALRM";
    case SIGTERM: return "SIGTERM";
    case SIGXCPU: return "SIGXCPU";
    case SIGXFSZ: return "SIGXFSZ";
    case SIGSYS: return "SIGSYS";
    default: return "signal " + std::to_string(number);
  }
}

std::string format(ExitStatus status) {
  if (status.signalled()) return "signal '" + signal_name(status.code) + "'";
  return "exit code '" + std::to_string(status.code) + "'";
}

}  // namespace sidefridge
