// signal_fd.cc - signals as data.
#include "sidefridge/os/signal_fd.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

namespace sidefridge::os {

Result<SignalFd> SignalFd::open() {
  sigset_t taken;
  sigemptyset(&taken);
  for (const int signal_number : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGCHLD}) sigaddset(&taken, signal_number);

  UniqueFd fd(::signalfd(-1, &taken, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!fd) return core::system_error("cannot take signals", errno);
  if (const int refusal = ::pthread_sigmask(SIG_BLOCK, &taken, nullptr); refusal != 0) {
    return core::system_error("cannot block signals", refusal);
  }

  struct sigaction action {};
  sigemptyset(&action.sa_mask);
  action.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &action, nullptr);
  // Whoever started us may ignore CHLD; then the kernel would reap in our place and lose every status.
  action.sa_handler = SIG_DFL;
  ::sigaction(SIGCHLD, &action, nullptr);
  return SignalFd(std::move(fd));
}

Result<SignalSet> SignalFd::drain() {
  SignalSet seen;
  std::array<signalfd_siginfo, 8> batch;
  for (;;) {
    const ssize_t got = ::read(fd_.get(), batch.data(), sizeof batch);
    if (got < 0) {
      if (errno == EAGAIN) return seen;
      return core::system_error("cannot read signals", errno);
    }
    const std::size_t count = static_cast<std::size_t>(got) / sizeof(signalfd_siginfo);
    for (std::size_t i = 0; i < count; ++i) seen.add(static_cast<int>(batch[i].ssi_signo));
  }
}

}  // namespace sidefridge::os
