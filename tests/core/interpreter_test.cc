#include "sidefridge/core/interpreter.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace sidefridge::core {
namespace {

using std::string_view_literals::operator""sv;

TEST(InterpreterOf, reads_a_shebang_as_the_kernel_does) {
  struct Row {
    std::string_view head;
    Interpreter interpreter;
  };
  const std::vector<Row> rows = {
      {"#!/bin/sh\necho hi\n", {"/bin/sh"}},
      {"#!/bin/bash", {"/bin/bash"}},
      {"#! /bin/bash\n", {"/bin/bash"}},
      {"#!\t /bin/bash \t\n", {"/bin/bash"}},
      {"#!/bin/bash -e\n", {"/bin/bash", "-e"}},
      {"#!/bin/bash  \t-e -u  \n", {"/bin/bash", "-e -u"}},
      {"#!/usr/bin/env bash\n", {"/usr/bin/env", "bash"}},
      {"#!/bin/bash -e\0 -u\n"sv, {"/bin/bash", "-e"}},
      {"#!relative\n", {"relative"}},
  };
  for (const Row& row : rows) {
    const Result<Interpreter> interpreter = interpreter_of(row.head);
    ASSERT_TRUE(interpreter.ok()) << interpreter.error().text;
    EXPECT_EQ(*interpreter, row.interpreter) << row.head;
  }
}

TEST(InterpreterOf, takes_sh_for_a_file_without_one) {
  for (const std::string_view head : {"#!\necho hi\n", "#!  \t\necho hi\n", "#!", "", "\n", "echo hi\n",
                                      " #!/bin/cat\n", "# a comment\r\n", "\x7f\x45\x4c"}) {
    const Result<Interpreter> interpreter = interpreter_of(head);
    ASSERT_TRUE(interpreter.ok()) << interpreter.error().text;
    EXPECT_EQ(*interpreter, (Interpreter{"/bin/sh", ""})) << head;
  }
}

TEST(InterpreterOf, a_program_is_its_own) {
  EXPECT_EQ(*interpreter_of("\x7f\x45\x4c\x46\x02\x01\x01"), (Interpreter{"", ""}));
}

TEST(InterpreterOf, a_first_line_of_255_bytes_is_the_longest) {
  const std::string start = "#!/bin/bash ";
  const std::string longest = start + std::string(255 - start.size(), 'x');
  const Interpreter expected{"/bin/bash", longest.substr(start.size())};
  EXPECT_EQ(*interpreter_of(longest), expected) << "the whole file";
  EXPECT_EQ(*interpreter_of(longest + "\n"), expected);
  EXPECT_EQ(*interpreter_of(longest + "\necho hi\n"), expected);

  const Result<Interpreter> interpreter = interpreter_of(longest + "x\n");
  ASSERT_FALSE(interpreter.ok());
  EXPECT_EQ(interpreter.error().code, ErrorCode::invalid);
  EXPECT_EQ(interpreter.error().text, "its first line is longer than 255 bytes");
}

TEST(InterpreterOf, reports_windows_line_endings) {
  for (const std::string_view head :
       {"#!/bin/sh\r\necho hi\r\n", "#!/bin/sh -e\r\n", "#!/bin/sh\r", "#!/usr/bin/env sh\r\n"}) {
    const Result<Interpreter> interpreter = interpreter_of(head);
    ASSERT_FALSE(interpreter.ok()) << head;
    EXPECT_EQ(interpreter.error().code, ErrorCode::invalid);
    EXPECT_EQ(interpreter.error().text, "its first line ends with CRLF: save it with Unix line endings");
  }
}

}  // namespace
}  // namespace sidefridge::core
