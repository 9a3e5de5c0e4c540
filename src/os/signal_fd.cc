// signal_fd.cc - signals as data.
#include "sidefridge/os/signal_fd.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "sidefridge/os/inherited_limits.h"

namespace sidefridge::os {

namespace {

/// What our parent had ignored, children of ours would ignore, too; and with CHLD ignored the kernel would reap
/// in our place and lose every status.
void heed_all_signals() noexcept {
  for (int signal_number = 1; signal_number < NSIG; ++signal_number) {
    struct sigaction action {};
    // The C library keeps a few for itself and refuses to tell.
    if (::sigaction(signal_number, nullptr, &action) != 0 || action.sa_handler != SIG_IGN) continue;
    action.sa_handler = SIG_DFL;
    ::sigaction(signal_number, &action, nullptr);
  }
}

}  // namespace

Result<SignalFd> SignalFd::open() {
  sigset_t taken;
  sigemptyset(&taken);
  for (const int signal_number : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGCHLD}) sigaddset(&taken, signal_number);

  UniqueFd fd(::signalfd(-1, &taken, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!fd) return system_error("cannot take signals", errno);
  if (const int refusal = ::pthread_sigmask(SIG_BLOCK, &taken, nullptr); refusal != 0) {
    return system_error("cannot block signals", refusal);
  }

  heed_all_signals();
  struct sigaction action {};
  sigemptyset(&action.sa_mask);
  action.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &action, nullptr);
  ignore_file_size_signal();
  return SignalFd(std::move(fd));
}

Result<SignalSet> SignalFd::drain() {
  SignalSet seen;
  std::array<signalfd_siginfo, 8> batch;
  for (;;) {
    const ssize_t got = ::read(fd_.get(), batch.data(), sizeof batch);
    if (got < 0) {
      if (errno == EAGAIN) return seen;
      return system_error("cannot read signals", errno);
    }
    const std::size_t count = static_cast<std::size_t>(got) / sizeof(signalfd_siginfo);
    for (std::size_t i = 0; i < count; ++i) seen.add(static_cast<int>(batch[i].ssi_signo));
    if (count < batch.size()) return seen;
  }
}

bool SignalFd::stop_is_pending() const noexcept {
  sigset_t pending;
  return ::sigpending(&pending) == 0 && (::sigismember(&pending, SIGTERM) == 1 || ::sigismember(&pending, SIGINT) == 1);
}

}  // namespace sidefridge::os
