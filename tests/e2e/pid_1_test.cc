// pid_1_test.cc - the daemon as PID 1 of a container.
#include <gtest/gtest.h>

#include <csignal>
#include <string>

#include "tests/e2e/stage.h"

namespace sidefridge::e2e {
namespace {

class Pid1 : public ::testing::Test {
protected:
  void SetUp() override {
    if (!can_unshare()) GTEST_SKIP() << "new PID and mount namespaces need root or user namespaces";
  }
  Stage stage;
};

TEST_F(Pid1, two_hundred_orphans_leave_no_zombie_and_cost_no_script_its_status) {
  // 200 processes are orphaned and end while scripts with statuses of their own come and go.
  stage.script("before_backups/1", "#!/bin/bash\nfor i in {1..200}; do (sleep 0.0$((i % 10)) &); done\nexit 0\n");
  for (int i = 0; i < 40; ++i) {
    stage.script("backups/" + std::to_string(100 + i), "#!/bin/sh\n(true &)\n(true &)\n:\n");
  }
  stage.script("backups/900", "#!/bin/sh\n[ $$ -ne 1 ] || exit 1\nexit 42\n");
  // By now orphans have ended by themselves; what is left is looked for after the run.
  Program daemon = stage.daemon("* * * * * *", Stage::As::pid_1);
  ASSERT_TRUE(daemon.wait_for("finished with exit code '42'"));
  ASSERT_TRUE(daemon.wait_for(" failed after "));
  EXPECT_EQ(daemon.lines_with("finished in").size() % 41, 0U) << "every status is known";
  const std::string pid = std::to_string(daemon.pid());
  EXPECT_TRUE(eventually([&] {
    // Zombies of PID 1 are its children that nobody waits for.
    std::string children = read_file("/proc/" + pid + "/task/" + pid + "/children");
    for (std::size_t at = 0; at < children.size();) {
      const std::string child = children.substr(at, children.find(' ', at) - at);
      const std::string stat = read_file("/proc/" + child + "/stat");
      if (stat.find(") Z ") != std::string::npos) return false;
      at += child.size() + 1;
    }
    return true;
  }));
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.wait_exit(), 0);
}

TEST_F(Pid1, term_ends_a_sleeping_script_and_its_grandchildren_within_the_grace) {
  stage.environment["SIDEFRIDGE_GRACE"] = "300ms";
  stage.script("backups/bkp", "#!/bin/sh\n(sh -c 'sleep 600; :' ; :) &\necho sleeping\nsleep 600\n");
  Program daemon = stage.daemon("* * * * * *", Stage::As::pid_1);
  ASSERT_TRUE(daemon.wait_for("| sleeping"));
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.wait_exit(), 0);
  EXPECT_FALSE(daemon.lines_with(" interrupted after ").empty());
}

TEST_F(Pid1, a_script_sees_the_daemon_as_pid_1_and_is_not_it) {
  stage.script("backups/bkp", "#!/bin/sh\necho parent=$PPID\n");
  Program daemon = stage.daemon("* * * * * *", Stage::As::pid_1);
  EXPECT_TRUE(daemon.wait_for("| parent=1\n"));
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.wait_exit(), 0);
}

}  // namespace
}  // namespace sidefridge::e2e
