#include "sidefridge/os/signal_fd.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <csignal>

#include "fixture.h"

namespace sidefridge::os {
namespace {

TEST(SignalSet, has_what_was_added) {
  SignalSet set;
  EXPECT_TRUE(set.empty());
  set.add(SIGTERM);
  set.add(64);
  EXPECT_TRUE(set.has(SIGTERM));
  EXPECT_TRUE(set.has(64));
  EXPECT_FALSE(set.has(SIGINT));
  EXPECT_FALSE(set.empty());
}

TEST(SignalFd, reads_each_of_the_five_signals) {
  SignalFd signals = *SignalFd::open();
  for (const int signal_number : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGCHLD}) {
    ASSERT_EQ(::kill(::getpid(), signal_number), 0);
    ASSERT_TRUE(becomes_readable(signals.fd()));
    const SignalSet seen = *signals.drain();
    EXPECT_TRUE(seen.has(signal_number)) << signal_number;
    EXPECT_FALSE(is_readable(signals.fd()));
  }
}

TEST(SignalFd, drains_several_signals_at_once) {
  SignalFd signals = *SignalFd::open();
  for (const int signal_number : {SIGUSR1, SIGTERM, SIGHUP, SIGTERM}) ::kill(::getpid(), signal_number);
  const SignalSet seen = *signals.drain();
  EXPECT_TRUE(seen.has(SIGUSR1));
  EXPECT_TRUE(seen.has(SIGTERM));
  EXPECT_TRUE(seen.has(SIGHUP));
  EXPECT_FALSE(seen.has(SIGINT));
}

TEST(SignalFd, draining_without_a_signal_is_empty) {
  SignalFd signals = *SignalFd::open();
  EXPECT_TRUE(signals.drain()->empty());
}

TEST(SignalFd, a_reader_that_is_gone_does_not_end_the_process) {
  const SignalFd signals = *SignalFd::open();
  Pipe pipe = *open_pipe();
  pipe.read_end.reset();
  EXPECT_EQ(::write(pipe.write_end.get(), "x", 1), -1);
  EXPECT_EQ(errno, EPIPE);
}

TEST(SignalFd, children_are_told_of_even_when_our_own_starter_ignored_them) {
  ::signal(SIGCHLD, SIG_IGN);
  SignalFd signals = *SignalFd::open();
  const Child child = start_shell("exit 7");
  ASSERT_TRUE(becomes_readable(signals.fd()));
  EXPECT_TRUE(signals.drain()->has(SIGCHLD));
  wait_until_ended(child.pid);
  EXPECT_EQ(reap_one(), (Exited{child.pid, {ExitStatus::Kind::exited, 7}}));
}

}  // namespace
}  // namespace sidefridge::os
