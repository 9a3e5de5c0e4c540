// fed_processes_test.cc - real shells, and who is found to be fed by them.
#include "sidefridge/os/fed_processes.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "fixture.h"
#include "sidefridge/os/process_list.h"

namespace sidefridge::os {
namespace {

using Names = std::vector<std::string>;

class FedProcessesTest : public testing::Test {
protected:
  void SetUp() override {
    ASSERT_TRUE(become_subreaper().ok());
    ASSERT_EQ(::mkfifo((dir_ / "gate").c_str(), 0600), 0);
    for (const char* name : {"one", "two", "three"}) {
      dir_.write(name, "#!/bin/bash\necho here >&8\nexec 8>&-\nread -u 9 x\n");
    }
  }

  void TearDown() override {
    while (any_children()) {
      signal_processes(*find_descendants(), SIGKILL);
      while (reap_one()) {
      }
      ::sched_yield();
    }
  }

  /// Runs a script of bash to its end. `$dir/one`, `two` and `three` are programs that tell that they are there, and
  /// then neither read nor end. Returns: the script's session, once so many of them are there.
  pid_t run(const std::string& script, int how_many) {
    const Child child =
        start({"/bin/bash", "-c",
               "exec 8>&1 9<>'" + (dir_ / "gate") + "' >/dev/null 2>&1; dir='" + dir_.path() + "'\n" + script});
    for (int i = 0; i < how_many; ++i) read_line(child.output.read_end.get());
    wait_until_ended(child.pid);
    for (std::optional<Exited> exited; (exited = reap_one()) && exited->pid != child.pid;) {
    }
    return child.pid;
  }

  /// Forks a process that lives as `life` says and was left behind by its parent, as a script leaves it. Returns: their
  /// session.
  template <class Life>
  static pid_t leave_child(Life life) {
    const pid_t leader = ::fork();
    if (leader == 0) {
      ::setsid();
      if (::fork() == 0) life();
      ::_exit(0);
    }
    wait_until_ended(leader);
    EXPECT_EQ(reap_one()->pid, leader);
    return leader;
  }

  Names fed_by(pid_t session) {
    // Somebody may not be settled yet.
    for (;;) {
      const Result<FedProcesses> fed = find_fed_processes(session);
      EXPECT_TRUE(fed.ok());
      if (fed && !fed->settled) continue;
      Names names;
      if (fed) {
        for (const FoundProcess& process : fed->processes) names.push_back(process.comm);
      }
      std::sort(names.begin(), names.end());
      return names;
    }
  }

  static Names names_of(const std::vector<FoundProcess>& processes) {
    Names names;
    for (const FoundProcess& process : processes) names.push_back(process.comm);
    std::sort(names.begin(), names.end());
    return names;
  }

  const TempDir dir_;
};

TEST_F(FedProcessesTest, a_process_substitution_is_fed) {
  EXPECT_EQ(fed_by(run("echo x > >(exec $dir/one)", 1)), Names{"one"});
  EXPECT_EQ(fed_by(run("exec > >(exec $dir/one)", 1)), Names{"one"});
}

TEST_F(FedProcessesTest, so_is_one_of_a_command_that_has_ended) {
  EXPECT_EQ(fed_by(run("echo x | tee >(exec $dir/one) > /dev/null", 1)), Names{"one"});
}

TEST_F(FedProcessesTest, so_is_a_coprocess) {
  EXPECT_EQ(fed_by(run("coproc exec $dir/one; echo x >&${COPROC[1]}", 1)), Names{"one"});
}

TEST_F(FedProcessesTest, so_is_what_reads_a_named_pipe) {
  EXPECT_EQ(fed_by(run("mkfifo $dir/fifo; $dir/one < $dir/fifo & exec > $dir/fifo", 1)), Names{"one"});
}

TEST_F(FedProcessesTest, all_of_a_chain_are_fed) {
  EXPECT_EQ(fed_by(run("exec 3> >(exec $dir/one); exec 4> >(exec $dir/two >&3)", 2)), (Names{"one", "two"}));
}

TEST_F(FedProcessesTest, of_a_pipeline_the_shell_that_waits_for_it_is_fed) {
  EXPECT_EQ(fed_by(run("exec > >($dir/one | $dir/two)", 2)), Names{"bash"});
}

TEST_F(FedProcessesTest, one_in_the_background_is_not_fed) {
  EXPECT_EQ(fed_by(run("$dir/one &", 1)), Names{});
  EXPECT_EQ(fed_by(run("(setsid $dir/one &)", 1)), Names{});
}

TEST_F(FedProcessesTest, one_that_is_fed_by_one_in_the_background_is_not_fed_by_the_script) {
  EXPECT_EQ(fed_by(run("$dir/one | $dir/two &", 2)), Names{});
}

TEST_F(FedProcessesTest, one_that_writes_to_itself_never_comes_to_an_end) {
  EXPECT_EQ(fed_by(run("mkfifo $dir/fifo; exec 3<>$dir/fifo; $dir/one <&3 & exec 3>&-", 1)), Names{});
}

TEST_F(FedProcessesTest, what_another_script_left_is_not_fed_by_this_one) {
  run("echo x > >(exec $dir/one)", 1);
  EXPECT_EQ(fed_by(run("echo x > >(exec $dir/two)", 1)), Names{"two"});
}

TEST_F(FedProcessesTest, one_that_was_forked_this_moment_is_not_settled) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  // As a shell's child between fork(2) and dup2(2).
  const pid_t session = leave_child([] {
    for (;;) ::pause();
  });
  const Result<FedProcesses> fed = find_fed_processes(session);
  ASSERT_TRUE(fed.ok());
  EXPECT_FALSE(fed->settled);
  EXPECT_TRUE(fed->processes.empty());
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_F(FedProcessesTest, one_that_ends_this_moment_is_not_settled) {
  // As a process between the closing of its descriptors and its end, for as long as we like: its main thread has ended,
  // and another goes on.
  const pid_t session = leave_child([] {
    std::thread([] {
      for (;;) ::pause();
    }).detach();
    ::syscall(SYS_exit, 0);
  });
  const pid_t ending = find_descendants()->at(0).pid;
  while (read_process_stat(open_proc()->get(), ending)->life != ProcessStat::Life::ending) ::sched_yield();
  const Result<FedProcesses> fed = find_fed_processes(session);
  ASSERT_TRUE(fed.ok());
  EXPECT_FALSE(fed->settled);
}

TEST_F(FedProcessesTest, a_shell_that_holds_a_fifo_for_both_is_settled) {
  // It was forked only, as one that is about to become one end of a pipe, and reads and writes that pipe.
  const pid_t session = run("mkfifo $dir/fifo; exec 3<>$dir/fifo 4<$dir/fifo\n(echo >&8; read -u 9 x) 3>&3 &", 1);
  const Result<FedProcesses> fed = find_fed_processes(session);
  ASSERT_TRUE(fed.ok());
  EXPECT_TRUE(fed->settled);
}

TEST_F(FedProcessesTest, so_is_a_shell_that_reads_something_else_for_a_moment) {
  EXPECT_EQ(fed_by(run("exec > >(echo here >&8; exec 8>&-; read x < <(read -u 9 y))", 1)), Names{"bash"});
}

TEST_F(FedProcessesTest, writers_are_ended_before_those_that_read_what_they_write) {
  run("$dir/one | $dir/two | $dir/three &", 3);
  EXPECT_EQ(names_of(*find_descendants()), (Names{"one", "three", "two"}));
  EXPECT_EQ(names_of(without_readers(*find_descendants())), Names{"one"});
}

TEST_F(FedProcessesTest, those_that_write_to_each_other_are_ended_at_once) {
  run("mkfifo $dir/a $dir/b; $dir/one < $dir/a > $dir/b & $dir/two > $dir/a < $dir/b &", 2);
  EXPECT_EQ(names_of(without_readers(*find_descendants())), (Names{"one", "two"}));
}

}  // namespace
}  // namespace sidefridge::os
