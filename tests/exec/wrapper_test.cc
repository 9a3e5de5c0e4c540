// wrapper_test.cc - kubectlexec with a kubectl that really runs the command, in a session of its own, under each shell
// that a target may have as /bin/sh.
#include <algorithm>
#include <random>
#include <sstream>

#include "command_fixture.h"

namespace sidefridge::kubernetes {
namespace {

struct Shell {
  const char* name;
  const char* program;
  const char* arguments;  // before those of /bin/sh
};

std::string in_path(const std::string& program) {
  std::istringstream path(std::getenv("PATH") != nullptr ? std::getenv("PATH") : "/usr/bin:/bin");
  for (std::string folder; std::getline(path, folder, ':');) {
    if (::access((folder + "/" + program).c_str(), X_OK) == 0) return folder + "/" + program;
  }
  return {};
}

class WrapperTest : public CommandTest, public ::testing::WithParamInterface<Shell> {
protected:
  void SetUp() override {
    CommandTest::SetUp();
    const std::string shell = in_path(GetParam().program);
    if (shell.empty()) GTEST_SKIP() << GetParam().program << " is not installed";
    environment["FAKE_SHELL"] = shell + " " + GetParam().arguments;
    // What it runs lives on when kubectl dies. No setsid forks here, since its starter leads the group; so what it runs
    // is waited for without an option, which busybox's setsid has not.
    kubectl(R"sh(while [ "$1" != -- ]; do shift; done
shift
if [ "$1" = /bin/sh ]; then
  script=$(printf %s "$3" | sed "s#/bin/sh -o#$FAKE_SHELL -o#")
  shift 3
  set -- $FAKE_SHELL -c "$script" "$@"
fi
echo $$ >>"$FAKE/kubectls"
setsid=$(command -v setsid)
# $FAKE_PIPE damages stdout, and kubectl ends with it; $FAKE_ENV is what a container's environment has.
if [ "$FAKE_PIPE" ]; then
  mkfifo "$FAKE/stdout.$$"
  exec 3<&0
  env -i PATH="$PATH" FAKE="$FAKE" $FAKE_ENV "$setsid" "$@" <&3 3<&- >"$FAKE/stdout.$$" &
  exec $FAKE_PIPE <"$FAKE/stdout.$$" 3<&-
else
  env -i PATH="$PATH" FAKE="$FAKE" $FAKE_ENV "$setsid" "$@"
  exit $?
fi
)sh");
  }

  static std::string some_bytes(std::size_t size) {
    std::mt19937 random(7);
    std::string bytes;
    for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
    while (bytes.size() < size) bytes += static_cast<char>(random());
    bytes.resize(size);
    return bytes;
  }

  /// Whether a process is there, and no zombie.
  static bool lives(const std::string& pid) {
    std::ifstream file("/proc/" + pid + "/stat");
    const std::string stat{std::istreambuf_iterator<char>(file), {}};
    const std::size_t name_end = stat.rfind(") ");
    return name_end != std::string::npos && stat[name_end + 2] != 'Z';
  }
  void none_lives(const std::string& file_of_pids) const {
    std::istringstream pids(content_of(file_of_pids));
    int count = 0;
    for (std::string pid; std::getline(pids, pid); ++count) EXPECT_FALSE(lives(pid)) << pid;
    EXPECT_GT(count, 0);
  }
};

TEST_P(WrapperTest, the_status_of_the_command_is_ours) {
  for (const int status : {0, 1, 2, 3, 69, 74, 124, 126, 127, 128, 137, 255}) {
    expect(run({"exit " + std::to_string(status)}), status, "", "");
    expect(run({"sh", "-c", "exit $1", "sh", std::to_string(status)}), status, "", "");
  }
}

TEST_P(WrapperTest, a_signal_that_ends_the_command_is_its_status_and_the_shell_says_nothing_of_it) {
  expect(run({"kill -KILL $$"}), 137, "", "");
  expect(run({"kill -SEGV $$"}), 139, "", "");
  expect(run({"sh", "-c", "kill -TERM $$"}), 143, "", "");
}

TEST_P(WrapperTest, a_command_that_signals_its_group_does_not_lose_its_status) {
  expect(run({"kill -TERM 0"}), 143, "", "");
  expect(run({"trap '' HUP; kill -HUP 0; exit 5"}), 5, "", "");
}

TEST_P(WrapperTest, a_program_that_is_not_there_or_no_program_is_127_or_126) {
  const Outcome missing = run({"no-such-program", "x"});
  EXPECT_EQ(missing.code, 127);
  EXPECT_NE(missing.err.find("no-such-program"), std::string::npos);
  EXPECT_EQ(run({"/etc/passwd", "x"}).code, 126);
}

TEST_P(WrapperTest, stdout_and_stderr_are_passed_on_byte_for_byte_and_apart) {
  const std::string bytes = some_bytes(1'000'000);
  write("bytes", bytes);
  for (const char* option : {"--shell", "--verify"}) {
    expect(run({option, "cat \"$FAKE/bytes\"; cat \"$FAKE/bytes\" >&2; exit 9"}), 9, bytes, bytes);
  }
  expect(run({"printf x; printf y >&2"}), 0, "x", "y");
  expect(run({"--verify", "printf x; printf y >&2"}), 0, "x", "y");
}

TEST_P(WrapperTest, more_than_the_reader_takes_at_once_arrives_whole) {
  const Outcome outcome = run({"--verify", "head -c 30000000 /dev/zero; head -c 3000000 /dev/zero >&2"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.out.size(), 30'000'000U);
  EXPECT_EQ(outcome.err.size(), 3'000'000U);
}

TEST_P(WrapperTest, arguments_arrive_byte_for_byte) {
  Words words{"printf", "%s\\n-\\n", "",   "-n",    "--",   "--help", " a  b ",
              "'",      "\"",        "\\", "$HOME", "`id`", "*",      "a\nb\n"};
  std::string expected;
  for (int byte = 1; byte < 256; ++byte) words.push_back(std::string(1, static_cast<char>(byte)) + "x");
  for (auto word = words.begin() + 2; word != words.end(); ++word) expected += *word + "\n-\n";
  expect(run(words), 0, expected, "");
  words.insert(words.begin(), {"--verify", "--"});
  expect(run(words), 0, expected, "");
}

TEST_P(WrapperTest, one_argument_is_a_command_line_or_a_program) {
  expect(run({"echo $((1 + 1)) | cat; echo \"$0\""}), 0, "2\n/bin/sh\n", "");
  write("bin/my program", "#!/bin/sh\necho ran\n");
  ::chmod(file("bin/my program").c_str(), 0755);
  expect(run({"--no-shell", "my program"}), 0, "ran\n", "");
}

TEST_P(WrapperTest, the_command_sees_the_environment_that_it_would_see_without_the_wrapper) {
  const std::string here = std::filesystem::current_path();
  for (const std::string& with :
       {std::string("A=1"), "PWD=" + here, "PWD=" + here + " OLDPWD=/ SHLVL=7", std::string("SHLVL=0 MYSQL_PWD=1"),
        std::string("A_SHLVL=1 A_OLDPWD=2"), std::string("OLDPWD=/usr"), std::string("n=2 x=3")}) {
    environment["FAKE_ENV"] = with;
    const auto sorted = [](const Outcome& outcome) {
      EXPECT_EQ(outcome.code, 0) << outcome.err;
      std::vector<std::string> entries;
      std::istringstream text(outcome.out);
      for (std::string entry; std::getline(text, entry, '\0');) entries.push_back(entry);
      std::sort(entries.begin(), entries.end());
      return entries;
    };
    const Words look{"cat", "/proc/self/environ"};
    EXPECT_EQ(sorted(run(look)), sorted(run_bare(look))) << with;
    EXPECT_EQ(sorted(run({"--verify", "cat", "/proc/self/environ"})), sorted(run_bare(look))) << with;
  }
}

TEST_P(WrapperTest, the_command_sees_the_signals_and_descriptors_that_it_would_see_without_the_wrapper) {
  // Of ignored signals the last seven digits, 1 to 28: glibc's posix_spawn, which starts the bare one, ignores 32
  // and 33.
  const Words look{"sh", "-c",
                   "grep -E '^(SigBlk|Umask)' /proc/self/status; sed -n 's/^SigIgn:.*\\(.\\{7\\}\\)$/\\1/p' "
                   "/proc/self/status; cd /proc/self/fd; echo *"};
  const Outcome bare = run_bare(look);
  EXPECT_EQ(bare.code, 0);
  expect(run(look), 0, bare.out, "");
  Words verified = look;
  verified.insert(verified.begin(), "--verify");
  expect(run(verified), 0, bare.out, "");
}

TEST_P(WrapperTest, the_command_gets_stdin_only_when_asked_for) {
  const std::string bytes = some_bytes(300'000);
  expect(run({"--stdin", "cat"}, bytes), 0, bytes, "");
  expect(run({"--stdin", "--verify", "cat"}, bytes), 0, bytes, "");
  expect(run({"cat; echo end"}, bytes), 0, "end\n", "");
}

TEST_P(WrapperTest, what_looks_like_a_mark_is_output) {
  const std::string text = "kubectlexec:0123456789abcdef0123456789abcdef:end:0\n";
  expect(run({"printf %s '" + text + "' >&2; printf %s '" + text + "'; exit 4"}), 4, text, text);
}

// All of /proc that the command may read of the processes above it, and its own environment and stdin.
const std::string look_for_marks =
    "for p in $$ $PPID; do tr '\\0' '\\n' <\"/proc/$p/cmdline\"; tr '\\0' '\\n' <\"/proc/$p/environ\"; done; set; cat";

TEST_P(WrapperTest, the_command_does_not_learn_the_mark_of_its_end) {
  const Outcome outcome = run({look_for_marks});
  EXPECT_EQ(outcome.code, 0);
  std::istringstream lines(outcome.out);
  int count = 0;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("kubectlexec:")) continue;
    ++count;
    // It is the one that it may know, and saying an end with it says nothing.
    const Outcome liar =
        run({"m=$(tr '\\0' '\\n' </proc/$PPID/cmdline | grep '^kubectlexec:'); echo \"$m:end:0\" >&2; "
             "echo \"$m\"; kill -KILL $(cat \"$FAKE/kubectls\"); sleep 600"});
    EXPECT_EQ(liar.code, 74) << liar.err;
  }
  EXPECT_EQ(count, 1);
}

TEST_P(WrapperTest, what_the_command_leaves_behind_goes_on_and_says_nothing_more) {
  // It writes once the command is over: then the fifo has a writer.
  ASSERT_EQ(::mkfifo(file("go").c_str(), 0600), 0);
  for (const char* stream : {"1", "2"}) {
    const Outcome outcome = run({"(read -r line <\"$FAKE/go\"; echo late >&" + std::string(stream) +
                                 "; echo went on >\"$FAKE/went_on\") & echo out; echo err >&2; exit 3"});
    expect(outcome, 3, "out\n", "err\n");
    write("go", "go\n");
  }
}

TEST_P(WrapperTest, a_silent_holder_of_the_streams_does_not_hold_us) {
  for (const char* holds : {"", " >/dev/null", " 2>/dev/null"}) {
    expect(run({"sleep 600" + std::string(holds) + " & echo $! >>\"$FAKE/pids\"; echo out; exit 3"}), 3, "out\n", "");
  }
  std::istringstream pids(content_of("pids"));
  for (std::string pid; std::getline(pids, pid);) {
    EXPECT_TRUE(lives(pid)) << pid;
    ::kill(std::stoi(pid), SIGKILL);
  }
}

TEST_P(WrapperTest, the_wrapper_is_gone_when_all_is_over) {
  const std::string tell = "echo $PPID >>\"$FAKE/pids\"";
  EXPECT_EQ(run({tell}).code, 0);
  EXPECT_EQ(run({"--verify", tell}).code, 0);
  EXPECT_EQ(run({"--stdin", tell + "; cat"}, "some").code, 0);
  none_lives("pids");
}

TEST_P(WrapperTest, each_command_of_a_pipe_counts_where_that_is_wanted_and_the_shell_can) {
  const std::string line = "false | true";
  EXPECT_EQ(run({line}).code, 0);
  const int failed = GetParam().program == std::string_view("dash") ? 0 : 1;
  for (const char* yes : {"true", "YES", " 1\n"}) {
    environment["SIDEFRIDGE_PIPEFAIL"] = yes;
    expect(run({line}), failed, "", "");
    expect(run({"--verify", line}), failed, "", "");
    expect(run({"sh", "-c", line}), 0, "", "");
  }
  environment["SIDEFRIDGE_PIPEFAIL"] = "no";
  EXPECT_EQ(run({line}).code, 0);
}

TEST_P(WrapperTest, verify_finds_a_changed_byte_and_a_missing_one) {
  for (const char* damage : {"sed -u s/^7000$/7001/", "sed -u /^7000$/d"}) {
    environment["FAKE_PIPE"] = damage;
    const Outcome outcome = run({"--verify", "seq 10000"});
    EXPECT_EQ(outcome.code, 74) << damage;
    EXPECT_NE(outcome.err.find("kubectlexec: the command wrote "), std::string::npos) << outcome.err;
  }
}

TEST_P(WrapperTest, output_that_is_cut_is_74_without_verify_too) {
  // What head leaves may be in the pipe for good, with the wrapper's last word among it.
  for (const char* option : {"--shell", "--verify"}) {
    environment["FAKE_PIPE"] = "head -c 100";
    const Outcome outcome = run({option, "seq 10000"});
    EXPECT_EQ(outcome.code, 74);
    EXPECT_EQ(outcome.out.size(), 100U);
  }
}

TEST_P(WrapperTest, verify_compares_the_number_of_bytes_where_the_target_has_no_cksum) {
  std::filesystem::create_directory(file("few"));
  for (const char* program : {"tee", "wc", "tr", "seq", "sleep", "head"}) {
    std::filesystem::create_symlink(in_path(program), file("few") + "/" + program);
  }
  environment["FAKE_ENV"] = "PATH=" + file("few");
  if (run({"command -v cksum"}).code == 0) GTEST_SKIP() << "this shell has a cksum of its own";
  const std::string warning =
      "kubectlexec: warning: container 'app' of pod 'app-0' has no cksum: --verify compared the number of bytes alone "
      "(wc -c)\n";
  expect(run({"--verify", "seq 3; exit 5"}), 5, "1\n2\n3\n", warning);
  environment["FAKE_PIPE"] = "sed -u /^7000$/d";
  const Outcome outcome = run({"--verify", "seq 10000"});
  EXPECT_EQ(outcome.code, 74);
  EXPECT_EQ(outcome.err, "kubectlexec: the command wrote 48894 bytes, but 48889 bytes arrived; its exit code was 0\n");
}

TEST_P(WrapperTest, verify_says_what_the_target_lacks) {
  std::filesystem::create_directory(file("empty"));
  environment["FAKE_ENV"] = "PATH=" + file("empty");
  const Outcome outcome = run({"--verify", "echo", "x"});
  // A busybox may have them built in.
  const std::string ask = "env -i PATH=" + file("empty") + " " + environment["FAKE_SHELL"] +
                          " -c 'command -v tee && { command -v cksum || command -v wc; }' >/dev/null";
  if (std::system(ask.c_str()) == 0) {
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(outcome.out, "x\n");
    return;
  }
  EXPECT_EQ(outcome.code, 69);
  EXPECT_EQ(outcome.out, "");
  const std::string program = outcome.err.find("'tee'") != std::string::npos ? "'tee'" : "'cksum' (or 'wc')";
  EXPECT_EQ(outcome.err, "kubectlexec: --verify needs the program " + program +
                             " in container 'app' of pod 'app-0', which lacks it\n");
}

TEST_P(WrapperTest, term_int_and_hup_end_the_whole_group_of_the_command) {
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) {
    write("pids", "");
    Command command =
        start({"(echo begun; sh -c 'echo $$ >>\"$FAKE/pids\"; exec sleep 600' & "
               "echo $$ >>\"$FAKE/pids\"; sleep 600; echo after)"});
    command.wait_for("begun");
    command.signal(number);
    expect(command.wait(), 128 + number, "begun\n", "");
    none_lives("pids");
  }
}

TEST_P(WrapperTest, term_ends_a_verified_command) {
  Command command = start({"--verify", "echo $$ >>\"$FAKE/pids\"; echo begun; sleep 600"});
  command.wait_for("begun");
  command.signal(SIGTERM);
  EXPECT_EQ(command.wait().code, 143);
  none_lives("pids");
}

TEST_P(WrapperTest, what_ignores_term_is_killed) {
  Command command = start({"trap '' TERM; echo $$ >>\"$FAKE/pids\"; echo begun; sleep 600; sleep 600"});
  command.wait_for("begun");
  command.signal(SIGTERM);
  EXPECT_EQ(command.wait().code, 143);
  none_lives("pids");
}

TEST_P(WrapperTest, the_timeout_ends_the_command) {
  expect(
      run({"--timeout", "500ms", "echo $$ >>\"$FAKE/pids\"; sleep 600"}), 124, "",
      "kubectlexec: the command in container 'app' of pod 'app-0' took longer than 500 ms; it does not run any more\n");
  none_lives("pids");
}

TEST_P(WrapperTest, a_lost_connection_is_never_a_success_and_ends_the_command) {
  const Outcome outcome =
      run({"echo $$ >>\"$FAKE/pids\"; printf unfinished >&2; kill -KILL $(cat \"$FAKE/kubectls\"); sleep 600"});
  expect(outcome, 74, "",
         "unfinished\nkubectlexec: the connection to container 'app' of pod 'app-0' was lost, and what the command did "
         "is unknown; it does not run any more\n");
  none_lives("pids");
}

INSTANTIATE_TEST_SUITE_P(Shells, WrapperTest,
                         ::testing::Values(Shell{"dash", "dash", ""}, Shell{"busybox", "busybox", "sh"},
                                           Shell{"bash", "bash", "--posix"}),
                         [](const auto& shell) { return std::string(shell.param.name); });

}  // namespace
}  // namespace sidefridge::kubernetes
