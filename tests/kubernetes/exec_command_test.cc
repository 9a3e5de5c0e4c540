#include "sidefridge/kubernetes/exec_command.h"

#include <gtest/gtest.h>

#include <array>

namespace sidefridge::kubernetes {
namespace {

using Words = std::vector<std::string>;

const Target in_default_namespace{"app-0", "app", std::nullopt};
const Target elsewhere{"app-0", "app", "other"};

TEST(ExecCommand, asks_for_no_terminal_and_for_stdin_only_when_wanted) {
  const Words words{"ls", "-l"};
  EXPECT_EQ(exec_arguments(in_default_namespace, KubectlStdin::none, words),
            (Words{"kubectl", "exec", "app-0", "-c", "app", "--", "ls", "-l"}));
  EXPECT_EQ(exec_arguments(elsewhere, KubectlStdin::passed_on, words),
            (Words{"kubectl", "exec", "app-0", "-n", "other", "-c", "app", "-i", "--", "ls", "-l"}));
}

TEST(ExecCommand, asks_when_the_container_started_also_of_a_sidecar) {
  EXPECT_EQ(running_since_arguments(elsewhere),
            (Words{"kubectl", "get", "pod", "app-0", "-n", "other", "-o",
                   "jsonpath={.status.containerStatuses[?(@.name==\"app\")].state.running.startedAt}"
                   "{.status.initContainerStatuses[?(@.name==\"app\")].state.running.startedAt}"}));
}

TEST(ExecCommand, gives_the_words_to_the_wrapper_as_they_are) {
  const Words words{"", "-x", "a b", "'\"$`\\", "line\nline", "\xff\x01"};
  for (const Verify verify : {Verify::none, Verify::checksum}) {
    const Words command = wrapped("mark", words, {Input::none, verify, core::Pipes::last_command_counts});
    ASSERT_EQ(command.size(), 5 + words.size());
    EXPECT_EQ(command[0], "/bin/sh");
    EXPECT_EQ(command[1], "-c");
    EXPECT_EQ(command[3], "kubectlexec");
    EXPECT_EQ(command[4], "mark");
    EXPECT_EQ(Words(command.begin() + 5, command.end()), words);
  }
}

TEST(ExecCommand, makes_a_mark_of_all_the_random_bytes) {
  std::array<std::uint8_t, 16> random{};
  EXPECT_EQ(mark_of(random), "kubectlexec:00000000000000000000000000000000");
  random.front() = 0x1f;
  random.back() = 0xa0;
  EXPECT_EQ(mark_of(random), "kubectlexec:1f0000000000000000000000000000a0");
}

TEST(ExecCommand, signals_a_process_only_by_its_mark) {
  for (const Words& command : {ending("mark", 42), acknowledging("mark", 42)}) {
    EXPECT_EQ(Words(command.begin() + 3, command.end()), (Words{"kubectlexec", "mark", "42"}));
  }
}

TEST(ExecCommand, finds_the_line_that_says_why_kubectl_failed) {
  EXPECT_EQ(reason_of(""), "");
  EXPECT_EQ(reason_of("\n\n"), "");
  EXPECT_EQ(reason_of("Error from server (NotFound): pods \"x\" not found\n"),
            "Error from server (NotFound): pods \"x\" not found");
  EXPECT_EQ(reason_of("E1123 noise\nE1123 noise\nThe connection to the server 127.0.0.1:1 was refused\n"),
            "The connection to the server 127.0.0.1:1 was refused");
  EXPECT_EQ(reason_of("error: it broke\ncommand terminated with exit code 126\n"), "error: it broke");
  EXPECT_EQ(reason_of("a\tb\x1b[0m \r\n"), "a?b?[0m");
}

TEST(ExecCommand, knows_a_target_without_a_shell) {
  EXPECT_TRUE(
      lacks_shell("OCI runtime exec failed: exec failed: unable to start container process: exec: \"/bin/sh\": "
                  "stat /bin/sh: no such file or directory: unknown\n"));
  EXPECT_TRUE(lacks_shell("exec failed: exec: \"/bin/sh\": executable file not found in $PATH"));
  EXPECT_TRUE(lacks_shell("executable file `/bin/sh` not found: No such file or directory"));
  EXPECT_FALSE(lacks_shell("Error from server (NotFound): pods \"x\" not found\n"));
  EXPECT_FALSE(lacks_shell("exec: \"/bin/sh\": permission denied"));
  EXPECT_FALSE(lacks_shell(""));
}

}  // namespace
}  // namespace sidefridge::kubernetes
