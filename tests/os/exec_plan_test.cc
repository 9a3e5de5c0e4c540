#include "sidefridge/os/exec_plan.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>
#include <string_view>
#include <vector>

#include "fixture.h"

namespace sidefridge::os {
namespace {

using std::string_view_literals::operator""sv;

using Words = std::vector<std::string>;

const Words no_arguments;

TEST(ExecPlan, builds_the_argv_the_kernel_would_build) {
  struct Row {
    std::string_view content;
    Words before_script;  // argv in front of the script's path
  };
  const std::vector<Row> rows = {
      {"#!/bin/sh\necho hi\n", {"/bin/sh"}},
      {"#!/bin/sh", {"/bin/sh"}},
      {"#! /bin/sh\n", {"/bin/sh"}},
      {"#!\t /bin/sh \t\n", {"/bin/sh"}},
      {"#!/bin/sh -e\n", {"/bin/sh", "-e"}},
      {"#!/bin/sh  \t-e -u  \n", {"/bin/sh", "-e -u"}},
      {"#!/usr/bin/env sh\n", {"/usr/bin/env", "sh"}},
      {"#!/bin/sh -e\0 -u\n"sv, {"/bin/sh", "-e"}},
      {"#!\necho hi\n", {"/bin/sh"}},
      {"#!  \t\necho hi\n", {"/bin/sh"}},
      {"#!", {"/bin/sh"}},
      {"", {"/bin/sh"}},
      {"\n", {"/bin/sh"}},
      {"echo hi\n", {"/bin/sh"}},
      {" #!/bin/cat\n", {"/bin/sh"}},
      {"# a comment\r\n", {"/bin/sh"}},
      {"\x7f"
       "EL",
       {"/bin/sh"}},
  };
  const TempDir dir;
  for (const Row& row : rows) {
    const std::string script = dir.write("script", row.content);
    const Result<ExecPlan> plan = plan_exec(script, Words{"first", "", "-third"});
    ASSERT_TRUE(plan.ok()) << plan.error().text;
    Words expected = row.before_script;
    expected.insert(expected.end(), {script, "first", "", "-third"});
    EXPECT_EQ(plan->argv, expected) << row.content;
    EXPECT_EQ(plan->program, row.before_script.front()) << row.content;
  }
}

TEST(ExecPlan, starts_a_copy_and_speaks_of_the_original) {
  const TempDir dir;
  const std::string copy = dir.write("copy", "#!/bin/sh -e\n");
  EXPECT_EQ(*plan_exec("/scripts/backups/bkp", copy, Words{"x"}), (ExecPlan{"/bin/sh", {"/bin/sh", "-e", copy, "x"}}));
  const std::string binary = dir.write("binary",
                                       "\x7f"
                                       "ELF");
  EXPECT_EQ(*plan_exec("/scripts/backups/bkp", binary, no_arguments), (ExecPlan{binary, {binary}}));

  for (const char* bad : {"#!/no/such/interpreter\n", "#!/bin/sh\r\n"}) {
    const Result<ExecPlan> plan = plan_exec("/scripts/backups/bkp", dir.write("copy", bad), no_arguments);
    ASSERT_FALSE(plan.ok());
    EXPECT_NE(plan.error().text.find("'/scripts/backups/bkp'"), std::string::npos) << plan.error().text;
    EXPECT_EQ(plan.error().text.find(copy), std::string::npos) << plan.error().text;
  }
  EXPECT_EQ(plan_exec("/scripts/backups/bkp", dir / "gone", no_arguments).error().text,
            "script '/scripts/backups/bkp' does not exist");
}

TEST(ExecPlan, does_as_the_kernel_does) {
  const TempDir dir;
  // The interpreter prints what it was given; the kernel starts the script by itself to compare.
  const std::string show = dir.write("show", "#!/bin/sh\nfor a; do echo \"[$a]\"; done\n");
  for (const std::string& line :
       {"#!" + show, "#! " + show + " \t", "#!" + show + " -e  -u \t ", "#!\t" + show + "\tx"}) {
    const std::string script = dir.write("script", line + "\n");
    const Words arguments = {"a b", "", "c"};
    const ExecPlan plan = *plan_exec(script, arguments);
    EXPECT_EQ(output_of(plan.argv), output_of({script, "a b", "", "c"})) << line;
  }
}

TEST(ExecPlan, starts_a_binary_itself) {
  const TempDir dir;
  const std::string binary = dir.write("binary",
                                       "\x7f"
                                       "ELF\x02\x01\x01");
  EXPECT_EQ(*plan_exec(binary, Words{"-x"}), (ExecPlan{binary, {binary, "-x"}}));
}

TEST(ExecPlan, needs_no_x_permission) {
  const TempDir dir;
  const std::string script = dir.write("script", "#!/bin/sh -e\necho ran \"$1\"\n", 0644);
  EXPECT_EQ(output_of(plan_exec(script, Words{"well"})->argv), "ran well\n");
}

TEST(ExecPlan, an_empty_file_is_a_script_that_succeeds) {
  const TempDir dir;
  const std::string script = dir.write("script", "");
  const ExecPlan plan = *plan_exec(script, no_arguments);
  const Child child = start(plan.argv);
  wait_until_ended(child.pid);
  EXPECT_TRUE(reap_one()->status.succeeded());
}

TEST(ExecPlan, a_first_line_of_255_bytes_is_the_longest) {
  const TempDir dir;
  const std::string start = "#!/bin/sh ";
  const std::string longest = start + std::string(255 - start.size(), 'x');
  EXPECT_TRUE(plan_exec(dir.write("longest", longest + "\n"), no_arguments).ok());
  EXPECT_TRUE(plan_exec(dir.write("whole-file", longest), no_arguments).ok());

  const std::string script = dir.write("longer", longest + "x\n");
  const Result<ExecPlan> plan = plan_exec(script, no_arguments);
  ASSERT_FALSE(plan.ok());
  EXPECT_EQ(plan.error().code, ErrorCode::invalid);
  EXPECT_EQ(plan.error().text, "script '" + script + "': its first line is longer than 255 bytes");
}

TEST(ExecPlan, reports_windows_line_endings) {
  const TempDir dir;
  for (const std::string_view content :
       {"#!/bin/sh\r\necho hi\r\n", "#!/bin/sh -e\r\n", "#!/bin/sh\r", "#!/usr/bin/env sh\r\n"}) {
    const std::string script = dir.write("script", content);
    const Result<ExecPlan> plan = plan_exec(script, no_arguments);
    ASSERT_FALSE(plan.ok()) << content;
    EXPECT_EQ(plan.error().text,
              "script '" + script + "': its first line ends with a carriage return (Windows line ending)");
  }
}

TEST(ExecPlan, names_script_and_interpreter_when_there_is_no_such_interpreter) {
  const TempDir dir;
  const std::string script = dir.write("script", "#!/bin/nope -x\n");
  const Result<ExecPlan> plan = plan_exec(script, no_arguments);
  ASSERT_FALSE(plan.ok());
  EXPECT_EQ(plan.error().code, ErrorCode::not_found);
  EXPECT_EQ(plan.error().text, "interpreter '/bin/nope' of '" + script + "' does not exist");
}

TEST(ExecPlan, refuses_interpreters_that_cannot_be_executed) {
  const TempDir dir;
  const std::string plain = dir.write("plain", "", 0644);
  const std::string folder = dir.make_folder("folder");
  const struct {
    std::string interpreter;
    std::string problem;
  } rows[] = {
      {plain, "may not be executed (no x permission, or a noexec mount)"},
      {folder, "is not a program"},
      {plain + "/below", "does not exist"},
  };
  for (const auto& row : rows) {
    const std::string script = dir.write("script", "#!" + row.interpreter + "\n");
    const Result<ExecPlan> plan = plan_exec(script, no_arguments);
    ASSERT_FALSE(plan.ok()) << row.interpreter;
    EXPECT_EQ(plan.error().text, "interpreter '" + row.interpreter + "' of '" + script + "' " + row.problem);
  }
}

TEST(ExecPlan, a_script_that_has_vanished_is_not_found) {
  const TempDir dir;
  const Result<ExecPlan> plan = plan_exec(dir / "gone", no_arguments);
  ASSERT_FALSE(plan.ok());
  EXPECT_EQ(plan.error().code, ErrorCode::not_found);
  EXPECT_EQ(plan.error().text, "script '" + (dir / "gone") + "' does not exist");
}

TEST(ExecPlan, a_script_that_has_become_something_else_is_refused_without_waiting) {
  const TempDir dir;
  ASSERT_EQ(::mkfifo((dir / "fifo").c_str(), 0644), 0);
  for (const std::string& path : {dir / "fifo", dir.make_folder("folder")}) {
    const Result<ExecPlan> plan = plan_exec(path, no_arguments);
    ASSERT_FALSE(plan.ok());
    EXPECT_EQ(plan.error().text, "script '" + path + "': it is not a regular file");
  }
}

TEST(ExecPlan, an_unreadable_script_is_named) {
  const TempDir dir;
  const std::string script = dir.write("script", "", 0111);
  const WithoutRoot unprivileged;
  const Result<ExecPlan> plan = plan_exec(script, no_arguments);
  ASSERT_FALSE(plan.ok());
  EXPECT_EQ(plan.error().text, "cannot read script '" + script + "': Permission denied");
}

}  // namespace
}  // namespace sidefridge::os
