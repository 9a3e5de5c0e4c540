// kubernetes_exec_test.cc - kubectlexec against a real cluster, reached by KUBECONFIG. It makes and removes one pod in
// the current namespace, of SIDEFRIDGE_TEST_IMAGE (default: busybox:1), an image with a shell, tee and cksum.
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <string>

#include "tests/e2e/stage.h"

namespace sidefridge::e2e {
namespace {

/// Cases may run at the same time.
const std::string pod = "sidefridge-kubectlexec-test-" + std::to_string(::getpid());

std::string variable(const char* name, const char* fallback) {
  const char* const value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : fallback;
}

class KubernetesExec : public ::testing::Test {
protected:
  void SetUp() override {
    const std::string config = variable("KUBECONFIG", "");
    if (config.empty()) GTEST_SKIP() << "KUBECONFIG is not set";
    stage.environment = {{"KUBECONFIG", config}, {"POD_NAME", pod}, {"TARGET_CONTAINER", "app"}};
    if (const char* path = std::getenv("PATH"); path != nullptr) {
      stage.environment["PATH"] = std::string(SIDEFRIDGE_TOOLS_DIR) + ":" + path;
    }
    std::ofstream(stage.file("pod.yaml")) << R"(
apiVersion: v1
kind: Pod
metadata:
  name: )" << pod << R"(
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - name: app
      image: )" << variable("SIDEFRIDGE_TEST_IMAGE", "busybox:1")
                                          << R"(
      command: [sleep, "1000000"]
      env:
        - name: MYSQL_PWD
          value: secret
    - name: strict
      image: )" << variable("SIDEFRIDGE_TEST_IMAGE", "busybox:1")
                                          << R"(
      command: [sleep, "1000000"]
      securityContext:
        runAsUser: 1234
        runAsGroup: 1234
        readOnlyRootFilesystem: true
        allowPrivilegeEscalation: false
        capabilities:
          drop: [ALL]
)";
    ASSERT_EQ(stage.shell("kubectl apply -f '" + stage.file("pod.yaml").string() + "'").wait_exit(), 0);
    Program ready =
        stage.shell("kubectlexec --wait-ready 2m --container strict true && kubectlexec --wait-ready 2m true");
    ASSERT_EQ(ready.wait_exit(), 0) << ready.errors();
  }
  static void TearDownTestSuite() {
    const Stage last;
    if (variable("KUBECONFIG", "").empty()) return;
    last.shell("KUBECONFIG='" + variable("KUBECONFIG", "") + "' kubectl delete --grace-period=0 --force pod " + pod)
        .wait_exit();
  }

  void expect(const std::string& command, int code, const std::string& out, const std::string& err) const {
    Program program = stage.shell(command);
    EXPECT_EQ(program.wait_exit(), code) << command;
    EXPECT_EQ(program.output(), out) << command;
    EXPECT_EQ(program.errors(), err) << command;
  }

  /// Whether a process of the target is there, and no zombie.
  bool lives(const std::string& target_pid) const {
    return stage.shell("kubectlexec 'read -r l </proc/" + target_pid + "/stat && case ${l##*) } in Z*) false; esac'")
               .wait_exit() == 0;
  }
  static std::string first_line(const Program& program) {
    return program.output().substr(0, program.output().find('\n'));
  }

  Stage stage;
};

TEST_F(KubernetesExec, passes_statuses_output_and_arguments_through) {
  for (const int status : {0, 1, 126, 137, 255}) {
    expect("kubectlexec 'printf out; printf err >&2; exit " + std::to_string(status) + "'", status, "out", "err");
  }
  expect("kubectlexec sh -c 'kill -KILL $$'", 137, "", "");
  expect("kubectlexec printf '%s|' '' -n -- 'a b' \"'\" '\"' '$HOME' '*' '\\' 'ü' '\n'", 0,
         "|-n|--|a b|'|\"|$HOME|*|\\|ü|\n|", "");
}

TEST_F(KubernetesExec, carries_bytes_both_ways_as_any_user_with_a_read_only_root) {
  const std::string bytes = stage.file("bytes").string();
  ASSERT_EQ(stage.shell("head -c 3000000 /dev/urandom >" + bytes).wait_exit(), 0);
  // The busybox of some distributions lacks cksum; the sentence is wrapper_test's.
  Program has_cksum = stage.shell("kubectlexec 'command -v cksum >/dev/null'");
  const bool counts_alone = has_cksum.wait_exit() != 0;
  for (const std::string container : {"app", "strict"}) {
    const std::string warning = "kubectlexec: warning: container '" + container + "' of pod '" + pod +
                                "' has no cksum: --verify compared the number of bytes alone (wc -c)\n";
    expect("kubectlexec --container " + container + " --stdin --verify cat - <" + bytes + " | cmp - " + bytes, 0, "",
           counts_alone ? warning : "");
  }
}

TEST_F(KubernetesExec, shows_the_command_what_it_would_see_anyway) {
  const std::string look = "sh -c 'tr \"\\0\" \"\\n\" </proc/self/environ | sort; cd /proc/self/fd; echo *'";
  Program bare = stage.shell("kubectl exec " + pod + " -c app -- " + look);
  ASSERT_EQ(bare.wait_exit(), 0);
  expect("kubectlexec " + look, 0, bare.output(), "");
}

TEST_F(KubernetesExec, term_ends_the_command_in_the_target) {
  Program program = stage.shell("exec kubectlexec 'echo $$; trap \"\" TERM; sleep 600; sleep 600'");
  ASSERT_TRUE(program.wait_for("\n"));
  EXPECT_TRUE(lives(first_line(program)));
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait_exit(), 143);
  EXPECT_FALSE(lives(first_line(program)));
}

TEST_F(KubernetesExec, a_timeout_ends_the_command_in_the_target) {
  Program program = stage.shell("exec kubectlexec --timeout 2s 'echo $$; exec sleep 600'");
  EXPECT_EQ(program.wait_exit(), 124);
  EXPECT_FALSE(lives(first_line(program)));
}

TEST_F(KubernetesExec, a_lost_connection_is_no_success_and_ends_the_command) {
  Program program = stage.shell("exec kubectlexec 'echo $$; exec sleep 600'");
  ASSERT_TRUE(program.wait_for("\n"));
  const std::string ours = std::to_string(program.pid());
  const std::string kubectl = read_file("/proc/" + ours + "/task/" + ours + "/children");
  ASSERT_EQ(::kill(std::stoi(kubectl), SIGKILL), 0);
  EXPECT_EQ(program.wait_exit(), 74);
  EXPECT_EQ(program.errors(), "kubectlexec: the connection to container 'app' of pod '" + pod +
                                  "' was lost, and what the command did is unknown; it does not run any more\n");
  EXPECT_FALSE(lives(first_line(program)));
}

TEST_F(KubernetesExec, says_why_nothing_was_started) {
  for (const std::string wrong : {"--container nope", "--pod nope", "--namespace nope"}) {
    Program program = stage.shell("kubectlexec " + wrong + " true");
    EXPECT_EQ(program.wait_exit(), 69);
    EXPECT_EQ(program.errors().find("kubectlexec: the command was not started in container '"), 0U) << program.errors();
    EXPECT_NE(program.errors().find("nope"), std::string::npos);
    EXPECT_EQ(program.errors().find('\n'), program.errors().size() - 1) << "one line";
  }
}

}  // namespace
}  // namespace sidefridge::e2e
