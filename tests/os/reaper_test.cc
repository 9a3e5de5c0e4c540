#include "sidefridge/os/reaper.h"

#include <gtest/gtest.h>

#include <csignal>
#include <map>
#include <string>
#include <vector>

#include "fixture.h"
#include "sidefridge/os/signal_fd.h"

namespace sidefridge::os {
namespace {

/// Forks a child that ends with `exit_code` once the write end of `gate` is closed.
pid_t fork_waiting_at(const Pipe& gate, int exit_code) {
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  ::close(gate.write_end.get());
  becomes_readable(gate.read_end.get());
  ::_exit(exit_code);
}

TEST(Reaper, tells_exit_codes_and_signals) {
  const struct {
    const char* script;
    ExitStatus status;
  } rows[] = {
      {"exit 0", {ExitStatus::Kind::exited, 0}},
      {"exit 3", {ExitStatus::Kind::exited, 3}},
      {"exit 255", {ExitStatus::Kind::exited, 255}},
      {"kill -TERM $$", {ExitStatus::Kind::signalled, SIGTERM}},
      {"kill -KILL $$", {ExitStatus::Kind::signalled, SIGKILL}},
      {"ulimit -c 0; kill -ABRT $$", {ExitStatus::Kind::signalled, SIGABRT}},
  };
  for (const auto& row : rows) {
    const Child child = start_shell(row.script);
    wait_until_ended(child.pid);
    EXPECT_EQ(reap_one(), (Exited{child.pid, row.status})) << row.script;
  }
}

TEST(Reaper, without_children_there_is_nothing_to_reap) {
  EXPECT_EQ(reap_one(), std::nullopt);
  EXPECT_FALSE(any_children());
}

TEST(Reaper, does_not_wait_for_children_that_go_on) {
  Pipe gate = *open_pipe();
  const pid_t pid = fork_waiting_at(gate, 0);
  EXPECT_EQ(reap_one(), std::nullopt);
  EXPECT_TRUE(any_children());
  gate.write_end.reset();
  wait_until_ended(pid);
  EXPECT_TRUE(any_children());  // ended, and not reaped yet
  EXPECT_EQ(reap_one()->pid, pid);
  EXPECT_FALSE(any_children());
}

TEST(Reaper, a_stopped_child_is_a_child_and_has_not_ended) {
  Pipe gate = *open_pipe();
  const pid_t pid = fork_waiting_at(gate, 0);
  ASSERT_EQ(::kill(pid, SIGSTOP), 0);
  EXPECT_EQ(reap_one(), std::nullopt);
  EXPECT_TRUE(any_children());
  ASSERT_EQ(::kill(pid, SIGKILL), 0);
  wait_until_ended(pid);
  EXPECT_EQ(reap_one(), (Exited{pid, {ExitStatus::Kind::signalled, SIGKILL}}));
}

TEST(Reaper, loses_no_status_when_many_children_end_at_once) {
  SignalFd signals = *SignalFd::open();
  Pipe gate = *open_pipe();
  std::map<pid_t, int> expected;
  for (int i = 0; i < 100; ++i) expected[fork_waiting_at(gate, i)] = i;
  gate.write_end.reset();
  for (const auto& [pid, code] : expected) wait_until_ended(pid);

  // A hundred signals have become one.
  EXPECT_TRUE(signals.drain()->has(SIGCHLD));
  EXPECT_TRUE(signals.drain()->empty());
  std::map<pid_t, int> reaped;
  while (const std::optional<Exited> exited = reap_one()) reaped[exited->pid] = exited->status.code;
  EXPECT_EQ(reaped, expected);
  EXPECT_FALSE(any_children());
}

TEST(Reaper, a_subreaper_gets_orphans_as_well_as_children) {
  ASSERT_TRUE(become_subreaper().ok());
  // The child ends at once and leaves ten grandchildren, whose pids it prints; they wait for our word.
  const TempDir dir;
  ASSERT_EQ(::mkfifo((dir / "gate").c_str(), 0600), 0);
  const Child child = start_shell("for i in 1 2 3 4 5 6 7 8 9 10; do (read x < '" + (dir / "gate") +
                                  "'; exit 5) & echo $!; done; exit 3");
  std::map<pid_t, int> expected{{child.pid, 3}};
  for (int i = 0; i < 10; ++i) expected[std::stoi(read_line(child.output.read_end.get()))] = 5;
  wait_until_ended(child.pid);
  EXPECT_EQ(reap_one(), (Exited{child.pid, {ExitStatus::Kind::exited, 3}}));
  EXPECT_TRUE(any_children());

  const UniqueFd gate(::open((dir / "gate").c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_EQ(::write(gate.get(), "\n\n\n\n\n\n\n\n\n\n", 10), 10);
  std::map<pid_t, int> reaped{{child.pid, 3}};
  for (const auto& [pid, code] : expected) {
    if (pid == child.pid) continue;
    wait_until_ended(pid);
  }
  while (const std::optional<Exited> exited = reap_one()) reaped[exited->pid] = exited->status.code;
  EXPECT_EQ(reaped, expected);
  EXPECT_FALSE(any_children());
}

}  // namespace
}  // namespace sidefridge::os
