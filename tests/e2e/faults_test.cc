// faults_test.cc - a machine that runs out of things.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/e2e/stage.h"

namespace sidefridge::e2e {
namespace {

class Faults : public ::testing::Test {
protected:
  Stage stage;
};

TEST_F(Faults, no_more_processes_is_a_failed_run_with_its_reason_and_the_daemon_lives) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to become a user whom RLIMIT_NPROC binds";
  stage.script("backups/bkp", "#!/bin/sh\necho ran\n");
  stage.environment["CRON_BACKUP_SCHEDULE"] = "* * * * * *";
  // A sanitizer's look for leaks at the end is a process of its own.
  stage.environment["ASAN_OPTIONS"] = "detect_leaks=0";
  std::filesystem::permissions(stage.root(), std::filesystem::perms::all);
  // A user of our own, who may have one process from now on: the daemon, which has its threads already.
  Program daemon = stage.shell("exec " + as_user(54321) + "sidefridge");
  ASSERT_TRUE(daemon.wait_for("| ran"));
  Program limit =
      stage.shell("exec " + as_user(54321) + "prlimit --pid " + std::to_string(daemon.pid()) + " --nproc=1:1");
  ASSERT_EQ(limit.wait_exit(), 0) << limit.errors();
  ASSERT_TRUE(daemon.wait_for("could not be started: ", 2));
  EXPECT_FALSE(daemon.lines_with("RLIMIT_NPROC").empty()) << daemon.output();
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.wait_exit(), 0);
}

TEST_F(Faults, too_few_threads_are_one_line_and_exit_74_and_just_enough_do) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to become a user whom RLIMIT_NPROC binds";
  stage.environment["CRON_BACKUP_SCHEDULE"] = "0 3 1 1 *";
  stage.environment["ASAN_OPTIONS"] = "detect_leaks=0";
  std::filesystem::permissions(stage.root(), std::filesystem::perms::all);
  const auto limited = [&](int most) {
    return stage.shell("exec " + as_user(54322) + "prlimit --nproc=" + std::to_string(most) + ':' +
                       std::to_string(most) + " sidefridge");
  };
  // The daemon itself counts, too.
  for (const int most : {1, 2}) {
    Program refused = limited(most);
    EXPECT_EQ(refused.wait_exit(), 74) << refused.output();
    EXPECT_EQ(refused.errors(),
              "sidefridge: cannot start a thread: the system allows no more (RLIMIT_NPROC or the pod's pids limit)\n");
  }
  Program daemon = limited(3);
  ASSERT_TRUE(daemon.wait_for("ready; "));
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.wait_exit(), 0);
}

TEST_F(Faults, no_more_descriptors_is_a_failed_run_with_its_reason_and_the_daemon_lives) {
  stage.script("backups/bkp", "#!/bin/sh\necho ran\n");
  Program daemon = stage.daemon("* * * * * *");
  ASSERT_TRUE(daemon.wait_for(" succeeded in "));
  // From here on there is room for one pipe beside the daemon's own descriptors, and a script wants two. (With none
  // left, UBSan takes each object that it has not seen before for one of another type.)
  const std::string pid = std::to_string(daemon.pid());
  Program limit =
      stage.shell("n=9999; for i in $(seq 50); do c=$(ls /proc/" + pid + "/fd | wc -l); [ $c -ge $n ] || n=$c; done; " +
                  "exec prlimit --pid " + pid + " --nofile=$((n + 3)):$((n + 3))");
  ASSERT_EQ(limit.wait_exit(), 0) << limit.errors();
  ASSERT_TRUE(daemon.wait_for(" failed after ", 2));
  // Each C library has its own words for a pipe that cannot be opened; that no program can be started says ours.
  EXPECT_TRUE(!daemon.lines_with(std::strerror(EMFILE)).empty() || !daemon.lines_with("RLIMIT_NOFILE").empty())
      << daemon.output();
  Program release = stage.shell("prlimit --pid " + pid + " --nofile=1024:1024");
  release.wait_exit();
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.wait_exit(), 0);
}

TEST_F(Faults, a_full_state_folder_costs_neither_the_daemon_nor_what_was_saved) {
  if (!can_unshare()) GTEST_SKIP() << "needs root, to mount a small file system";
  stage.script("backups/bkp",
               "#!/bin/bash\n[ -e @ROOT@/fill ] || { echo ran; exit 0; }\n"
               "rm @ROOT@/fill\n"
               "save_var first kept\n"
               "dd if=/dev/zero of=$SIDEFRIDGE_STATE_DIR/fat bs=64k 2>/dev/null\n"
               "i=0; while head -c 8000 /dev/zero | save_var --stdin key$((i++)); do :; done\n"
               "head -c 8000 /dev/zero | save_var --stdin another; echo \"save_var exit $?\"\n"
               "echo \"first is $(load_var first)\"\n");
  stage.environment["CRON_BACKUP_SCHEDULE"] = "* * * * * *";
  std::filesystem::create_directory(stage.state_dir());
  Program daemon = stage.shell("exec unshare --mount sh -c 'mount -t tmpfs -o size=1m none " +
                               stage.state_dir().string() + " && exec sidefridge'");
  ASSERT_TRUE(daemon.wait_for("| ran"));
  Program fill = stage.shell("touch " + stage.file("fill").string());
  fill.wait_exit();
  ASSERT_TRUE(daemon.wait_for("| save_var exit 74"));
  ASSERT_TRUE(daemon.wait_for("| first is kept"));
  // What the folder refuses is said; what still fits is done. Neither ends the daemon: ticks go on.
  EXPECT_FALSE(daemon.lines_with("No space left").empty()) << daemon.output();
  const auto ends = [&] { return daemon.lines_with(" after ").size() + daemon.lines_with(" succeeded in ").size(); };
  const std::size_t before = ends();
  ASSERT_TRUE(daemon.wait_for("run 2", static_cast<int>(daemon.lines_with("run 2").size()) + 4));
  EXPECT_GT(ends(), before);
  // Room again, within the same mount: every run succeeds, and the history has the one that filled the disk.
  Program free =
      stage.shell("rm /proc/" + std::to_string(daemon.pid()) + "/root" + stage.state_dir().string() + "/fat");
  ASSERT_EQ(free.wait_exit(), 0) << free.errors();
  const std::size_t ran = daemon.lines_with("| ran").size();
  ASSERT_TRUE(daemon.wait_for("| ran", static_cast<int>(ran) + 2));
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.wait_exit(), 0);
}

TEST_F(Faults, what_is_removed_from_the_state_folder_under_the_daemon_is_made_again) {
  stage.script("backups/bkp", "#!/bin/sh\nsave_var key kept && load_var key\n");
  Program daemon = stage.daemon("* * * * * *");
  ASSERT_TRUE(daemon.wait_for("| kept"));
  const std::filesystem::path store = stage.state_dir() / "store";
  const std::vector<std::vector<std::string>> parts{
      {"history.mdb"}, {"variables.mdb"}, {"lock"}, {"history.mdb", "history.mdb-lock", "variables.mdb", "lock"}};
  for (const auto& part : parts) {
    for (const std::string& name : part) std::filesystem::remove(store / name);
    // One may be in the midst of it, and fail for want of its variables; the next one is not.
    ASSERT_TRUE(daemon.wait_for("| kept", static_cast<int>(daemon.lines_with("| kept").size()) + 3));
    for (const std::string& name : part) EXPECT_TRUE(std::filesystem::exists(store / name)) << name;
  }
  Program second = stage.start({"--cron-backup-schedule=@yearly"});
  EXPECT_EQ(second.wait_exit(), 75) << "the folder is still the first one's: " << second.output();
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.wait_exit(), 0);
}

TEST_F(Faults, a_damaged_history_stops_neither_the_daemon_nor_status) {
  stage.script("backups/bkp", "#!/bin/sh\necho ran\n");
  const std::filesystem::path history = stage.state_dir() / "store/history.mdb";
  EXPECT_EQ(stage.start({"once"}).wait_exit(), 0);
  std::filesystem::resize_file(history, 3 * 4096);
  Program status = stage.start({"status"});
  EXPECT_EQ(status.wait_exit(), 0);
  EXPECT_NE(status.errors().find("the history cannot be read"), std::string::npos) << status.errors();
  Program daemon = stage.daemon("* * * * * *");
  ASSERT_TRUE(daemon.wait_for("the history cannot be read"));
  // And while it is in use, mapped, but in no commit.
  ASSERT_TRUE(eventually([&] {
    Program shown = stage.start({"history", "--json"});
    return shown.wait_exit() == 0 && shown.output().find("\"succeeded\"") != std::string::npos;
  }));
  std::filesystem::resize_file(history, 0);
  ASSERT_TRUE(daemon.wait_for("the history cannot be read", 2));
  ASSERT_TRUE(daemon.wait_for("| ran", static_cast<int>(daemon.lines_with("| ran").size()) + 2));
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.wait_exit(), 0);
  EXPECT_EQ(stage.start({"history"}).wait_exit(), 0);
}

TEST_F(Faults, a_state_folder_that_cannot_be_made_is_74_and_names_it) {
  stage.environment["SIDEFRIDGE_STATE_DIR"] = "/proc/no/such/place";
  Program program = stage.start({"once"});
  EXPECT_EQ(program.wait_exit(), 74);
  EXPECT_NE(program.errors().find("/proc/no"), std::string::npos) << program.errors();
}

/// A way in which a run cannot begin, or its first script cannot. Those that want a daemon are tests of their own: an
/// environment that is too large, a folder of scripts that is not there, a store that somebody holds (NothingBlocks).
struct NoBeginning {
  const char* name;
  std::string prepare;  // by a shell, in the stage's folder, with everything still as it should be
  std::string start;    // by a shell; the run is that of `sidefridge once`
  std::string message;  // what on_error is told
  int exit_code = 1;
};

class CannotBegin : public Faults, public ::testing::WithParamInterface<NoBeginning> {};

TEST_P(CannotBegin, and_on_error_goes_out_with_the_reason) {
  if (::geteuid() != 0 || !can_unshare()) GTEST_SKIP() << "needs root, to become another user and to mount";
  stage.script("backups/bkp", "#!/bin/sh\necho ran\n");
  stage.script("on_error/alert", "#!/bin/sh\necho \"alert: $1\"\n");
  stage.environment["ASAN_OPTIONS"] = "detect_leaks=0";
  std::filesystem::permissions(stage.root(), std::filesystem::perms::all);
  ASSERT_EQ(stage.shell("cd " + stage.root().string() + " && { " + GetParam().prepare + "; }").wait_exit(), 0);
  Program once = stage.shell("cd " + stage.root().string() + " && " + GetParam().start);
  EXPECT_EQ(once.wait_exit(), GetParam().exit_code) << once.errors();
  const std::vector<std::string> alerts = once.lines_with("| alert: ");
  ASSERT_EQ(alerts.size(), 1U) << once.output() << once.errors();
  EXPECT_NE(alerts[0].find(GetParam().message), std::string::npos) << alerts[0];
  EXPECT_TRUE(once.lines_with("| ran").empty());
}

const std::string as_nobody = "exec " + as_user(54323) + "sidefridge once";

INSTANTIATE_TEST_SUITE_P(
    Ways, CannotBegin,
    ::testing::Values(
        NoBeginning{"no_scripts", "rm scripts/backups/bkp", "exec sidefridge once",
                    "there is no script in the folder backups"},
        NoBeginning{"no_folder", "rm -r scripts/backups", "exec sidefridge once",
                    "there is no script in the folder backups"},
        NoBeginning{"an_empty_script", ": >scripts/backups/bkp", "exec sidefridge once", "it is empty"},
        NoBeginning{"no_interpreter", "printf '#!/bin/nope\\n' >scripts/backups/bkp", "exec sidefridge once",
                    "interpreter '/bin/nope'"},
        NoBeginning{"windows_lines", "printf 'echo ran\\r\\n' >scripts/backups/bkp", "exec sidefridge once",
                    "end with CRLF"},
        NoBeginning{"a_script_that_may_not_be_read", "chmod 0 scripts/backups/bkp", as_nobody, "Permission denied"},
        NoBeginning{"a_folder_that_may_not_be_read", "chmod 0 scripts/backups", as_nobody,
                    "scripts/backups': Permission denied"},
        NoBeginning{"a_link_that_may_not_be_followed",
                    "mkdir secret; mv scripts/backups/bkp secret; ln -s ../../secret/bkp scripts/backups/bkp; "
                    "chmod 0 secret",
                    as_nobody, "Permission denied"},
        NoBeginning{"no_room_for_the_record", "mkdir state",
                    "exec unshare --mount sh -c 'mount -t tmpfs -o size=1m none state && sidefridge once >/dev/null && "
                    "{ dd if=/dev/zero of=state/fat bs=1k 2>/dev/null; exec sidefridge once; }'",
                    "No space left on device"},
        NoBeginning{"a_state_folder_on_a_read_only_disk", "mkdir state",
                    "exec unshare --mount sh -c 'mount -t tmpfs -o ro none state && exec sidefridge once'",
                    "Read-only file system", 74},
        NoBeginning{"a_state_folder_that_others_may_write_to", "mkdir -m 0777 state", "exec sidefridge once",
                    "every user may write to", 69},
        NoBeginning{"a_state_folder_that_is_a_file", ": >state", "exec sidefridge once", "Not a directory", 74},
        NoBeginning{"a_lock_that_is_a_folder", "mkdir -p state/store/lock", "exec sidefridge once", "state/store/lock",
                    74}),
    [](const ::testing::TestParamInfo<NoBeginning>& way) { return way.param.name; });

TEST_F(Faults, an_unreadable_hooks_folder_fails_runs_and_the_daemon_lives) {
  stage.environment["SIDEFRIDGE_SCRIPTS_DIR"] = stage.file("not-there-yet");
  Program daemon = stage.daemon("* * * * * *");
  ASSERT_TRUE(daemon.wait_for("Run could not start: the folder of scripts '" + stage.file("not-there-yet").string() +
                              "' does not exist"));
  std::filesystem::create_directories(stage.file("not-there-yet") / "backups");
  ASSERT_TRUE(daemon.wait_for("Run could not start: there is no script in the folder backups"));
  std::ofstream(stage.file("not-there-yet") / "backups" / "bkp") << "#!/bin/sh\n";
  ASSERT_TRUE(daemon.wait_for(" succeeded in "));
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.wait_exit(), 0);
}

}  // namespace
}  // namespace sidefridge::e2e
