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
  for (const std::string_view head : {"#!\necho hi\n", "#!  \t\necho hi\n", "#!", "echo hi\n", " #!/bin/cat\n",
                                      "# a comment\r\necho hi\n", "\x7f\x45\x4c"}) {
    const Result<Interpreter> interpreter = interpreter_of(head);
    ASSERT_TRUE(interpreter.ok()) << interpreter.error().text;
    EXPECT_EQ(*interpreter, (Interpreter{"/bin/sh", ""})) << head;
  }
}

TEST(InterpreterOf, a_program_is_its_own) {
  EXPECT_EQ(*interpreter_of("\x7f\x45\x4c\x46\x02\x01\x01"), (Interpreter{"", ""}));
}

TEST(InterpreterOf, finds_a_shebang_after_blank_lines) {
  for (const std::string_view head :
       {"\n#!/bin/bash -e\n", "\n \t\n\r\n#!/bin/bash -e", "  \n#!/bin/bash -e\necho hi\n"}) {
    EXPECT_EQ(*interpreter_of(head), (Interpreter{"/bin/bash", "-e", true})) << head;
  }
  EXPECT_EQ(*interpreter_of("\n #!/bin/bash\n"), Interpreter{}) << "not at the beginning of its line";
  EXPECT_EQ(*interpreter_of("\necho\n#!/bin/bash\n"), Interpreter{});
  EXPECT_FALSE(interpreter_of("\r\n#!/bin/bash\r\n").ok());
}

TEST(InterpreterOf, refuses_what_cannot_be_meant_and_says_what_mends_it) {
  const std::string bom =
      "it begins with a byte order mark (BOM), which hides its first line: save it as UTF-8 without BOM";
  const std::string utf16 = "it is UTF-16 text: save it as UTF-8";
  const std::string crlf = "its lines end with CRLF: save it with Unix line endings";
  const struct {
    std::string_view head;
    std::string text;
  } rows[] = {
      {"", "it is empty: write into it what it is to do, or remove it"},
      {"\n", "it is empty: write into it what it is to do, or remove it"},  // a template that gave nothing
      {" \t\r\n\n  ", "it is empty: write into it what it is to do, or remove it"},
      {"\xef\xbb\xbf#!/bin/sh\n", bom},
      {"\xef\xbb\xbf", bom},
      {"\xff\xfe#\0!\0"sv, utf16},
      {"\xfe\xff\0#\0!"sv, utf16},
      {"#\0!\0/\0b\0i\0n\0"sv, utf16},
      {"\0e\0c\0h\0o\0 "sv, utf16},
      {"echo hi\r\n", crlf},
      {"echo data > db.sql\r\necho ok", crlf},
      {"\r\nset -e\r\n", crlf},
  };
  for (const auto& row : rows) {
    const Result<Interpreter> interpreter = interpreter_of(row.head);
    ASSERT_FALSE(interpreter.ok()) << row.text;
    EXPECT_EQ(interpreter.error().code, ErrorCode::invalid);
    EXPECT_EQ(interpreter.error().text, row.text);
  }
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
