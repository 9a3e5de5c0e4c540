// reload_test.cc - hooks and schedules that change while the daemon runs.
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/e2e/stage.h"

namespace sidefridge::e2e {
namespace {

namespace fs = std::filesystem;

class Reload : public ::testing::Test {
protected:
  /// A version of a ConfigMap that is mounted as `backups`, as the kubelet writes it: in a folder of its own.
  void write_version(int version, const std::string& script) const {
    const std::string folder = "..v" + std::to_string(version);
    stage.script("backups/" + folder + "/bkp", script);
    stage.script("backups/" + folder + "/lib.sh", "lib=" + std::to_string(version) + "\n", 0644);
  }
  /// The kubelet's swap to a version: what is there before it goes.
  void swap_to(int version) const {
    const fs::path volume = stage.scripts_dir() / "backups";
    const fs::path before = fs::exists(volume / "..data") ? fs::read_symlink(volume / "..data") : fs::path();
    fs::create_directory_symlink("..v" + std::to_string(version), volume / "..data_tmp");
    fs::rename(volume / "..data_tmp", volume / "..data");
    if (!before.empty()) fs::remove_all(volume / before);
  }
  void link_scripts() const {
    for (const char* const name : {"bkp", "lib.sh"}) {
      fs::create_symlink(std::string("..data/") + name, stage.scripts_dir() / "backups" / name);
    }
  }
  static void end(Program& daemon) {
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait_exit(), 0);
  }

  Stage stage;
};

TEST_F(Reload, a_swapped_config_map_counts_from_the_next_run_and_the_log_says_what_changed) {
  const std::string script = "#!/bin/sh\n. \"$(dirname \"$0\")/lib.sh\"\necho \"script @ lib $lib\"\n";
  const auto of_version = [&](int version) {
    std::string text = script;
    return text.replace(text.find('@'), 1, std::to_string(version));
  };
  write_version(1, of_version(1));
  swap_to(1);
  link_scripts();
  Program daemon = stage.daemon("* * * * * *");
  ASSERT_TRUE(daemon.wait_for("| script 1 lib 1"));
  write_version(2, of_version(2));
  swap_to(2);
  ASSERT_TRUE(daemon.wait_for("hooks changed: backups/bkp changed, backups/lib.sh changed"));
  ASSERT_TRUE(daemon.wait_for("| script 2 lib 2"));
  end(daemon);
  EXPECT_EQ(daemon.lines_with("script 1 lib 2").size() + daemon.lines_with("script 2 lib 1").size(), 0U);
}

TEST_F(Reload, a_run_keeps_its_version_while_another_one_comes) {
  write_version(1,
                "#!/bin/sh\necho begun\nuntil [ -e @ROOT@/go ]; do sleep 0.02; done\n"
                ". \"$(dirname \"$0\")/lib.sh\"\necho \"lib $lib\"\n");
  swap_to(1);
  link_scripts();
  Program daemon = stage.daemon("* * * * * *");
  ASSERT_TRUE(daemon.wait_for("| begun"));
  write_version(2, "#!/bin/sh\necho second\n");
  swap_to(2);
  ASSERT_TRUE(daemon.wait_for("hooks changed: "));
  Program go = stage.shell("touch " + stage.file("go").string());
  EXPECT_EQ(go.wait_exit(), 0);
  EXPECT_TRUE(daemon.wait_for("| lib 1"));
  EXPECT_TRUE(daemon.wait_for("| second"));
  end(daemon);
}

TEST_F(Reload, scripts_and_logs_show_the_path_that_people_know) {
  stage.script("backups/bkp", "#!/bin/sh\necho \"script is $SIDEFRIDGE_SCRIPT\"\nexit 3\n");
  Program once = stage.start({"once"});
  EXPECT_EQ(once.wait_exit(), 1);
  const std::string path = (stage.scripts_dir() / "backups" / "bkp").string();
  EXPECT_EQ(once.lines_with("| script is " + path).size(), 1U) << once.output();
  EXPECT_EQ(once.lines_with("error Script '" + path + "' finished with exit code '3'").size(), 1U) << once.output();
}

TEST_F(Reload, no_copy_outlives_the_daemon) {
  write_version(1, "#!/bin/sh\necho \"ran $0\"\n");
  swap_to(1);
  link_scripts();
  Program daemon = stage.daemon("* * * * * *");
  ASSERT_TRUE(daemon.wait_for("| ran " + (stage.state_dir() / "hooks" / "1" / "backups" / "bkp").string()));
  end(daemon);
  EXPECT_FALSE(fs::exists(stage.state_dir() / "hooks"));
}

TEST_F(Reload, a_folder_that_is_mounted_over_the_hooks_counts_from_the_next_run_and_so_does_what_was_below_it) {
  if (!can_unshare()) GTEST_SKIP() << "new PID and mount namespaces need root or user namespaces";
  stage.script("backups/bkp", "#!/bin/sh\necho below\n");
  Program daemon = stage.daemon("* * * * * *", Stage::As::pid_1);
  ASSERT_TRUE(daemon.wait_for("| below"));
  const auto within = [&](const std::string& command) {
    Program shell =
        stage.shell("exec nsenter --mount=/proc/" + std::to_string(daemon.pid()) + "/ns/mnt sh -c '" + command + "'");
    EXPECT_EQ(shell.wait_exit(), 0) << shell.errors();
  };
  const std::string backups = (stage.scripts_dir() / "backups").string();
  within("mount -t tmpfs none " + backups + " && echo echo mounted >" + backups + "/bkp");
  ASSERT_TRUE(daemon.wait_for("hooks changed: backups/bkp changed"));
  ASSERT_TRUE(daemon.wait_for("| mounted"));
  within("umount " + backups);
  ASSERT_TRUE(daemon.wait_for("hooks changed: backups/bkp changed", 2));
  const std::size_t runs_below = daemon.lines_with("| below").size();
  EXPECT_TRUE(daemon.wait_for("| below", static_cast<int>(runs_below) + 1));
  end(daemon);
}

TEST_F(Reload, goes_on_where_the_list_of_mounts_cannot_be_watched_and_says_so_once) {
  if (!can_unshare()) GTEST_SKIP() << "new PID and mount namespaces need root or user namespaces";
  stage.environment["CRON_BACKUP_SCHEDULE"] = "* * * * * *";
  stage.script("backups/bkp", "#!/bin/sh\necho first\n");
  std::ofstream(stage.file("no-list")) << "\n";
  Program daemon = stage.shell("exec unshare --mount sh -c 'mount --bind " + stage.file("no-list").string() +
                               " /proc/$$/mountinfo && exec sidefridge'");
  ASSERT_TRUE(daemon.wait_for("| first"));
  stage.script("backups/bkp", "#!/bin/sh\necho second\n");
  EXPECT_TRUE(daemon.wait_for("hooks changed: "));
  EXPECT_TRUE(daemon.wait_for("| second"));
  end(daemon);
  EXPECT_EQ(daemon.lines_with("cannot watch for mounts").size(), 1U) << daemon.output();
}

TEST_F(Reload, what_scripts_include_from_a_folder_beside_them_counts_from_the_next_run) {
  stage.script("backups/bkp", "#!/bin/sh\n. \"$(dirname \"$0\")/lib/sql/common\"\n");
  stage.script("backups/lib/sql/common", "echo first\n", 0644);
  Program daemon = stage.daemon("* * * * * *");
  ASSERT_TRUE(daemon.wait_for("| first"));
  // While a script of the hook runs, this would count as the script's own.
  ASSERT_TRUE(daemon.wait_for(" succeeded in "));
  stage.script("backups/lib/sql/common", "echo second\n", 0644);
  ASSERT_TRUE(daemon.wait_for("hooks changed: backups: other files changed"));
  EXPECT_TRUE(daemon.wait_for("| second"));
  end(daemon);
}

TEST_F(Reload, a_file_changes_the_schedule_and_a_bad_one_does_not) {
  stage.environment["SIDEFRIDGE_SCHEDULE_FILE"] = (stage.scripts_dir() / "schedule").string();
  stage.script("backups/bkp", "#!/bin/sh\necho ran\n");
  stage.script("schedule", "0 3 1 1 *\n", 0644);
  Program daemon = stage.daemon("@hourly");
  EXPECT_EQ(daemon.lines_with("schedule '0 3 1 1 *': ").size(), 1U) << daemon.output();
  stage.script("schedule", "0 24 * * *\n", 0644);
  ASSERT_TRUE(daemon.wait_for("hour: found '24', allowed: 0-23; the schedule stays '0 3 1 1 *'"));
  stage.script("schedule", "* * * * * *\n", 0644);
  ASSERT_TRUE(daemon.wait_for("schedule changed to '* * * * * *'"));
  EXPECT_TRUE(daemon.wait_for("| ran"));
  Program status = stage.start({"status"});
  EXPECT_EQ(status.wait_exit(), 0);
  EXPECT_EQ(status.lines_with("schedule      * * * * * *").size(), 1U) << status.output();
  end(daemon);
}

TEST_F(Reload, a_schedule_file_needs_no_variable_and_must_hold_a_schedule_at_start) {
  stage.environment["SIDEFRIDGE_SCHEDULE_FILE"] = stage.file("schedule").string();
  Program refused = stage.start({});
  EXPECT_EQ(refused.wait_exit(), 2);
  EXPECT_NE(refused.errors().find("SIDEFRIDGE_SCHEDULE_FILE"), std::string::npos) << refused.errors();
  // What the variable says is not what was meant.
  std::ofstream(stage.file("schedule")) << "99 * * * *\n";
  stage.environment["CRON_BACKUP_SCHEDULE"] = "@daily";
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{}, {"check"}, {"next", "--schedule"}}) {
    Program wrong = stage.start(arguments);
    EXPECT_EQ(wrong.wait_exit(), 2);
    EXPECT_NE(wrong.errors().find("minute: found '99', allowed: 0-59"), std::string::npos) << wrong.errors();
  }
  stage.environment.erase("CRON_BACKUP_SCHEDULE");
  std::ofstream(stage.file("schedule")) << "* * * * * *\n";
  stage.script("backups/bkp", "#!/bin/sh\necho ran\n");
  Program daemon = stage.start({});
  EXPECT_TRUE(daemon.wait_for("| ran"));
  end(daemon);
}

TEST_F(Reload, scripts_run_where_they_lie_and_keep_what_they_write_there) {
  stage.script("backups/10",
               "#!/bin/sh\nstate=\"${0%/*}/.last\"\n"
               "echo \"$0 after $(cat \"$state\")\"\necho $SIDEFRIDGE_SCHEDULED_AT >\"$state\"\n");
  stage.script("backups/20",
               "#!/bin/sh\n[ \"$(cat \"${0%/*}/.last\")\" = $SIDEFRIDGE_SCHEDULED_AT ] && echo of this run\n");
  stage.script("backups/.last", "never\n", 0644);
  Program daemon = stage.daemon("* * * * * *");
  EXPECT_TRUE(daemon.wait_for("| " + (stage.scripts_dir() / "backups" / "10").string() + " after never"));
  EXPECT_TRUE(daemon.wait_for(" succeeded in ", 3)) << daemon.output();
  end(daemon);
  EXPECT_EQ(daemon.lines_with(" after never").size(), 1U);
  EXPECT_EQ(daemon.lines_with("hooks changed").size(), 0U) << "what scripts write beside themselves is theirs";
}

TEST_F(Reload, what_changes_while_a_run_goes_on_runs_from_its_copy) {
  // A run later than the one in which the copy is seen to be there.
  stage.script("before_backups/10",
               "#!/bin/sh\nif [ ! -e @ROOT@/copied ]; then\n"
               "! ls \"$SIDEFRIDGE_STATE_DIR\"/hooks/*/on_error/90 >/dev/null 2>&1 || : >@ROOT@/copied\nexit\nfi\n"
               "for file in 10 .lib; do echo 'echo new' >\"${0%/*}/../backups/$file\"; done\n"
               "rm -f \"${0%/*}/../backups/20\"\n");
  stage.script("backups/10", "#!/bin/sh\n. \"${0%/*}/.lib\"\necho old script\n");
  stage.script("backups/.lib", "echo old library\n", 0644);
  stage.script("backups/20", "#!/bin/sh\necho not lost\n");
  stage.script("on_error/90", "#!/bin/sh\n");
  Program daemon = stage.daemon("* * * * * *");
  EXPECT_TRUE(daemon.wait_for("| new")) << daemon.output();
  end(daemon);
  const std::size_t old_runs = daemon.lines_with("| old script").size();
  EXPECT_GE(old_runs, 2U) << daemon.output();
  EXPECT_EQ(daemon.lines_with("| old library").size(), old_runs) << daemon.output();
  EXPECT_EQ(daemon.lines_with("| not lost").size(), old_runs) << daemon.output();
  EXPECT_EQ(daemon.lines_with("failed").size(), 0U) << daemon.output();
}

TEST_F(Reload, a_script_may_go_on_as_another_user_from_a_copy_too) {
  if (::geteuid() != 0) GTEST_SKIP() << "may not become another user";
  write_version(1, "#!/bin/sh\n[ \"$(id -u)\" != 0 ] || exec " + as_user(65534) +
                       "\"$0\"\n"
                       "echo \"user $(id -u)\"\n");
  swap_to(1);
  link_scripts();
  for (fs::path folder = stage.scripts_dir(); folder != fs::temp_directory_path(); folder = folder.parent_path()) {
    fs::permissions(folder, fs::perms(0755));
  }
  Program daemon = stage.daemon("* * * * * *");
  EXPECT_TRUE(daemon.wait_for("| user 65534")) << daemon.output();
  end(daemon);
}

TEST_F(Reload, a_link_that_moves_on_the_way_to_the_scripts_counts_from_the_next_run) {
  for (const char* version : {"a", "b"}) {
    const fs::path folder = stage.file("git") / version / "scripts" / "backups";
    fs::create_directories(folder);
    std::ofstream(folder / "10") << "echo version " << version << "\n";
  }
  fs::create_directory_symlink("a", stage.file("git") / "current");
  stage.environment["SIDEFRIDGE_SCRIPTS_DIR"] = (stage.file("git") / "current" / "scripts").string();
  Program daemon = stage.daemon("* * * * * *");
  ASSERT_TRUE(daemon.wait_for("| version a"));
  fs::create_directory_symlink("b", stage.file("git") / "new");
  fs::rename(stage.file("git") / "new", stage.file("git") / "current");
  ASSERT_TRUE(daemon.wait_for("hooks changed: backups/10 changed"));
  fs::remove_all(stage.file("git") / "a");
  EXPECT_TRUE(daemon.wait_for("| version b"));
  end(daemon);
  const std::string output = daemon.output();
  EXPECT_LT(output.rfind("| version a"), output.find("| version b")) << "not back and forth";
}

TEST_F(Reload, what_comes_beside_the_hooks_later_is_found_by_later_runs) {
  stage.script("backups/bkp", "#!/bin/sh\n. \"${0%/*}/../lib/say.sh\" || echo nothing there\n");
  Program daemon = stage.daemon("* * * * * *");
  EXPECT_TRUE(daemon.wait_for("finished with exit code"));
  stage.script("lib/say.sh", "echo common words\n");
  EXPECT_TRUE(daemon.wait_for("| common words"));
  end(daemon);
}

}  // namespace
}  // namespace sidefridge::e2e
