// hooks_test.cc - hooks as users write them, run by the installed program.
#include <gtest/gtest.h>

#include <csignal>
#include <string>
#include <vector>

#include "tests/e2e/stage.h"

namespace sidefridge::e2e {
namespace {

class Hooks : public ::testing::Test {
protected:
  /// Runs `sidefridge once` to its end. Returns: its exit code.
  int once() {
    Program program = stage.start({"once"});
    const int code = program.wait_exit();
    output = program.output();
    return code;
  }
  std::string trace() const { return read_file(stage.file("trace")); }

  Stage stage;
  std::string output;
};

/// A script that notes its own name in the trace.
std::string noting(const std::string& name, const std::string& rest = "") {
  return "#!/bin/sh\necho " + name + " >> @ROOT@/trace\n" + rest;
}

TEST_F(Hooks, run_in_order_with_install_dependencies_first) {
  stage.script("after_backups/prune", noting("prune"));
  stage.script("backups/b", noting("b"));
  stage.script("backups/a", noting("a"));
  stage.script("before_backups/lock", noting("lock"));
  stage.script("install_dependencies/apk", noting("apk"));
  stage.script("on_error/alert", noting("alert"));
  EXPECT_EQ(once(), 0);
  EXPECT_EQ(trace(), "apk\nlock\na\nb\nprune\n");
}

TEST_F(Hooks, a_failure_skips_the_rest_and_tells_on_error_as_its_first_argument) {
  stage.script("backups/bkp", noting("bkp", "echo went wrong >&2\nexit 3\n"));
  stage.script("after_backups/prune", noting("prune"));
  stage.script("on_error/alert", noting("alert",
                                        "printf '%s\\n' \"$1\" > @ROOT@/message\n"
                                        "env | grep ^SIDEFRIDGE_ERROR | sort > @ROOT@/variables\n"));
  EXPECT_EQ(once(), 1);
  EXPECT_EQ(trace(), "bkp\nalert\n");
  const std::string path = stage.scripts_dir() / "backups/bkp";
  EXPECT_EQ(read_file(stage.file("message")), "Script '" + path + "' finished with exit code '3'\n");
  EXPECT_EQ(read_file(stage.file("variables")),
            "SIDEFRIDGE_ERROR_EXIT_CODE=3\nSIDEFRIDGE_ERROR_HOOK=backups\n"
            "SIDEFRIDGE_ERROR_MESSAGE=Script '" +
                path + "' finished with exit code '3'\nSIDEFRIDGE_ERROR_SCRIPT=" + path +
                "\nSIDEFRIDGE_ERROR_STDERR=went wrong\n");
}

TEST_F(Hooks, a_failing_install_runs_on_error_and_ends_the_daemon_with_1) {
  stage.script("install_dependencies/apk", noting("apk", "exit 1\n"));
  stage.script("backups/bkp", noting("bkp"));
  stage.script("on_error/alert", noting("alert"));
  stage.environment["CRON_BACKUP_SCHEDULE"] = "* * * * * *";
  Program daemon = stage.start({});
  EXPECT_EQ(daemon.wait_exit(), 1);
  EXPECT_EQ(trace(), "apk\nalert\n");
}

TEST_F(Hooks, a_script_that_may_not_be_executed_runs_through_its_shebang) {
  stage.script("backups/bkp", "#!/bin/bash\n[[ -n $BASH_VERSION ]] && echo bash > @ROOT@/trace\n", 0644);
  EXPECT_EQ(once(), 0);
  EXPECT_EQ(trace(), "bash\n");
}

TEST_F(Hooks, a_script_without_a_shebang_runs_through_sh) {
  stage.script("backups/bkp", "echo plain > @ROOT@/trace\n", 0644);
  EXPECT_EQ(once(), 0);
  EXPECT_EQ(trace(), "plain\n");
}

TEST_F(Hooks, a_missing_interpreter_is_a_failed_step_that_names_it) {
  stage.script("backups/bkp", "#!/no/such/shell\n");
  stage.script("on_error/alert", noting("alert", "echo \"$1 $SIDEFRIDGE_ERROR_EXIT_CODE\" >> @ROOT@/trace\n"));
  EXPECT_EQ(once(), 1);
  EXPECT_NE(trace().find("/no/such/shell"), std::string::npos) << trace();
  EXPECT_NE(trace().find(" 127\n"), std::string::npos) << trace();
}

TEST_F(Hooks, an_environment_too_large_is_a_failed_step_that_says_so) {
  stage.script("backups/bkp", "#!/bin/sh\necho ran\n");
  stage.script("on_error/mail", "#!/bin/sh\necho \"told with ${#BIG_0} bytes of $SHORT\"\n");
  stage.environment["SHORT"] = "value";
  for (int i = 0; i < 5; ++i) stage.environment["BIG_" + std::to_string(i)] = std::string(100 * 1024, 'x');
  Program daemon = stage.daemon("* * * * * *");
  ASSERT_TRUE(daemon.wait_for("| ran"));
  // The kernel allows arguments and environment a quarter of the stack's limit.
  Program limit = stage.shell("env -i prlimit --pid " + std::to_string(daemon.pid()) + " --stack=1048576:1048576");
  ASSERT_EQ(limit.wait_exit(), 0) << limit.errors();
  ASSERT_TRUE(daemon.wait_for("Script '" + (stage.scripts_dir() / "backups/bkp").string() + "' could not be started"));
  EXPECT_FALSE(daemon.lines_with("larger than the system allows").empty()) << daemon.output();
  EXPECT_TRUE(daemon.wait_for("| told with 0 bytes of value"));
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.wait_exit(), 0);
}

TEST_F(Hooks, with_pipefail_each_command_of_a_pipeline_counts) {
  stage.script("backups/1", "#!/bin/bash\nfalse | true\n");
  stage.script("backups/2", "#!/bin/bash\necho \"pipefail for kubectlexec: $SIDEFRIDGE_PIPEFAIL\"\n");
  EXPECT_EQ(once(), 0);
  stage.environment["SIDEFRIDGE_PIPEFAIL"] = "yes";
  EXPECT_EQ(once(), 1);
  EXPECT_NE(output.find("backups/1' finished with exit code '1'"), std::string::npos) << output;
  stage.script("backups/1", "#!/bin/bash\ntrue | true\n");
  EXPECT_EQ(once(), 0);
  EXPECT_NE(output.find("pipefail for kubectlexec: true"), std::string::npos) << output;
}

TEST_F(Hooks, a_run_without_a_backup_is_no_success) {
  stage.script("before_backups/lock", noting("lock"));
  stage.script("on_error/mail", "#!/bin/sh\necho \"told: $1\"\n");
  EXPECT_EQ(once(), 1);
  EXPECT_NE(output.find("told: Run could not start: there is no script in the folder backups"), std::string::npos)
      << output;
  stage.environment["SIDEFRIDGE_ALLOW_EMPTY"] = "true";
  EXPECT_EQ(once(), 0);
  EXPECT_EQ(trace(), "lock\n");
}

TEST_F(Hooks, scripts_know_where_and_why_they_run) {
  stage.script("backups/bkp", "#!/bin/sh\nenv | grep ^SIDEFRIDGE_ | sort > @ROOT@/trace\n");
  EXPECT_EQ(once(), 0);
  for (const char* const part : {"SIDEFRIDGE_HOOK=backups\n", "SIDEFRIDGE_RUN_ID=20", "SIDEFRIDGE_TRIGGER=manual\n",
                                 "SIDEFRIDGE_SCHEDULED_AT=20"}) {
    EXPECT_NE(trace().find(part), std::string::npos) << part << " in " << trace();
  }
  EXPECT_NE(trace().find("SIDEFRIDGE_SCRIPT=" + (stage.scripts_dir() / "backups/bkp").string()), std::string::npos);
}

TEST_F(Hooks, a_tick_says_what_instant_it_is_for) {
  stage.script("backups/bkp", "#!/bin/sh\necho \"$SIDEFRIDGE_TRIGGER $SIDEFRIDGE_SCHEDULED_AT\"\n");
  Program daemon = stage.daemon("* * * * * *");
  ASSERT_TRUE(daemon.wait_for("| schedule 20"));
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.wait_exit(), 0);
}

TEST_F(Hooks, a_script_inherits_no_descriptor_but_the_three_and_no_signal_state) {
  // 9 is left open, and HUP ignored, by our parent.
  stage.script("backups/bkp",
               "#!/bin/sh\nreadlink /proc/$$/fd/0\n[ \"$(cut -d' ' -f6 /proc/$$/stat)\" = $$ ] && echo own session\n"
               "exec grep -E '^Sig(Blk|Ign)' /proc/self/status\n");
  stage.script("backups/fds", "#!/bin/sh\nexec /bin/ls /proc/self/fd\n");
  Program program = stage.shell("trap '' HUP; exec sidefridge once 9</dev/null");
  EXPECT_EQ(program.wait_exit(), 0) << program.output();
  EXPECT_EQ(program.lines_with("| /dev/null").size(), 1U);
  EXPECT_EQ(program.lines_with("| own session").size(), 1U);
  // Of the C library's own signals, 32 to 34, nobody can change the disposition.
  EXPECT_EQ(program.lines_with("| SigBlk:\t0000000000000000").size(), 1U) << program.output();
  for (const std::string& line : program.lines_with("SigIgn")) {
    EXPECT_EQ(std::stoull(line.substr(line.size() - 16), nullptr, 16) & 0x7fffffffU, 0U) << line;
  }
  // By its path, so that no shell has it in itself; ls opens the folder as 3.
  EXPECT_EQ(program.lines_with("backups/fds | ").size(), 4U) << program.output();
}

TEST_F(Hooks, a_script_is_over_when_it_exits_and_its_leftover_goes_with_the_run) {
  stage.script("backups/1-leaves", "#!/bin/sh\nsleep 600 &\necho $! > @ROOT@/pid\n");
  stage.script("backups/2-looks", "#!/bin/sh\nkill -0 $(cat @ROOT@/pid) && echo alive > @ROOT@/trace\n");
  EXPECT_EQ(once(), 0);
  EXPECT_EQ(trace(), "alive\n");
  EXPECT_NE(output.find("what scripts left running: sleep"), std::string::npos) << output;
  const std::string pid = read_file(stage.file("pid"));
  EXPECT_FALSE(std::filesystem::exists("/proc/" + pid.substr(0, pid.find('\n'))));
}

TEST_F(Hooks, a_leftover_that_made_itself_a_daemon_goes_with_the_run_too) {
  stage.script("backups/1-leaves", "#!/bin/sh\nsetsid sh -c 'setsid sleep 600 & echo $! > @ROOT@/pid' \nwait\n");
  EXPECT_EQ(once(), 0);
  const std::string pid = read_file(stage.file("pid"));
  EXPECT_FALSE(std::filesystem::exists("/proc/" + pid.substr(0, pid.find('\n'))));
}

TEST_F(Hooks, variables_pass_between_the_scripts_of_a_run_and_are_gone_after_it) {
  stage.script("before_backups/save", "#!/bin/sh\nsave_var target /backup/app.gz\n");
  stage.script("backups/fail", "#!/bin/sh\n[ \"$(load_var target)\" = /backup/app.gz ] || exit 9\nexit 3\n");
  stage.script("on_error/load", "#!/bin/sh\nload_var target > @ROOT@/trace\nload_var none fallback >> @ROOT@/trace\n");
  EXPECT_EQ(once(), 1);
  EXPECT_EQ(trace(), "/backup/app.gz\nfallback\n");
  stage.script("before_backups/save", "#!/bin/sh\nload_var target gone > @ROOT@/next-run\n");
  EXPECT_EQ(once(), 1);
  EXPECT_EQ(read_file(stage.file("next-run")), "gone\n");
}

TEST_F(Hooks, install_dependencies_has_variables_of_its_own) {
  stage.script("install_dependencies/save", "#!/bin/sh\nsave_var key value && load_var key > @ROOT@/trace\n");
  stage.script("backups/load", "#!/bin/sh\nload_var key unseen >> @ROOT@/trace\n");
  EXPECT_EQ(once(), 0);
  EXPECT_EQ(trace(), "value\nunseen\n");
}

TEST_F(Hooks, a_folder_that_is_no_hook_is_reported) {
  stage.script("before_backup/oops", noting("oops"));
  stage.script("backups/bkp", noting("bkp"));
  EXPECT_EQ(once(), 0);
  EXPECT_NE(output.find("before_backup"), std::string::npos);
  EXPECT_EQ(trace(), "bkp\n");
}

TEST_F(Hooks, a_thousand_scripts_all_run_in_bytewise_order) {
  std::string expected;
  for (int i = 0; i < 1000; ++i) {
    const std::string name = std::to_string(10000 + i);
    stage.script("backups/" + name, "echo " + name + " >> @ROOT@/trace\n");
    expected += name + "\n";
  }
  EXPECT_EQ(once(), 0);
  EXPECT_EQ(trace(), expected);
}

}  // namespace
}  // namespace sidefridge::e2e
