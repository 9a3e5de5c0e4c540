// kubernetes_manifests_test.cc - what make-k8s-cfg-files writes, taken and given back by a real API server.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <map>
#include <random>
#include <string>
#include <string_view>

#include "tests/e2e/stage.h"

namespace sidefridge::e2e {
namespace {

using Files = std::map<std::string, std::string>;

std::string hex_of(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += digits[byte >> 4];
    text += digits[byte & 0xf];
  }
  return text;
}

/// Every byte, and texts of what gives readers of YAML trouble.
Files nasty_files() {
  Files files;
  for (int byte = 0; byte < 256; ++byte) files["b" + std::to_string(byte)] = {static_cast<char>(byte), '\n'};
  const std::string pieces[] = {" ",
                                "\n",
                                "\n\n",
                                "\t",
                                "\r",
                                "a",
                                "#",
                                ":",
                                "-",
                                "|",
                                "---\n",
                                "...\n",
                                "'",
                                "\"",
                                "\\",
                                "<&>",
                                "\x1b",
                                "\x7f",
                                "%Y",
                                "\xc2\x85",
                                "\xe2\x80\xa8",
                                "\xef\xbb\xbf",
                                "\xc3\xbc",
                                "? a",
                                "\xff",
                                "\xef\xbf\xbf"};
  std::mt19937 random(20261123);
  for (int number = 0; number < 500; ++number) {
    std::string& text = files["t" + std::to_string(number)];
    for (auto left = random() % 14; left > 0; --left) text += pieces[random() % std::size(pieces)];
  }
  return files;
}

/// A namespace of its own in the cluster that KUBECONFIG names.
class KubernetesManifests : public ::testing::Test {
protected:
  void SetUp() override {
    const char* const configuration = std::getenv("KUBECONFIG");
    if (configuration == nullptr || *configuration == '\0') GTEST_SKIP() << "no cluster: KUBECONFIG is not set";
    stage.environment["KUBECONFIG"] = configuration;
    if (run("kubectl version").code != 0) GTEST_SKIP() << "no cluster: kubectl is missing or reaches none";
    made_ = run("kubectl create namespace " + name).code == 0;
    ASSERT_TRUE(made_);
  }
  void TearDown() override {
    if (made_) run("kubectl delete namespace --wait=false " + name);
  }

  struct Answer {
    int code;
    std::string out;
    std::string all;  // stdout and stderr
  };
  Answer run(const std::string& command) const {
    Program program = stage.shell("cd '" + stage.root().string() + "' && " + command);
    const int code = program.wait_exit();
    return {code, program.output(), program.output() + program.errors()};
  }
  void expect(const std::string& command) const {
    const Answer answer = run(command);
    EXPECT_EQ(answer.code, 0) << command << "\n" << answer.all;
  }

  /// A ConfigMap's keys and values as the server has them, one a line, values in hexadecimal.
  std::string config_map(const std::string& map) const {
    return run("kubectl -n " + name + " get configmap " + map +
               R"( -o go-template='{{range $k, $v := .data}}{{printf "%s %x\n" $k $v}}{{end}})"
               R"({{range $k, $v := .binaryData}}{{printf "%s %x\n" $k (base64decode $v)}}{{end}}' | LC_ALL=C sort)")
        .out;
  }

  // A test may share its process with others.
  const std::string name = "sidefridge-manifests-" + std::to_string(::getpid()) + "-" + std::to_string(++count_);
  Stage stage;

private:
  static inline int count_ = 0;
  bool made_ = false;
};

TEST_F(KubernetesManifests, bring_every_file_back_byte_for_byte) {
  const Files files = nasty_files();
  std::string wanted;
  for (const auto& [file, bytes] : files) {
    stage.script("after_backups/" + file, bytes);
    wanted += file + " " + hex_of(bytes) + "\n";
  }
  stage.script("backups/on", "echo\n");
  stage.script("backups/1e3", std::string(300000, 'x'));
  expect("make-k8s-cfg-files " + name + " demo app scripts out");
  for (const char* const way : {"--server-side", "--server-side=false"}) {
    if (way == std::string_view("--server-side=false")) {
      // What the client keeps of it is limited to 256 KiB.
      stage.script("backups/1e3", "x");
      expect("make-k8s-cfg-files " + name + " demo app scripts out");
      expect("kubectl -n " + name + " delete configmap demo-backups demo-after-backups");
    }
    expect(std::string("kubectl apply ") + way + " -f out/demo-config-maps.yaml");
    EXPECT_EQ(config_map("demo-after-backups"), wanted) << way;
    EXPECT_NE(config_map("demo-backups").find("on " + hex_of("echo\n") + "\n"), std::string::npos) << way;
  }
}

TEST_F(KubernetesManifests, let_the_account_run_commands_and_nothing_else) {
  stage.script("backups/10-dump", "echo\n");
  expect("make-k8s-cfg-files " + name + " demo app scripts out");
  expect("kubectl apply -f out/demo-accounts.yaml");
  const std::string may = "kubectl auth can-i -n " + name + " --as system:serviceaccount:" + name + ":demo-sidefridge ";
  for (const char* const right : {"get pods", "get pods --subresource exec", "create pods --subresource exec"}) {
    EXPECT_EQ(run(may + right).out, "yes\n") << right;
  }
  for (const char* const right : {"list pods", "delete pods --subresource exec", "get pods --subresource log",
                                  "delete pods", "create pods", "get secrets", "get configmaps"}) {
    EXPECT_EQ(run(may + right).out, "no\n") << right;
  }
  EXPECT_EQ(run(may + "get pods --namespace default").out, "no\n");
}

TEST_F(KubernetesManifests, make_a_deployment_that_the_server_takes) {
  stage.script("backups/10-dump", "echo\n");
  expect("make-k8s-cfg-files --full --plain " + name + " demo app scripts out");
  expect("kubectl apply --dry-run=server -f out/demo-deployment-example.yaml");
}

TEST_F(KubernetesManifests, make_a_component_that_kustomize_takes) {
  stage.script("backups/10-dump", "echo 'x'\n");
  expect("make-k8s-cfg-files --kustomize --plain " + name + " demo app scripts out");
  expect("printf '%s\\n' 'namespace: " + name +
         "' 'resources: [deployment.yaml]' 'components: [demo-kustomize]' >out/kustomization.yaml");
  expect("kubectl create deployment demo --image=app:1 --dry-run=client -o yaml >out/deployment.yaml");
  if (run("kubectl kustomize out").all.find("unknown field") != std::string::npos) {
    GTEST_SKIP() << "this kubectl's kustomize knows no components";
  }
  const std::string whole = run("kubectl kustomize out").out;
  EXPECT_NE(whole.find("name: sidefridge-state"), std::string::npos) << whole;
  expect("kubectl apply --dry-run=server -k out");
}

}  // namespace
}  // namespace sidefridge::e2e
