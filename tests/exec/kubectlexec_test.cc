// kubectlexec_test.cc - command lines, and what becomes of all that kubectl may do.
#include <sstream>

#include "command_fixture.h"

namespace sidefridge::kubernetes {
namespace {

/// A kubectl that plays the target: MARK is the mark of the wrapper, `$*` its arguments. `begin` has the command begin,
/// `end STATUS` end, and END is the mark of that.
std::string with_mark(std::string_view script) {
  return R"sh(for word; do
  case $word in kubectlexec:*) MARK=$word; esac
done
begin() {
  echo "$MARK:start:1" >&2
  IFS= read -r END
}
end() {
  echo "$END:end:$1" >&2
  echo "$END"
  read -r acknowledgement || :
}
)sh" + std::string(script);
}

class KubectlexecTest : public CommandTest {
protected:
  /// The arguments of kubectl, a line each, up to the wrapper; of its first call, because the last words of a command
  /// that reads our stdin are acknowledged by a second one.
  Words arguments_of_call(const Words& arguments) const {
    std::filesystem::remove_all(file("arguments"));
    kubectl(with_mark(R"sh(if mkdir "$FAKE/first" 2>/dev/null; then
  for word; do
    [ "$word" != /bin/sh ] || break
    printf '%s\n' "$word" >>"$FAKE/arguments"
  done
fi
begin
end 0
)sh"));
    std::filesystem::remove_all(file("first"));
    expect(run(arguments), 0, "", "");
    Words words;
    std::istringstream text(content_of("arguments"));
    for (std::string word; std::getline(text, word);) words.push_back(word);
    return words;
  }

  void refuses(const Words& arguments, std::string_view text) const {
    kubectl("touch \"$FAKE/called\"\n");
    expect(run(arguments), 2, "", "kubectlexec: " + std::string(text) + "; see kubectlexec --help\n");
    EXPECT_FALSE(std::filesystem::exists(file("called")));
  }
};

TEST_F(KubectlexecTest, names_pod_and_container_and_asks_for_no_terminal) {
  EXPECT_EQ(arguments_of_call({"true"}), (Words{"exec", "app-0", "-c", "app", "-i", "--"}));
  EXPECT_EQ(arguments_of_call({"--stdin", "true"}), (Words{"exec", "app-0", "-c", "app", "-i", "--"}));
}

TEST_F(KubectlexecTest, options_win_over_variables) {
  environment["POD_NAMESPACE"] = "ns";
  EXPECT_EQ(arguments_of_call({"true"}), (Words{"exec", "app-0", "-n", "ns", "-c", "app", "-i", "--"}));
  EXPECT_EQ(arguments_of_call({"--pod=p", "--namespace", "n", "--container", "c", "true"}),
            (Words{"exec", "p", "-n", "n", "-c", "c", "-i", "--"}));
}

TEST_F(KubectlexecTest, white_space_at_the_ends_of_a_variable_is_not_meant) {
  environment["POD_NAME"] = "app-0\n";
  environment["TARGET_CONTAINER"] = " app\r\n";
  environment["POD_NAMESPACE"] = "\n";
  EXPECT_EQ(arguments_of_call({"true"}), (Words{"exec", "app-0", "-c", "app", "-i", "--"}));
}

TEST_F(KubectlexecTest, the_first_word_that_is_no_option_begins_the_command) {
  for (const Words& words : {Words{"true", "--stdin"}, Words{"--", "true", "--stdin"}}) {
    EXPECT_EQ(arguments_of_call(words), (Words{"exec", "app-0", "-c", "app", "-i", "--"}));
  }
}

TEST_F(KubectlexecTest, refuses_wrong_usage) {
  refuses({}, "there is no command");
  refuses({"--"}, "there is no command");
  refuses({"--stdin"}, "there is no command");
  refuses({"--shell", "--no-shell", "x"}, "--shell and --no-shell exclude each other");
  refuses({"--shell", "x", "y"}, "--shell takes one argument: put the whole command line in quotes");
  refuses({"--no-shell", "--", "-x"}, "a program's name cannot begin with '-'; give its path");
  refuses({"--pod", "-x", "true"}, "--pod: found '-x', allowed: a name in Kubernetes");
  environment["POD_NAME"] = "a b";
  refuses({"true"}, "POD_NAME: found 'a b', allowed: a name in Kubernetes");
}

TEST_F(KubectlexecTest, refuses_unknown_options_and_durations) {
  kubectl("touch \"$FAKE/called\"\n");
  for (const Words& arguments : {Words{"--no-such", "x"}, Words{"-t", "x"}, Words{"--timeout", "soon", "x"},
                                 Words{"--wait-ready=1x", "x"}, Words{"--timeout"}}) {
    const Outcome outcome = run(arguments);
    EXPECT_EQ(outcome.code, 2);
    EXPECT_TRUE(outcome.err.starts_with("kubectlexec: ") && outcome.err.ends_with("see kubectlexec --help\n"));
  }
  EXPECT_FALSE(std::filesystem::exists(file("called")));
}

TEST_F(KubectlexecTest, prints_help_and_version) {
  EXPECT_TRUE(run({"--help"}).out.starts_with("Usage: kubectlexec"));
  EXPECT_EQ(run({"-h"}).code, 0);
  EXPECT_TRUE(run({"--version"}).out.starts_with("kubectlexec (sidefridge) "));
}

TEST_F(KubectlexecTest, names_the_missing_variable_and_the_fix) {
  kubectl("touch \"$FAKE/called\"\n");
  for (const auto& [name, option] : {std::pair("POD_NAME", "pod"), std::pair("TARGET_CONTAINER", "container")}) {
    auto whole = environment;
    const std::string line = std::string("kubectlexec: ") + name +
                             " is not set: set it in the sidecar's environment, or say --" + option + " NAME\n";
    environment[name] = "";
    expect(run({"true"}), 69, "", line);
    environment.erase(name);
    expect(run({"true"}), 69, "", line);
    environment = whole;
  }
  EXPECT_FALSE(std::filesystem::exists(file("called")));
}

TEST_F(KubectlexecTest, says_that_kubectl_is_missing) {
  environment["PATH"] = file("bin");
  expect(run({"true"}), 69, "",
         "kubectlexec: kubectl is not in PATH; install it in this container (the image of sidefridge has it)\n");
}

TEST_F(KubectlexecTest, says_why_the_command_was_not_started) {
  for (const char* reason :
       {"Error from server (NotFound): pods \"app-0\" not found", "error: unable to upgrade connection: Forbidden",
        "The connection to the server localhost:8080 was refused - did you specify the right host or port?"}) {
    kubectl("echo some noise >&2\necho '" + std::string(reason) + "' >&2\nexit 1\n");
    expect(run({"true"}), 69, "",
           "kubectlexec: the command was not started in container 'app' of pod 'app-0': " + std::string(reason) + "\n");
  }
  kubectl("kill -KILL $$\n");
  expect(run({"true"}), 69, "",
         "kubectlexec: the command was not started in container 'app' of pod 'app-0': kubectl ended with signal "
         "'SIGKILL'\n");
}

TEST_F(KubectlexecTest, does_not_say_that_nothing_was_started_where_that_is_not_certain) {
  const std::string unknown =
      " and the wrapper in container 'app' of pod 'app-0' was not heard of; whether anything "
      "was started is unknown\n";
  kubectl("exit 0\n");
  expect(run({"true"}), 74, "", "kubectlexec: kubectl ended with exit code '0'" + unknown);
  kubectl("printf half\nexit 0\n");
  expect(run({"true"}), 74, "half", "kubectlexec: kubectl ended with exit code '0'" + unknown);
  kubectl("printf half\necho refused >&2\nexit 1\n");
  expect(run({"true"}), 74, "half", "kubectlexec: kubectl ended with exit code '1'" + unknown);
  kubectl("printf half\nkill -KILL $$\n");
  expect(run({"true"}), 74, "half", "kubectlexec: kubectl ended with signal 'SIGKILL'" + unknown);
}

TEST_F(KubectlexecTest, what_is_no_kubectl_is_69) {
  environment["PATH"] = file("bin");
  std::filesystem::create_directory(file("bin/kubectl"));
  expect(run({"true"}), 69, "",
         "kubectlexec: kubectl is not in PATH; install it in this container (the image of sidefridge has it)\n");
  std::filesystem::remove(file("bin/kubectl"));
  write("bin/kubectl", "");
  ::chmod(file("bin/kubectl").c_str(), 0755);
  expect(run({"true"}), 69, "",
         "kubectlexec: cannot start '" + file("bin/kubectl") + "': it is not a program for this machine\n");
}

TEST_F(KubectlexecTest, what_it_never_let_start_is_not_started) {
  kubectl(with_mark("echo \"$MARK:start:1\" >&2\nexit 1\n"));
  EXPECT_EQ(run({"true"}).code, 74);
  // It would wait for the word to start, but that does not come any more.
  kubectl("exec sleep 600\n");
  Command command = start({"true"});
  command.signal(SIGTERM);
  expect(command.wait(), 143, "", "");
}

/// What a kubectl does first, of which the command's own call is the first.
const std::string later_calls_succeed = R"sh(echo x >>"$FAKE/calls"
[ "$(wc -l <"$FAKE/calls")" -eq 1 ] || exit 0
begin
)sh";

TEST_F(KubectlexecTest, takes_a_stream_that_is_cut_in_the_trailer_for_a_lost_connection) {
  const std::string trailer = ":end:0\n";
  for (std::size_t length = 0; length < trailer.size(); ++length) {
    kubectl(with_mark(later_calls_succeed + "printf '%s' \"$END" + trailer.substr(0, length) +
                      "\" >&2\necho \"$END\"\nexit 0\n"));
    std::filesystem::remove(file("calls"));
    const Outcome outcome = run({"true"});
    EXPECT_EQ(outcome.code, 74) << length;
    EXPECT_TRUE(
        outcome.err.ends_with("\nkubectlexec: the connection to container 'app' of pod 'app-0' was lost, and "
                              "what the command did is unknown; it does not run any more\n"))
        << outcome.err;
  }
}

TEST_F(KubectlexecTest, a_stdout_that_is_cut_is_no_success_whatever_kubectl_says) {
  for (const char* cut : {"", "printf half", "printf 'half%.20s' \"$END\"", "printf 'half%s' \"$END\""}) {
    for (const char* end : {"exit 0\n", "exit 1\n", "kill -KILL $$\n"}) {
      kubectl(with_mark("begin\necho \"$END:end:0\" >&2\n" + std::string(cut) + "\n" + end));
      const Outcome outcome = run({"true"});
      EXPECT_EQ(outcome.code, 74) << cut << end;
      EXPECT_EQ(
          outcome.err,
          "kubectlexec: the command ended with exit code 0, but the end of what it wrote to stdout did not arrive\n");
      EXPECT_TRUE(outcome.out.starts_with(*cut == '\0' ? "" : "half"));
    }
  }
}

TEST_F(KubectlexecTest, nothing_that_comes_behind_the_end_changes_it) {
  for (const char* late : {"exit 1", "kill -KILL $$", "echo 'error: the connection was reset' >&2", "echo late",
                           "echo \"$END:end:5\" >&2"}) {
    kubectl(with_mark("begin\necho out\necho err >&2\nend 3\n" + std::string(late) + "\n"));
    expect(run({"true"}), 3, "out\n", "err\n");
  }
}

TEST_F(KubectlexecTest, does_not_wait_for_a_kubectl_that_goes_on_when_all_has_arrived) {
  kubectl(with_mark("begin\nend 3\necho $$ >\"$FAKE/pid\"\nexec sleep 600\n"));
  expect(run({"true"}), 3, "", "");
  std::string pid = content_of("pid");
  pid.pop_back();
  EXPECT_FALSE(std::filesystem::exists("/proc/" + pid));
}

TEST_F(KubectlexecTest, lets_the_wrapper_exit_only_when_both_its_words_have_come) {
  kubectl(with_mark(R"sh(begin
echo "$END:end:0" >&2
echo output
echo "last word" >>"$FAKE/said"
echo "$END"
IFS= read -r acknowledgement && echo acknowledged >>"$FAKE/said"
)sh"));
  expect(run({"true"}), 0, "output\n", "");
  EXPECT_EQ(content_of("said"), "last word\nacknowledged\n");
}

TEST_F(KubectlexecTest, ends_the_command_once_the_connection_is_back) {
  kubectl(with_mark(R"sh(echo x >>"$FAKE/calls"
case $(wc -l <"$FAKE/calls") in
  1) begin ;;
  2) echo refused >&2; exit 1 ;;
esac
)sh"));
  const Outcome outcome = run({"true"});
  EXPECT_EQ(outcome.code, 74);
  EXPECT_TRUE(outcome.err.ends_with("; it does not run any more\n")) << outcome.err;
  EXPECT_EQ(content_of("calls"), "x\nx\nx\n");
}

TEST_F(KubectlexecTest, says_when_the_command_could_not_be_ended) {
  kubectl(
      with_mark("[ ! -e \"$FAKE/called\" ] || { echo refused >&2; exit 1; }\n: >\"$FAKE/called\"\n"
                "begin\n"));
  expect(
      run({"true"}), 74, "",
      "kubectlexec: the connection to container 'app' of pod 'app-0' was lost, and what the command did is unknown; it "
      "may still run, since it could not be ended: refused\n");
}

TEST_F(KubectlexecTest, finds_marks_that_come_byte_by_byte_among_other_bytes) {
  kubectl(with_mark(R"sh(slowly() {
  rest=$1
  while [ "$rest" ]; do
    printf %c "$rest"
    rest=${rest#?}
  done
  echo
}
echo 'Warning: slow' >&2
slowly "$MARK:start:1" >&2
IFS= read -r END
printf 'text without an end' >&2
slowly "$END:end:42" >&2
printf 'output without an end'
slowly "$END"
)sh"));
  expect(run({"true"}), 42, "output without an end", "Warning: slow\ntext without an end");
}

TEST_F(KubectlexecTest, wants_the_count_that_it_asked_for) {
  kubectl(with_mark("begin\nend 0\n"));
  expect(run({"--verify", "true"}), 74, "", "kubectlexec: the target did not count what the command wrote\n");
}

const std::string without_shell = R"sh(while [ "$1" != -- ]; do shift; done
shift
if [ "$1" = /bin/sh ]; then
  echo 'OCI runtime exec failed: exec failed: exec: "/bin/sh": stat /bin/sh: no such file or directory: unknown' >&2
  exit 126
fi
"$@"
)sh";

TEST_F(KubectlexecTest, runs_bare_and_warns_where_the_target_has_no_shell) {
  kubectl(without_shell);
  const std::string warning =
      "kubectlexec: warning: container 'app' of pod 'app-0' has no /bin/sh: the command runs without a wrapper, so "
      "that "
      "a lost connection can look like success\n";
  expect(run({"printf", "a%sb", " c "}), 0, "a c b", warning);
  EXPECT_EQ(run({"--no-shell", "false"}).code, 1);
}

TEST_F(KubectlexecTest, says_what_needs_a_shell_in_the_target) {
  kubectl(without_shell);
  const std::string line = "kubectlexec: container 'app' of pod 'app-0' has no /bin/sh, which ";
  expect(run({"echo x"}), 69, "", line + "a command line needs; give a program and its arguments\n");
  expect(run({"--verify", "echo", "x"}), 69, "", line + "--verify needs\n");
  expect(run({"--stdin", "echo", "x"}), 69, "", line + "--stdin needs\n");
}

TEST_F(KubectlexecTest, waits_until_the_container_runs) {
  kubectl(with_mark(R"sh(if [ "$1" = get ]; then
  echo x >>"$FAKE/asked"
  [ "$(wc -l <"$FAKE/asked")" -lt 2 ] || echo 2026-11-23T00:00:00Z
  exit 0
fi
begin
end 5
)sh"));
  expect(run({"--wait-ready", "20s", "true"}), 5, "", "");
  EXPECT_EQ(content_of("asked"), "x\nx\n");
}

TEST_F(KubectlexecTest, gives_up_waiting_and_says_why) {
  kubectl("[ \"$1\" = get ] || touch \"$FAKE/called\"\necho 'Error from server (Forbidden): pods' >&2\nexit 1\n");
  expect(
      run({"--wait-ready", "500ms", "true"}), 69, "",
      "kubectlexec: container 'app' of pod 'app-0' did not run within 500 ms: Error from server (Forbidden): pods\n");
  EXPECT_FALSE(std::filesystem::exists(file("called")));
}

TEST_F(KubectlexecTest, a_signal_ends_the_wait_for_the_container) {
  ASSERT_EQ(::mkfifo(file("asked").c_str(), 0600), 0);
  kubectl("echo asked >\"$FAKE/asked\"\nexec sleep 600\n");
  Command command = start({"--wait-ready", "10m", "true"});
  EXPECT_EQ(content_of("asked"), "asked\n");
  command.signal(SIGTERM);
  EXPECT_EQ(command.wait().code, 143);
}

TEST_F(KubectlexecTest, a_kubectl_that_never_connects_is_ended_by_the_timeout) {
  kubectl("echo $$ >\"$FAKE/pid\"\nexec sleep 600\n");
  const Outcome outcome = run({"--timeout", "100ms", "true"});
  EXPECT_EQ(outcome.code, 124);
  std::string pid = content_of("pid");
  pid.pop_back();
  EXPECT_FALSE(std::filesystem::exists("/proc/" + pid));
}

/// kubectlexec with its descriptors redirected by a shell.
class RedirectedTest : public KubectlexecTest {
protected:
  Outcome shell(const std::string& line) {
    environment["PROGRAM"] = SIDEFRIDGE_COMMANDS "/kubectlexec";
    return Command({"/bin/sh", "-c", line}, environment_words(), {}).wait();
  }

  static constexpr std::string_view not_passed_on = "kubectlexec: what the command wrote could not be passed on: ";
};

TEST_F(RedirectedTest, output_that_the_disk_refuses_is_74) {
  for (const char* option : {"--shell", "--verify"}) {
    kubectl(with_mark("begin\necho output\nend 0:7:1800729707\n"));
    const Outcome outcome = shell("\"$PROGRAM\" " + std::string(option) + " true >/dev/full");
    EXPECT_EQ(outcome.code, 74);
    EXPECT_TRUE(outcome.err.starts_with(std::string(not_passed_on) + "No space left on device")) << outcome.err;
  }
}

TEST_F(RedirectedTest, output_past_the_limit_of_a_file_is_74_and_no_signal) {
  // 8 blocks of 512 bytes, or in bash of 1024.
  kubectl(with_mark("begin\nhead -c 100000 /dev/zero\nend 0\n"));
  const Outcome outcome = shell("ulimit -f 8; \"$PROGRAM\" true >\"$FAKE/dump\"");
  EXPECT_EQ(outcome.code, 74);
  EXPECT_TRUE(outcome.err.starts_with(std::string(not_passed_on) + "File too large")) << outcome.err;
}

TEST_F(RedirectedTest, output_for_a_full_file_system_is_74) {
  kubectl(with_mark("begin\nhead -c 1000000 /dev/zero\nend 0\n"));
  std::filesystem::create_directory(file("small"));
  const Outcome outcome = shell(
      "exec unshare -rm sh -c 'mount -t tmpfs -o size=65536 none \"$FAKE/small\" || exit 77\n"
      "\"$PROGRAM\" true >\"$FAKE/small/dump\"'");
  if (outcome.code == 77 || outcome.err.find("unshare") != std::string::npos) GTEST_SKIP() << outcome.err;
  EXPECT_EQ(outcome.code, 74);
  EXPECT_TRUE(outcome.err.starts_with(std::string(not_passed_on) + "No space left on device")) << outcome.err;
}

TEST_F(RedirectedTest, output_that_nobody_reads_is_74) {
  for (const char* option : {"--shell", "--verify"}) {
    kubectl(with_mark("begin\necho output\nend 0:7:1800729707\n"));
    const Outcome outcome = shell("{ \"$PROGRAM\" " + std::string(option) + " true; echo $? >&2; } | :");
    EXPECT_TRUE(outcome.err.ends_with("74\n")) << outcome.err;
  }
}

TEST_F(RedirectedTest, output_where_stdout_is_closed_is_74) {
  kubectl(with_mark("begin\necho output\nend 0\n"));
  EXPECT_EQ(shell("\"$PROGRAM\" true >&-").code, 74);
  kubectl(with_mark("begin\nend 0\n"));
  EXPECT_EQ(shell("\"$PROGRAM\" true >&-").code, 0);
}

TEST_F(RedirectedTest, a_refusal_in_the_middle_of_a_line_holds_nobody_up) {
  // What has no room is cut within the first line; and no newline for it can ever be written.
  const std::string line = "head -c 100000 /dev/zero | tr '\\0' x";
  for (const char* option : {"--shell", "--verify"}) {
    kubectl(with_mark("begin\n" + line + "\nend 0\n"));
    EXPECT_EQ(shell("ulimit -f 8; \"$PROGRAM\" " + std::string(option) + " true >\"$FAKE/dump\" 2>\"$FAKE/log\"").code,
              74);
    kubectl(with_mark("begin\n" + line + " >&2\nend 0\n"));
    EXPECT_EQ(shell("ulimit -f 8; \"$PROGRAM\" " + std::string(option) + " true 2>\"$FAKE/log\"").code, 74);
    EXPECT_EQ(shell("\"$PROGRAM\" " + std::string(option) + " true 2>/dev/full").code, 74);
  }
}

TEST_F(RedirectedTest, a_command_whose_output_is_refused_is_ended) {
  kubectl(with_mark(R"sh(case $* in
  *start*) begin; echo output; exec sleep 600 ;;
  *) echo ended >>"$FAKE/ended" ;;
esac
)sh"));
  const Outcome outcome = shell("\"$PROGRAM\" true >/dev/full");
  EXPECT_EQ(outcome.code, 74);
  EXPECT_EQ(content_of("ended").substr(0, 6), "ended\n");
}

TEST_F(RedirectedTest, a_reader_that_is_stuck_does_not_outlast_the_timeout) {
  kubectl(with_mark("begin\nhead -c 200000 /dev/zero\nend 0\n"));
  ASSERT_EQ(::mkfifo(file("stuck").c_str(), 0600), 0);
  EXPECT_EQ(shell("exec 3<>\"$FAKE/stuck\"; \"$PROGRAM\" --timeout 1s true >\"$FAKE/stuck\"").code, 124);
}

TEST_F(RedirectedTest, a_stdin_that_cannot_be_read_is_74) {
  kubectl(with_mark("begin\ncat\nend 0\n"));
  const Outcome outcome = shell("\"$PROGRAM\" --stdin cat <\"$FAKE\"");
  EXPECT_EQ(outcome.code, 74);
  EXPECT_TRUE(outcome.err.starts_with("kubectlexec: standard input could not be read: Is a directory")) << outcome.err;
}

}  // namespace
}  // namespace sidefridge::kubernetes
