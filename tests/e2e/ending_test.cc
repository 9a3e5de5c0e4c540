// ending_test.cc - how the daemon ends, and what the next one finds.
#include <gtest/gtest.h>

#include <csignal>
#include <string>

#include "tests/e2e/stage.h"

namespace sidefridge::e2e {
namespace {

class Ending : public ::testing::Test {
protected:
  std::string history() {
    Program program = stage.start({"history", "--json"});
    EXPECT_EQ(program.wait_exit(), 0) << program.errors();
    return program.output();
  }
  Stage stage;
};

TEST_F(Ending, term_while_idle_is_exit_0) {
  Program daemon = stage.daemon("0 3 1 1 *");
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.wait_exit(), 0);
}

TEST_F(Ending, int_is_as_term) {
  Program daemon = stage.daemon("0 3 1 1 *");
  daemon.signal(SIGINT);
  EXPECT_EQ(daemon.wait_exit(), 0);
}

TEST_F(Ending, a_run_in_progress_may_finish_within_the_grace) {
  stage.script("backups/bkp", "#!/bin/sh\necho begun\nuntil [ -e @ROOT@/go ]; do sleep 0.02; done\necho done\n");
  stage.script("after_backups/prune", "#!/bin/sh\necho pruned\n");
  Program daemon = stage.daemon("* * * * * *");
  ASSERT_TRUE(daemon.wait_for("| begun"));
  daemon.signal(SIGTERM);
  ASSERT_TRUE(daemon.wait_for("SIGTERM: run "));
  Program go = stage.shell("touch " + stage.file("go").string());
  EXPECT_EQ(go.wait_exit(), 0);
  EXPECT_EQ(daemon.wait_exit(), 0);
  EXPECT_EQ(daemon.lines_with("| pruned").size(), 1U);
  EXPECT_NE(history().find("succeeded"), std::string::npos);
}

TEST_F(Ending, the_record_of_a_run_that_was_cut_off_says_interrupted) {
  stage.environment["SIDEFRIDGE_GRACE"] = "0";
  stage.script("backups/bkp", "#!/bin/sh\necho begun\nsleep 600\n");
  Program daemon = stage.daemon("* * * * * *");
  ASSERT_TRUE(daemon.wait_for("| begun"));
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.wait_exit(), 0);
  EXPECT_NE(history().find("interrupted"), std::string::npos);
}

TEST_F(Ending, a_second_term_ends_at_once_even_what_ignores_it) {
  stage.script("backups/bkp", "#!/bin/sh\ntrap '' TERM\necho $$ > @ROOT@/pid\necho begun\nsleep 600\n");
  Program daemon = stage.daemon("* * * * * *");
  ASSERT_TRUE(daemon.wait_for("| begun"));
  daemon.signal(SIGTERM);
  ASSERT_TRUE(daemon.wait_for("SIGTERM: run "));
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.wait_exit(), 0);
  const std::string pid = read_file(stage.file("pid"));
  EXPECT_FALSE(std::filesystem::exists("/proc/" + pid.substr(0, pid.find('\n'))));
}

TEST_F(Ending, what_install_dependencies_left_behind_is_gone_before_we_are) {
  stage.script("install_dependencies/agent", "#!/bin/sh\nsetsid sleep 600 &\necho $! > @ROOT@/pid\n");
  stage.script("backups/bkp", "#!/bin/sh\nkill -0 $(cat @ROOT@/pid) && echo agent lives\n");
  Program daemon = stage.daemon("* * * * * *");
  ASSERT_TRUE(daemon.wait_for("| agent lives", 2));
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.wait_exit(), 0);
  const std::string pid = read_file(stage.file("pid"));
  EXPECT_FALSE(std::filesystem::exists("/proc/" + pid.substr(0, pid.find('\n'))));
}

TEST_F(Ending, a_daemon_killed_in_a_run_leaves_a_lost_run_and_nothing_corrupt) {
  stage.script("before_backups/save", "#!/bin/sh\nsave_var key value\n");
  stage.script("backups/bkp",
               "#!/bin/sh\n[ -e @ROOT@/second ] && exit 0\necho $$ > @ROOT@/pid\necho begun\nexec sleep 600\n");
  Program killed = stage.daemon("* * * * * *");
  ASSERT_TRUE(killed.wait_for("| begun"));
  killed.signal(SIGKILL);
  killed.wait_exit();
  Program mark = stage.shell("touch " + stage.file("second").string() + "; kill $(cat " + stage.file("pid").string() +
                             ") || true");
  mark.wait_exit();

  Program again = stage.start({"once"});
  EXPECT_EQ(again.wait_exit(), 0) << again.output() << again.errors();
  const std::string told = history();
  EXPECT_NE(told.find("lost"), std::string::npos) << told;
  EXPECT_LT(told.find("backups/bkp"), told.find("manual")) << "the lost run knows the script it was in: " << told;
  EXPECT_NE(told.find("succeeded"), std::string::npos) << told;
}

TEST_F(Ending, a_second_daemon_in_the_same_state_folder_is_75_and_names_the_first) {
  Program first = stage.daemon("0 3 1 1 *");
  Program second = stage.start({});
  EXPECT_EQ(second.wait_exit(), 75);
  EXPECT_NE(second.errors().find(std::to_string(first.pid())), std::string::npos) << second.errors();
  first.signal(SIGTERM);
  EXPECT_EQ(first.wait_exit(), 0);
}

TEST_F(Ending, once_beside_an_idle_daemon_runs_and_beside_a_run_is_75) {
  stage.script("backups/bkp", "#!/bin/sh\necho begun\nuntil [ -e @ROOT@/go ]; do sleep 0.02; done\n");
  Program daemon = stage.daemon("0 3 1 1 *");
  Program first = stage.start({"once"});
  ASSERT_TRUE(first.wait_for("| begun"));
  Program second = stage.start({"once"});
  EXPECT_EQ(second.wait_exit(), 75);
  EXPECT_NE(second.errors().find(std::to_string(first.pid())), std::string::npos) << second.errors();
  Program go = stage.shell("touch " + stage.file("go").string());
  go.wait_exit();
  EXPECT_EQ(first.wait_exit(), 0) << first.output();
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.wait_exit(), 0);
}

TEST_F(Ending, a_tick_beside_a_run_of_once_is_skipped_and_recorded) {
  stage.script("backups/bkp",
               "#!/bin/sh\n[ $SIDEFRIDGE_TRIGGER = manual ] || exit 0\necho begun\n"
               "until [ -e @ROOT@/go ]; do sleep 0.02; done\n");
  Program daemon = stage.daemon("*/5 * * * * *");
  // Right after a run of the daemon's, its next tick is seconds away.
  ASSERT_TRUE(daemon.wait_for(" succeeded in "));
  Program once = stage.start({"once"});
  ASSERT_TRUE(once.wait_for("| begun"));
  EXPECT_TRUE(daemon.wait_for("skipped: process " + std::to_string(once.pid())));
  Program go = stage.shell("touch " + stage.file("go").string());
  go.wait_exit();
  EXPECT_EQ(once.wait_exit(), 0);
  EXPECT_NE(history().find("skipped"), std::string::npos);
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.wait_exit(), 0);
}

}  // namespace
}  // namespace sidefridge::e2e
