// verbs_test.cc - the command line as a person meets it.
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <string>

#include "tests/e2e/stage.h"

namespace sidefridge::e2e {
namespace {

class Verbs : public ::testing::Test {
protected:
  struct Answer {
    int code;
    std::string out;
    std::string err;
  };
  Answer ask(const std::vector<std::string>& arguments) {
    Program program = stage.start(arguments);
    const int code = program.wait_exit();
    return {code, program.output(), program.errors()};
  }
  static int lines(const std::string& text) { return static_cast<int>(std::count(text.begin(), text.end(), '\n')); }

  Stage stage;
};

TEST_F(Verbs, the_daemon_without_a_schedule_is_one_line_and_exit_2) {
  const Answer answer = ask({});
  EXPECT_EQ(answer.code, 2);
  EXPECT_EQ(lines(answer.err), 1) << answer.err;
  EXPECT_NE(answer.err.find("CRON_BACKUP_SCHEDULE"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(stage.state_dir())) << "nothing is made before the settings are right";
}

TEST_F(Verbs, a_wrong_schedule_names_the_variable_the_field_and_what_is_allowed) {
  stage.environment["CRON_BACKUP_SCHEDULE"] = "60 3 * * *";
  const Answer answer = ask({});
  EXPECT_EQ(answer.code, 2);
  EXPECT_EQ(lines(answer.err), 1) << answer.err;
  for (const char* const part : {"CRON_BACKUP_SCHEDULE", "minute", "60", "0-59"}) {
    EXPECT_NE(answer.err.find(part), std::string::npos) << part << " in " << answer.err;
  }
}

TEST_F(Verbs, an_unknown_option_or_verb_is_exit_2) {
  EXPECT_EQ(ask({"--no-such-option"}).code, 2);
  EXPECT_EQ(ask({"once", "--no-such-option"}).code, 2);
  EXPECT_EQ(ask({"bakcup"}).code, 2);
  stage.environment["SIDEFRIDGE_GRACE"] = "soon";
  EXPECT_EQ(ask({"once"}).code, 2);
}

TEST_F(Verbs, every_verb_has_help_and_the_program_a_version) {
  for (const char* const verb : {"once", "check", "next", "status", "history"}) {
    const Answer answer = ask({verb, "--help"});
    EXPECT_EQ(answer.code, 0);
    EXPECT_NE(answer.out.find(std::string("sidefridge ") + verb), std::string::npos) << answer.out;
  }
  const Answer help = ask({"--help"});
  EXPECT_EQ(help.code, 0);
  for (const char* const variable : {"CRON_BACKUP_SCHEDULE", "TARGET_CONTAINER", "POD_NAME", "SIDEFRIDGE_SCRIPTS_DIR",
                                     "SIDEFRIDGE_STATE_DIR", "SIDEFRIDGE_GRACE", "SIDEFRIDGE_LOG_FORMAT"}) {
    EXPECT_NE(help.out.find(variable), std::string::npos) << variable;
  }
  EXPECT_EQ(ask({"--version"}).code, 0);
}

TEST_F(Verbs, check_prints_what_would_run_in_order_and_runs_nothing) {
  stage.environment["CRON_BACKUP_SCHEDULE"] = "0 3 * * *";
  stage.script("after_backups/prune", "touch @ROOT@/ran\n");
  stage.script("backups/2", "#!/bin/bash\ntouch @ROOT@/ran\n");
  stage.script("backups/1", "touch @ROOT@/ran\n");
  const Answer answer = ask({"check"});
  EXPECT_EQ(answer.code, 0) << answer.err;
  EXPECT_LT(answer.out.find("backups/1"), answer.out.find("backups/2"));
  EXPECT_LT(answer.out.find("backups/2"), answer.out.find("after_backups/prune"));
  EXPECT_FALSE(std::filesystem::exists(stage.file("ran")));
  EXPECT_EQ(ask({"check", "--json"}).code, 0);
}

TEST_F(Verbs, check_finds_a_missing_interpreter) {
  stage.environment["CRON_BACKUP_SCHEDULE"] = "0 3 * * *";
  stage.script("backups/bkp", "#!/no/such/shell\n");
  const Answer answer = ask({"check"});
  EXPECT_EQ(answer.code, 2);
  EXPECT_NE(answer.out.find("/no/such/shell"), std::string::npos);
}

TEST_F(Verbs, status_and_history_speak_with_and_without_a_daemon) {
  EXPECT_EQ(ask({"status"}).code, 69);
  EXPECT_EQ(ask({"history"}).code, 69);
  stage.script("backups/bkp", "#!/bin/sh\nexit 3\n");
  Program daemon = stage.daemon("* * * * * *");
  ASSERT_TRUE(daemon.wait_for(" failed after "));
  const Answer status = ask({"status"});
  EXPECT_EQ(status.code, 0) << status.err;
  EXPECT_NE(status.out.find(std::to_string(daemon.pid())), std::string::npos) << status.out;
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.wait_exit(), 0);
  EXPECT_NE(ask({"status"}).out.find("exit code '3'"), std::string::npos);
  EXPECT_NE(ask({"history"}).out.find("failed"), std::string::npos);
  EXPECT_EQ(ask({"history", "--json"}).code, 0);
}

TEST_F(Verbs, next_prints_instants) {
  const Answer answer = ask({"next", "0 3 * * *", "--from", "2026-11-23T07:00:00Z", "--count", "2"});
  EXPECT_EQ(answer.code, 0);
  EXPECT_EQ(answer.out, "2026-11-24T03:00:00+00:00\n2026-11-25T03:00:00+00:00\n");
}

TEST_F(Verbs, one_who_closes_their_stdin_stdout_and_stderr_gets_none_of_our_files_instead) {
  stage.script("backups/bkp",
               "#!/bin/sh\necho some output\nfor fd in 0 1 2; do readlink /proc/$PPID/fd/$fd; done "
               "> @ROOT@/fds\nsave_var K V <&- >&- 2>&- || exit 3\n[ $(load_var K) = V ] || exit 4\n"
               "load_var K >&- 2>&-; [ $? = 74 ] || exit 5\n"
               "save_var --stdin L <&- 2>&-; [ $? = 74 ] || exit 6\n");
  EXPECT_EQ(stage.shell("exec sidefridge once <&- >&- 2>&-").wait_exit(), 0);
  EXPECT_EQ(read_file(stage.file("fds")), "/dev/null\n/dev/null\n/dev/null\n");
  EXPECT_EQ(ask({"status"}).code, 0);
  for (const char* const verb : {"check", "status", "history", "next"}) {
    stage.environment["CRON_BACKUP_SCHEDULE"] = "@daily";
    EXPECT_NE(stage.shell(std::string("exec sidefridge ") + verb + " <&- >&- 2>&-").wait_exit(), 1) << verb;
  }
  EXPECT_EQ(ask({"history"}).code, 0);

  const std::string open_files = stage.file("open");
  const std::string closed_files = stage.file("closed");
  const std::string make = "exec make-k8s-cfg-files n p c " + stage.scripts_dir().string() + " ";
  std::filesystem::create_directories(stage.scripts_dir() / "backup");  // warned of
  EXPECT_EQ(stage.shell(make + open_files).wait_exit(), 0);
  EXPECT_EQ(stage.shell(make + closed_files + " <&- >&- 2>&-").wait_exit(), 74) << "nobody could be told what to do";
  EXPECT_EQ(stage.shell("diff -r " + open_files + " " + closed_files).wait_exit(), 0);
}

TEST_F(Verbs, once_says_on_stderr_that_its_log_could_not_be_written) {
  stage.script("backups/bkp", "#!/bin/sh\necho ran > @ROOT@/ran\n");
  const struct {
    const char* output;
    const char* reason;
  } rows[] = {{">/dev/full", "No space left on device"}, {">&-", "Bad file descriptor"}};
  for (const auto& row : rows) {
    Program program = stage.shell(std::string("exec sidefridge once ") + row.output);
    EXPECT_EQ(program.wait_exit(), 0) << row.output;
    EXPECT_NE(program.errors().find("of the log could not be written: " + std::string(row.reason)), std::string::npos)
        << row.output << ": " << program.errors();
    EXPECT_EQ(read_file(stage.file("ran")), "ran\n");
    std::filesystem::remove(stage.file("ran"));
  }
}

TEST_F(Verbs, a_limit_of_a_files_size_ends_none_of_us_and_scripts_have_the_signal_as_usual) {
  stage.script("backups/bkp",
               "#!/bin/bash\ngrep SigIgn: /proc/self/status\nhead -c 65536 /dev/zero | save_var --stdin large\n"
               "echo \"save_var exit $?\"\n");
  // In blocks of 512 or 1024 bytes: no room for what the history, the variables and this log need.
  Program limited = stage.shell("ulimit -f 1; exec sidefridge once >" + stage.file("log").string());
  EXPECT_LT(limited.wait_exit(), 128) << limited.errors();
  EXPECT_FALSE(limited.errors().empty());
  Program unlimited = stage.shell("exec sidefridge once");
  EXPECT_EQ(unlimited.wait_exit(), 0);
  EXPECT_EQ(unlimited.lines_with("SigIgn:\t0000000000000000").size(), 1U) << unlimited.output();
}

}  // namespace
}  // namespace sidefridge::e2e
