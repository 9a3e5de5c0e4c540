#include "sidefridge/core/loss_note.h"

#include <gtest/gtest.h>

namespace sidefridge::core {
namespace {

constexpr std::uint64_t script = 7;

std::string lost(std::uint64_t command, std::uint64_t of_script = script) {
  return format_loss_note({LossNote::Kind::lost, of_script, command, "dump " + std::to_string(command)});
}

std::string succeeded(std::uint64_t command) {
  return format_loss_note({LossNote::Kind::succeeded, script, command, "dump " + std::to_string(command)});
}

ScriptResult judged(std::string_view notes, ScriptResult result = {}) {
  LossBook book;
  book.begin(script);
  book.take(notes);
  book.judge(result);
  return result;
}

TEST(LossNote, is_one_line_that_can_be_read_back) {
  const std::string line = format_loss_note({LossNote::Kind::lost, 18446744073709551615U, 3, "pg_dump\napp '\x1b[0m"});
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  const auto note = parse_loss_note(std::string_view(line).substr(0, line.size() - 1));
  ASSERT_TRUE(note);
  EXPECT_EQ(note->script, 18446744073709551615U);
  EXPECT_EQ(note->command, 3U);
  EXPECT_LT(format_loss_note({LossNote::Kind::lost, 1, 1, std::string(100'000, '\xff')}).size(), 1000U);
}

TEST(LossNote, is_nothing_else) {
  for (const char* line : {"", "lost", "lost 1", "lost 1 x 'y'", "lost -1 1 'y'", "found 1 2 'y'", "lost  1 2 'y'",
                           "lost 18446744073709551616 1 'y'"}) {
    EXPECT_FALSE(parse_loss_note(line)) << line;
  }
}

TEST(LossBook, a_loss_fails_a_script_that_exits_with_0) {
  EXPECT_TRUE(judged("").succeeded());
  const ScriptResult result = judged(lost(1));
  EXPECT_FALSE(result.succeeded());
  EXPECT_EQ(result.code, 74);
  EXPECT_EQ(result.detail, "kubectlexec 'dump 1' in it lost data (exit code '74')");
  EXPECT_EQ(judged(lost(1) + lost(2) + lost(1)).detail,
            "kubectlexec 'dump 1' in it lost data (exit code '74'), and so did 1 more");
}

TEST(LossBook, the_same_command_makes_it_good_later) {
  EXPECT_TRUE(judged(lost(1) + succeeded(1)).succeeded());
  EXPECT_FALSE(judged(succeeded(1) + lost(1)).succeeded());
  EXPECT_FALSE(judged(lost(1) + succeeded(2)).succeeded());
}

TEST(LossBook, leaves_a_script_that_failed_as_it_is) {
  ScriptResult failed;
  failed.code = 3;
  EXPECT_EQ(judged(lost(1), failed).code, 3);
  EXPECT_EQ(judged(lost(1), failed).detail, "");
}

TEST(LossBook, hears_of_the_script_that_runs_alone) {
  EXPECT_TRUE(judged(lost(1, script + 1) + "nonsense\n" + succeeded(1)).succeeded());
  EXPECT_NE(script_digest("r", "backups", "/a"), script_digest("r", "backups", "/b"));
  EXPECT_NE(script_digest("r", "backups", "/a"), script_digest("s", "backups", "/a"));
  LossBook book;
  book.begin(script);
  book.take(lost(1));
  book.begin(script);
  ScriptResult result;
  book.judge(result);
  EXPECT_TRUE(result.succeeded());
}

TEST(LossBook, does_not_care_where_the_notes_are_cut) {
  const std::string notes = lost(1) + succeeded(1) + lost(2);
  for (std::size_t size = 1; size < notes.size(); ++size) {
    LossBook book;
    book.begin(script);
    for (std::size_t at = 0; at < notes.size(); at += size) book.take(std::string_view(notes).substr(at, size));
    ScriptResult result;
    book.judge(result);
    EXPECT_EQ(result.detail, "kubectlexec 'dump 2' in it lost data (exit code '74')");
  }
}

TEST(LossBook, the_failure_says_what_was_lost) {
  const Script dump{Hook::backups, "dump", "/scripts/backups/dump", ""};
  EXPECT_EQ(failure_message(dump, judged(lost(1))),
            "Script '/scripts/backups/dump' ended, but kubectlexec 'dump 1' in it lost data (exit code '74')");
}

}  // namespace
}  // namespace sidefridge::core
