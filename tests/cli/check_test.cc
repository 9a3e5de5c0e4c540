// check_test.cc - `sidefridge check` on folders of hooks.
#include "sidefridge/cli/check.h"

#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "../os/fixture.h"

namespace sidefridge::cli {
namespace {

struct Answer {
  int code;
  std::string out;
  std::string err;
};

class CheckTest : public testing::Test {
protected:
  Answer check_hooks(std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments{"--scripts-dir", dir_.path()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    std::ostringstream out;
    std::ostringstream err;
    const int code = check(arguments, {}, WallTime{}, out, err);
    return {code, out.str(), err.str()};
  }
  std::string path(const std::string& name) const { return dir_ / ("backups/" + name); }
  std::string write(const std::string& name, const std::string& content, mode_t mode = 0755) const {
    return dir_.write("backups/" + name, content, mode);
  }

  const os::TempDir dir_;
};

TEST_F(CheckTest, good_hooks_are_well_without_a_schedule) {
  write("10", "#!/bin/sh\necho hi\n");
  const Answer answer = check_hooks({"--strict"});
  EXPECT_EQ(answer.code, 0) << answer.err;
  EXPECT_EQ(answer.out, "backups\n  " + path("10") + "  (/bin/sh)\n");
}

TEST_F(CheckTest, a_schedule_is_asked_for_where_not_only_hooks_are_meant) {
  std::ostringstream out;
  std::ostringstream err;
  EXPECT_EQ(check({}, {}, WallTime{}, out, err), 2);
  EXPECT_NE(err.str().find("CRON_BACKUP_SCHEDULE"), std::string::npos);
}

TEST_F(CheckTest, what_cannot_be_started_is_a_problem_with_its_mend) {
  const struct {
    std::string content;
    std::string problem;
  } rows[] = {
      {"", "it is empty"},
      {"\xef\xbb\xbf#!/bin/sh\n", "save it as UTF-8 without BOM"},
      {"echo hi\r\n", "save it with Unix line endings"},
      {"#!/bin/nope\n", "does not exist"},
  };
  for (const auto& row : rows) {
    write("10", row.content);
    const Answer answer = check_hooks();
    EXPECT_EQ(answer.code, 2);
    EXPECT_NE(answer.out.find("problem: Script '" + path("10") + "' cannot be started: "), std::string::npos);
    EXPECT_NE(answer.out.find(row.problem), std::string::npos) << answer.out;
  }
  write("10", "\x7f\x45\x4c\x46", 0644);
  EXPECT_NE(check_hooks().out.find("give it the x permission"), std::string::npos);
}

TEST_F(CheckTest, warnings_are_failures_only_when_that_is_asked_for) {
  write("10", "\n#!/bin/sh\necho hi\n");
  write("20", "#!/bin/bash\nset -e\ndump | gzip > x\n");
  write("30.bak", "true\n");
  const Answer answer = check_hooks();
  EXPECT_EQ(answer.code, 0);
  EXPECT_NE(answer.out.find("warning: " + path("10") + ": its '#!' comes after blank lines"), std::string::npos);
  EXPECT_NE(answer.out.find("warning: " + path("20") + ":3: a pipe without pipefail"), std::string::npos);
  EXPECT_NE(answer.out.find("warning: '" + path("30.bak") + "' looks like what an editor"), std::string::npos);
  EXPECT_EQ(check_hooks({"--strict"}).code, 2);
}

TEST_F(CheckTest, a_pipe_in_what_is_no_shell_script_is_none) {
  write("20", "#!/usr/bin/env python3\nx = a | b\n");
  EXPECT_EQ(check_hooks({"--strict"}).code, 0);
}

TEST_F(CheckTest, a_dot_file_is_nobodys_mistake) {
  write("20", "#!/bin/sh\n. \"$(dirname \"$0\")/.lib.sh\"\n");
  write(".lib.sh", "true\n");
  const Answer answer = check_hooks({"--strict"});
  EXPECT_EQ(answer.code, 0);
  EXPECT_NE(answer.out.find("note: '" + path(".lib.sh") + "' is skipped"), std::string::npos);
}

TEST_F(CheckTest, a_name_cannot_write_a_line_of_its_own) {
  write("10\nproblem: none\x1b[31m", "true\n");
  const Answer answer = check_hooks();
  EXPECT_EQ(answer.out.find('\x1b'), std::string::npos);
  EXPECT_EQ(answer.out.find("\nproblem: none"), std::string::npos);
}

}  // namespace
}  // namespace sidefridge::cli
