#include "sidefridge/os/process_scan.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "fixture.h"
#include "sidefridge/os/process_ending.h"

namespace sidefridge::os {
namespace {

using Words = std::vector<std::string>;
using Pids = std::vector<pid_t>;

// Of this process alone: the whole machine is looked through.
const std::string mark = "SIDEFRIDGE_RUN_ID=20260102T030405Z-" + std::to_string(::getpid()) + "x";
const std::string path = "PATH=/usr/bin:/bin:/usr/sbin:/sbin";

Pids pids_of(const Result<std::vector<FoundProcess>>& found) {
  EXPECT_TRUE(found.ok()) << (found ? "" : found.error().text);
  Pids pids;
  if (found) {
    for (const FoundProcess& process : *found) pids.push_back(process.pid);
  }
  return pids;
}

Pids in_session(pid_t session) {
  return pids_of(find_session(session));
}

Pids marked(const std::string& with) {
  return pids_of(find_marked(Words{with}));
}

class ProcessScan : public testing::Test {
protected:
  void SetUp() override {
    ASSERT_TRUE(become_subreaper().ok());
    ASSERT_EQ(::mkfifo((dir_ / "gate").c_str(), 0600), 0);
  }

  void TearDown() override {
    while (any_children()) {
      const std::vector<FoundProcess> left = *find_descendants();
      signal_processes(left, SIGKILL);
      for (const FoundProcess& process : left) {
        const UniqueFd fd(static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0)));
        if (fd) becomes_readable(fd.get());
      }
      while (reap_one()) {
      }
    }
  }

  /// Runs a script that leaves one process behind and ends. Returns: its pid.
  pid_t left_behind_by(const std::string& script, const Words& environment = {path, mark}) {
    scripts_.push_back(start({"/bin/sh", "-c", script}, environment));
    const pid_t left = std::stoi(read_line(scripts_.back().output.read_end.get()));
    wait_until_ended(scripts_.back().pid);
    EXPECT_EQ(reap_one()->pid, scripts_.back().pid);
    return left;
  }

  pid_t last_session() const { return scripts_.back().pid; }

  const TempDir dir_;
  // What is left behind tells its pid when it has executed all it will, then waits at a gate that nobody opens.
  const std::string stay_ = "/bin/sh " + dir_.write("stay", "echo $$; read x < '" + (dir_ / "gate") + "'\n");

private:
  std::vector<Child> scripts_;
};

TEST_F(ProcessScan, finds_what_stayed_in_the_scripts_session) {
  const pid_t left = left_behind_by("env -i " + stay_ + " &");
  EXPECT_EQ(in_session(last_session()), Pids{left});
  EXPECT_EQ(in_session(1), Pids{});
}

TEST_F(ProcessScan, finds_what_left_the_session_behind_an_ancestor_that_did_not) {
  const Child script = start({"/bin/sh", "-c", "setsid env -i " + stay_ + " & wait"}, {path, mark});
  const pid_t left = std::stoi(read_line(script.output.read_end.get()));
  Pids both = {script.pid, left};
  std::sort(both.begin(), both.end());
  EXPECT_EQ(in_session(script.pid), both);
}

TEST_F(ProcessScan, finds_what_has_another_session_another_parent_and_no_environment) {
  const pid_t left = left_behind_by("(setsid env -i " + stay_ + " &)");
  EXPECT_EQ(in_session(last_session()), Pids{});
  EXPECT_EQ(pids_of(find_descendants()), Pids{left});
}

TEST_F(ProcessScan, leaves_out_who_was_there_before_and_all_that_is_theirs) {
  const std::string gate = dir_ / "birth";
  ASSERT_EQ(::mkfifo(gate.c_str(), 0600), 0);
  const UniqueFd cue(::open(gate.c_str(), O_RDWR | O_CLOEXEC));
  // Once told, it has a child, and an orphan in its session.
  const Child daemon =
      start_shell("read x < '" + gate + "'; (env -i " + stay_ + " &); setsid env -i " + stay_ + " & wait");
  const Strangers there{*find_descendants(), {}};
  ASSERT_EQ(there.processes.size(), 1U);
  ASSERT_EQ(::write(cue.get(), "\n", 1), 1);
  read_line(daemon.output.read_end.get());
  read_line(daemon.output.read_end.get());
  EXPECT_EQ(pids_of(find_descendants(there)), Pids{});

  const pid_t left = left_behind_by("(setsid env -i " + stay_ + " &)");
  EXPECT_EQ(pids_of(find_descendants(there)), Pids{left});
}

TEST_F(ProcessScan, leaves_out_who_has_a_mark_of_strangers_wherever_it_went) {
  left_behind_by("(setsid " + stay_ + " &)");
  EXPECT_EQ(pids_of(find_descendants(Strangers{{}, {"OTHER=1", mark}})), Pids{});
  EXPECT_EQ(pids_of(find_descendants(Strangers{{}, {"OTHER=1"}})).size(), 1U);
}

TEST_F(ProcessScan, finds_what_is_marked_also_among_those_that_are_not_ours) {
  const Pipe told = *open_pipe();
  const pid_t other = ::fork();
  if (other == 0) {
    // Looks for what is its parent's, not its own.
    read_line(told.read_end.get());
    const bool found = marked(mark).size() == 1 && pids_of(find_descendants()).empty();
    ::_exit(found ? 0 : 1);
  }
  const pid_t left = left_behind_by("(setsid " + stay_ + " &)");
  EXPECT_EQ(marked(mark), Pids{left});
  EXPECT_EQ(marked("SIDEFRIDGE_RUN_ID=another"), Pids{});
  ASSERT_EQ(::write(told.write_end.get(), "\n", 1), 1);
  wait_until_ended(other);
  EXPECT_TRUE(reap_one()->status.succeeded());
}

TEST_F(ProcessScan, never_takes_ourselves_for_marked) {
  std::string ours;
  std::ifstream environ("/proc/self/environ");
  std::getline(environ, ours, '\0');
  ASSERT_FALSE(ours.empty());
  const Pids found = marked(ours);
  for (const pid_t above : {::getpid(), ::getppid()}) EXPECT_EQ(std::count(found.begin(), found.end(), above), 0);
}

TEST_F(ProcessScan, finds_descendants_of_any_depth) {
  const Child script = start_shell("/bin/sh -c '" + stay_ + "; true'; true");
  read_line(script.output.read_end.get());
  const std::vector<FoundProcess> found = *find_descendants();
  EXPECT_EQ(found.size(), 3U);
  EXPECT_TRUE(std::is_sorted(found.begin(), found.end(), [](auto& a, auto& b) { return a.pid < b.pid; }));
}

TEST_F(ProcessScan, leaves_strangers_and_ourselves_alone) {
  left_behind_by(stay_ + " &");
  const Pids found = pids_of(find_descendants());
  for (const pid_t stranger : {::getpid(), ::getppid(), pid_t{1}}) {
    EXPECT_EQ(std::count(found.begin(), found.end(), stranger), 0) << stranger;
  }
  // Our own session and that of our parent are full of processes that are none of ours.
  for (const pid_t session : {::getsid(0), ::getsid(::getppid())}) {
    for (const pid_t pid : in_session(session)) EXPECT_EQ(std::count(found.begin(), found.end(), pid), 1) << pid;
  }
}

TEST_F(ProcessScan, an_entry_is_the_mark_only_as_a_whole) {
  for (const std::string& near : {mark + "0", mark.substr(0, mark.size() - 1), "X" + mark, "OTHER=" + mark,
                                  "OTHER= " + mark, "OTHER=\n" + mark + "\n"}) {
    left_behind_by(stay_ + " &", {path, near, "LAST=1"});
    EXPECT_EQ(marked(mark), Pids{}) << near;
  }
  EXPECT_EQ(marked(""), Pids{});
}

TEST_F(ProcessScan, finds_the_mark_wherever_it_is_in_the_environment) {
  Pids left;
  left.push_back(left_behind_by(stay_ + " &", {mark, path}));
  left.push_back(left_behind_by(stay_ + " &", {path, "", mark}));
  // Blocks of 64 KiB are read: let the mark begin before, at and behind the end of one.
  for (const std::size_t begin : {65490U, 65520U, 65535U, 65536U, 65537U, 100000U}) {
    left.push_back(left_behind_by(stay_ + " &", {"FILLER=" + std::string(begin - 8, 'S'), mark, path}));
  }
  std::sort(left.begin(), left.end());
  EXPECT_EQ(marked(mark), left);
}

TEST_F(ProcessScan, does_not_count_zombies) {
  const Child script = start_shell("exit 0");
  wait_until_ended(script.pid);
  EXPECT_EQ(pids_of(find_descendants()), Pids{});
  EXPECT_EQ(in_session(script.pid), Pids{});
}

TEST_F(ProcessScan, counts_a_process_whose_main_thread_alone_has_ended) {
  const Pipe ready = *open_pipe();
  const pid_t pid = ::fork();
  if (pid == 0) {
    std::thread([&ready] {
      const std::string stat_path = "/proc/" + std::to_string(::getpid()) + "/stat";
      std::string stat;
      while (stat.find(") Z ") == std::string::npos) {
        std::ifstream file(stat_path);
        std::getline(file, stat);
        ::sched_yield();
      }
      static_cast<void>(!::write(ready.write_end.get(), "\n", 1));
      for (;;) ::pause();
    }).detach();
    ::syscall(SYS_exit, 0);  // this thread alone
  }
  read_line(ready.read_end.get());
  EXPECT_EQ(pids_of(find_descendants()), Pids{pid});
}

TEST_F(ProcessScan, is_not_confused_by_a_name_with_parentheses) {
  const std::string name = ") R 1 (x) Z";
  const std::string script = dir_.write(name, "#!/bin/sh\necho ready\nread x < '" + (dir_ / "gate") + "'\n");
  const Child child = start({script});
  read_line(child.output.read_end.get());
  const std::vector<FoundProcess> found = *find_session(child.pid);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].pid, child.pid);
  EXPECT_EQ(found[0].comm, name);
  EXPECT_GT(found[0].start_ticks, 0U);
}

TEST_F(ProcessScan, signals_what_was_found) {
  const pid_t left = left_behind_by(stay_ + " &");
  signal_processes(*find_descendants(), SIGTERM);
  wait_until_ended(left);
  EXPECT_EQ(reap_one(), (Exited{left, {ExitStatus::Kind::signalled, SIGTERM}}));
}

TEST_F(ProcessScan, ends_what_is_marked_also_what_ignores_sigterm) {
  const pid_t left = left_behind_by("(setsid " + stay_ + " &)");
  // Nobody reaps ours while we wait here, but zombies do not count.
  const std::vector<FoundProcess> ended = *end_marked(mark, std::chrono::seconds(20), std::chrono::seconds(20));
  EXPECT_EQ(pids_of(ended), Pids{left});
  EXPECT_EQ(reap_one(), (Exited{left, {ExitStatus::Kind::signalled, SIGTERM}}));

  const pid_t stubborn = left_behind_by("trap '' TERM; (setsid " + stay_ + " &)");
  EXPECT_EQ(pids_of(*end_marked(mark, std::chrono::milliseconds(1), std::chrono::seconds(20))), Pids{stubborn});
  EXPECT_EQ(reap_one(), (Exited{stubborn, {ExitStatus::Kind::signalled, SIGKILL}}));
  EXPECT_EQ(pids_of(*end_marked(mark, std::chrono::seconds(20), std::chrono::seconds(20))), Pids{});
}

TEST_F(ProcessScan, does_not_signal_another_process_that_got_the_pid) {
  const pid_t left = left_behind_by(stay_ + " &");
  std::vector<FoundProcess> found = *find_descendants();
  ASSERT_EQ(found.size(), 1U);
  --found[0].start_ticks;
  signal_processes(found, SIGKILL);
  EXPECT_EQ(pids_of(find_descendants()), Pids{left});
}

TEST_F(ProcessScan, refuses_the_proc_of_another_namespace) {
  const pid_t outer = ::fork();
  if (outer == 0) {
    if (::unshare(CLONE_NEWPID) != 0) ::_exit(2);
    const pid_t inner = ::fork();
    if (inner == 0) {
      const Result<std::vector<FoundProcess>> found = find_descendants();
      ::_exit(!found && found.error().code == ErrorCode::unavailable ? 0 : 1);
    }
    wait_until_ended(inner);
    ::_exit(reap_one()->status.code);
  }
  wait_until_ended(outer);
  const std::optional<Exited> answer = reap_one();
  ASSERT_TRUE(answer.has_value());
  if (answer->status.code == 2) GTEST_SKIP() << "this machine does not let us make a PID namespace";
  EXPECT_TRUE(answer->status.succeeded());
}

}  // namespace
}  // namespace sidefridge::os
