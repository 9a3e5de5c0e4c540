// kubectlexec_test.cc - command lines, and what becomes of all that kubectl may do.
#include <sstream>

#include "command_fixture.h"

namespace sidefridge::kubernetes {
namespace {

/// A kubectl that plays the target: MARK is the mark of the wrapper, `$*` its arguments.
std::string with_mark(std::string_view script) {
  return R"sh(for word; do
  case $word in kubectlexec:*) MARK=$word; esac
done
)sh" + std::string(script);
}

class KubectlexecTest : public CommandTest {
protected:
  /// The arguments of kubectl, a line each, up to the wrapper.
  Words arguments_of_call(const Words& arguments) const {
    kubectl(with_mark(R"sh(: >"$FAKE/arguments"
for word; do
  [ "$word" != /bin/sh ] || break
  printf '%s\n' "$word" >>"$FAKE/arguments"
done
echo "$MARK:start:1" >&2
echo "$MARK:end:0" >&2
)sh"));
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
  EXPECT_EQ(arguments_of_call({"true"}), (Words{"exec", "app-0", "-c", "app", "--"}));
  EXPECT_EQ(arguments_of_call({"--stdin", "true"}), (Words{"exec", "app-0", "-c", "app", "-i", "--"}));
}

TEST_F(KubectlexecTest, options_win_over_variables) {
  environment["POD_NAMESPACE"] = "ns";
  EXPECT_EQ(arguments_of_call({"true"}), (Words{"exec", "app-0", "-n", "ns", "-c", "app", "--"}));
  EXPECT_EQ(arguments_of_call({"--pod=p", "--namespace", "n", "--container", "c", "true"}),
            (Words{"exec", "p", "-n", "n", "-c", "c", "--"}));
}

TEST_F(KubectlexecTest, the_first_word_that_is_no_option_begins_the_command) {
  for (const Words& words : {Words{"true", "--stdin"}, Words{"--", "true", "--stdin"}}) {
    EXPECT_EQ(arguments_of_call(words), (Words{"exec", "app-0", "-c", "app", "--"}));
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
  kubectl("exit 0\n");
  expect(
      run({"true"}), 69, "",
      "kubectlexec: the command was not started in container 'app' of pod 'app-0': kubectl ended with exit code '0'\n");
  kubectl("kill -KILL $$\n");
  expect(run({"true"}), 69, "",
         "kubectlexec: the command was not started in container 'app' of pod 'app-0': kubectl ended with signal "
         "'SIGKILL'\n");
}

/// What a kubectl does first, of which the command's own call is the first.
const std::string later_calls_succeed = R"sh(echo x >>"$FAKE/calls"
[ "$(wc -l <"$FAKE/calls")" -eq 1 ] || exit 0
echo "$MARK:start:1" >&2
)sh";

TEST_F(KubectlexecTest, takes_a_stream_that_is_cut_in_the_trailer_for_a_lost_connection) {
  const std::string trailer = ":end:0\n";
  for (std::size_t length = 0; length < trailer.size(); ++length) {
    kubectl(with_mark(later_calls_succeed + "printf '%s' \"$MARK" + trailer.substr(0, length) + "\" >&2\nexit 0\n"));
    std::filesystem::remove(file("calls"));
    const Outcome outcome = run({"true"});
    EXPECT_EQ(outcome.code, 74) << length;
    EXPECT_TRUE(
        outcome.err.ends_with("\nkubectlexec: the connection to container 'app' of pod 'app-0' was lost, and "
                              "what the command did is unknown; it does not run any more\n"))
        << outcome.err;
  }
}

TEST_F(KubectlexecTest, does_not_trust_a_trailer_when_kubectl_failed) {
  for (const char* end : {"exit 1\n", "echo 'error: connection reset' >&2\nexit 0\n", "kill -KILL $$\n"}) {
    kubectl(with_mark(later_calls_succeed + "echo \"$MARK:end:0\" >&2\n" + end));
    std::filesystem::remove(file("calls"));
    EXPECT_EQ(run({"true"}).code, 74) << end;
  }
}

TEST_F(KubectlexecTest, ends_the_command_once_the_connection_is_back) {
  kubectl(with_mark(R"sh(echo x >>"$FAKE/calls"
case $(wc -l <"$FAKE/calls") in
  1) echo "$MARK:start:1" >&2 ;;
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
                "echo \"$MARK:start:1\" >&2\n"));
  expect(
      run({"true"}), 74, "",
      "kubectlexec: the connection to container 'app' of pod 'app-0' was lost, and what the command did is unknown; it "
      "may still run, since it could not be ended: refused\n");
}

TEST_F(KubectlexecTest, finds_marks_that_come_byte_by_byte_among_other_bytes) {
  kubectl(with_mark(R"sh(slowly() {
  rest=$1
  while [ "$rest" ]; do
    printf %c "$rest" >&2
    rest=${rest#?}
  done
  echo >&2
}
echo 'Warning: slow' >&2
slowly "$MARK:start:1"
printf 'text without an end' >&2
slowly "$MARK:end:42"
)sh"));
  expect(run({"true"}), 42, "", "Warning: slow\ntext without an end");
}

TEST_F(KubectlexecTest, wants_the_checksum_that_it_asked_for) {
  kubectl(with_mark("echo \"$MARK:start:1\" >&2\necho \"$MARK:end:0\" >&2\n"));
  expect(run({"--verify", "true"}), 74, "",
         "kubectlexec: the target did not tell the checksum of what the command wrote\n");
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
echo "$MARK:start:1" >&2
echo "$MARK:end:5" >&2
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

TEST_F(KubectlexecTest, a_reader_that_is_gone_is_no_success_with_verify) {
  kubectl(with_mark("echo \"$MARK:start:1\" >&2\necho output\necho \"$MARK:end:0:1:7\" >&2\n"));
  environment["PROGRAM"] = SIDEFRIDGE_COMMANDS "/kubectlexec";
  const Outcome outcome =
      Command({"/bin/sh", "-c", "{ \"$PROGRAM\" --verify true; echo $? >&2; } | :"}, environment_words(), {}).wait();
  EXPECT_TRUE(outcome.err.ends_with("74\n")) << outcome.err;
}

}  // namespace
}  // namespace sidefridge::kubernetes
