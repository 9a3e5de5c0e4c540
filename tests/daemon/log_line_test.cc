// log_line_test.cc - the log's lines, in text and in JSON.
#include "sidefridge/daemon/log_line.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <string_view>

#include "../text/json_reader.h"

namespace sidefridge::daemon {
namespace {

using namespace std::chrono_literals;

const WallTime morning = WallTime(1795420517s + 125ms);
const core::Script dump{core::Hook::backups, "10-dump", "/scripts/backups/10-dump"};

std::string log_line(core::LogFormat format, core::LogLevel level, std::string_view message,
                     const LogContext& context = {}) {
  std::string out;
  append_log_line(out, format, morning, level, message, context);
  return out;
}

std::string script_line(core::LogFormat format, Stream stream, std::string_view line,
                        text::LineEnd end = text::LineEnd::newline, const core::Script& script = dump) {
  ScriptLineFormat lines(format, "r-1", script, stream);
  lines.begin(morning);
  std::string out;
  lines.append(out, line, end);
  return out;
}

TEST(LogLine, says_time_level_and_message_in_columns) {
  EXPECT_EQ(log_line(core::LogFormat::text, core::LogLevel::debug, "a"), "2026-11-23T07:55:17.125Z debug a\n");
  EXPECT_EQ(log_line(core::LogFormat::text, core::LogLevel::info, "a"), "2026-11-23T07:55:17.125Z info  a\n");
  EXPECT_EQ(log_line(core::LogFormat::text, core::LogLevel::warning, "a"), "2026-11-23T07:55:17.125Z warn  a\n");
  EXPECT_EQ(log_line(core::LogFormat::text, core::LogLevel::error, "a"), "2026-11-23T07:55:17.125Z error a\n");
}

TEST(LogLine, stays_one_line_in_text) {
  EXPECT_EQ(log_line(core::LogFormat::text, core::LogLevel::info, "two\nlines\x1b[31m\x7f\ttab, caf\xe9"),
            "2026-11-23T07:55:17.125Z info  two\\nlines\\x1b[31m\\x7f\ttab, caf\xe9\n");
}

TEST(LogLine, tells_warnings_and_errors_by_colour_on_a_terminal) {
  const auto line = [](core::LogLevel level) {
    std::string out;
    append_log_line(out, core::LogFormat::text, morning, level, "m", {}, text::Colours::of_a_terminal);
    return out.substr(out.find('Z') + 1);
  };
  EXPECT_EQ(line(core::LogLevel::info), " info  m\n");
  EXPECT_EQ(line(core::LogLevel::warning), "\x1b[33m warn  \x1b[0mm\n");
  EXPECT_EQ(line(core::LogLevel::error), "\x1b[31m error \x1b[0mm\n");
}

TEST(LogLine, is_an_object_with_its_context_in_json) {
  EXPECT_EQ(log_line(core::LogFormat::json, core::LogLevel::warning, "say \"it\"", {"r-1", "/scripts/backups/10-dump"}),
            R"({"time":"2026-11-23T07:55:17.125Z","level":"warning","message":"say \"it\"","run":"r-1",)"
            R"("script":"/scripts/backups/10-dump"})"
            "\n");
  EXPECT_EQ(log_line(core::LogFormat::json, core::LogLevel::info, "ready"),
            R"({"time":"2026-11-23T07:55:17.125Z","level":"info","message":"ready"})"
            "\n");
}

TEST(ScriptLine, says_stream_run_and_script_in_text) {
  EXPECT_EQ(script_line(core::LogFormat::text, Stream::out, "done"),
            "2026-11-23T07:55:17.125Z out   r-1 backups/10-dump | done\n");
  EXPECT_EQ(script_line(core::LogFormat::text, Stream::err, ""),
            "2026-11-23T07:55:17.125Z err   r-1 backups/10-dump | \n");
}

TEST(ScriptLine, passes_every_byte_in_text) {
  EXPECT_EQ(script_line(core::LogFormat::text, Stream::out, std::string_view("\0\x1b\xe9|\\", 5)),
            "2026-11-23T07:55:17.125Z out   r-1 backups/10-dump | " + std::string("\0\x1b\xe9|\\\n", 6));
}

TEST(ScriptLine, marks_a_part_that_goes_on) {
  EXPECT_EQ(script_line(core::LogFormat::text, Stream::out, "xxx", text::LineEnd::continued),
            "2026-11-23T07:55:17.125Z out   r-1 backups/10-dump + xxx\n");
  const auto json =
      text::JsonReader::read(script_line(core::LogFormat::json, Stream::out, "xxx", text::LineEnd::continued));
  ASSERT_TRUE(json);
  EXPECT_EQ(json->at("line"), "xxx");
  EXPECT_EQ(json->at("partial"), "true");
}

TEST(ScriptLine, is_an_object_in_json) {
  EXPECT_EQ(script_line(core::LogFormat::json, Stream::err, "caf\xe9 \"1\""),
            R"({"time":"2026-11-23T07:55:17.125Z","run":"r-1","hook":"backups","script":"/scripts/backups/10-dump",)"
            R"("stream":"stderr","line":"caf\\xe9 \"1\""})"
            "\n");
}

TEST(ScriptLine, is_valid_and_one_line_whatever_the_script_is_called) {
  const core::Script odd{core::Hook::on_error, "a\"b\nc\xff", "/scripts/on_error/a\"b\nc\xff"};
  const std::string json = script_line(core::LogFormat::json, Stream::out, "x", text::LineEnd::newline, odd);
  const auto leaves = text::JsonReader::read(json);
  ASSERT_TRUE(leaves) << json;
  EXPECT_EQ(leaves->at("script"), "/scripts/on_error/a\"b\nc\\xff");
  EXPECT_EQ(leaves->at("hook"), "on_error");
  EXPECT_EQ(script_line(core::LogFormat::text, Stream::out, "x", text::LineEnd::newline, odd),
            "2026-11-23T07:55:17.125Z out   r-1 on_error/a\"b\\nc\xff | x\n");
}

TEST(ScriptLine, on_a_terminal_shows_what_is_no_character_of_a_line) {
  ScriptLineFormat lines(core::LogFormat::text, "r-1", dump, Stream::out, true);
  std::string out;
  lines.begin(morning);
  lines.append(out, "\x1b[31mred\x1b]0;title\a\tand\rback \xc3\xa4", text::LineEnd::newline);
  EXPECT_TRUE(out.ends_with(" | \\x1b[31mred\\x1b]0;title\\x07\tand\\x0dback \xc3\xa4\n")) << out;
}

TEST(ScriptLine, carries_the_time_of_the_last_begin) {
  for (const core::LogFormat format : {core::LogFormat::text, core::LogFormat::json}) {
    ScriptLineFormat lines(format, "r-1", dump, Stream::out);
    std::string out;
    lines.begin(morning);
    lines.append(out, "a", text::LineEnd::newline);
    lines.begin(morning + 1s);
    lines.append(out, "b", text::LineEnd::newline);
    lines.append(out, "c", text::LineEnd::newline);
    EXPECT_NE(out.find("17.125Z"), std::string::npos);
    EXPECT_EQ(out.find("17.125Z"), out.rfind("17.125Z"));
    EXPECT_NE(out.find("18.125Z"), out.rfind("18.125Z"));
  }
}

}  // namespace
}  // namespace sidefridge::daemon
