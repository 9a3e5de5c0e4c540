// output_test.cc - what scripts print, as the reader of our stdout gets it.
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <string>
#include <string_view>

#include "tests/e2e/stage.h"

namespace sidefridge::e2e {
namespace {

class Output : public ::testing::Test {
protected:
  std::string once() {
    Program program = stage.start({"once"});
    EXPECT_EQ(program.wait_exit(), 0) << program.errors();
    return program.output();
  }
  Stage stage;
};

TEST_F(Output, every_line_is_tagged_with_run_script_and_stream) {
  stage.script("backups/bkp", "#!/bin/sh\necho \"run $SIDEFRIDGE_RUN_ID\"\necho problem >&2\n");
  const std::string text = once();
  const std::size_t at = text.find("| run ");
  ASSERT_NE(at, std::string::npos) << text;
  const std::string run_id = text.substr(at + 6, text.find('\n', at) - at - 6);
  EXPECT_NE(text.find(" out   " + run_id + " backups/bkp | run " + run_id + "\n"), std::string::npos) << text;
  EXPECT_NE(text.find(" err   " + run_id + " backups/bkp | problem\n"), std::string::npos) << text;
}

TEST_F(Output, lines_come_as_they_are_written_not_at_the_end) {
  stage.script("backups/bkp", "#!/bin/sh\necho early\nuntil [ -e @ROOT@/go ]; do sleep 0.02; done\n");
  Program program = stage.start({"once"});
  ASSERT_TRUE(program.wait_for("| early"));
  Program go = stage.shell("touch " + stage.file("go").string());
  go.wait_exit();
  EXPECT_EQ(program.wait_exit(), 0);
}

TEST_F(Output, bytes_that_are_not_utf_8_pass_through_in_text) {
  stage.script("backups/bkp", "#!/bin/sh\nprintf 'caf\\351 \\000\\377\\n'\n");
  EXPECT_NE(once().find(std::string("| caf\351 \0\377\n", 10)), std::string::npos);
}

TEST_F(Output, every_line_is_json_in_json) {
  stage.environment["SIDEFRIDGE_LOG_FORMAT"] = "json";
  stage.script("backups/bkp", "#!/bin/sh\nprintf 'caf\\351 \"quoted\"\\t\\033[31m\\n\\303\\251\\n'\n");
  const std::string text = once();
  // An independent reader takes every line.
  std::ofstream(stage.file("log"), std::ios::binary) << text;
  Program reader = stage.shell(
      "python3 -c 'import sys, json\nfor line in sys.stdin.buffer:\n  d = json.loads(line)\n"
      "  if d.get(\"stream\"): print(ascii(d[\"line\"]))' < " +
      stage.file("log").string());
  EXPECT_EQ(reader.wait_exit(), 0) << reader.errors();
  EXPECT_EQ(reader.output(), "'caf\\\\xe9 \"quoted\"\\t\\x1b[31m'\n'\\xe9'\n");
}

TEST_F(Output, a_last_line_without_newline_comes_before_the_end_of_its_script) {
  stage.script("backups/bkp", "#!/bin/sh\nprintf 'no newline'\n");
  const std::string text = once();
  const std::size_t line = text.find("| no newline\n");
  ASSERT_NE(line, std::string::npos) << text;
  EXPECT_LT(line, text.find("backups/bkp finished in")) << text;
}

TEST_F(Output, what_a_script_prints_comes_between_its_start_and_its_end) {
  for (int i = 0; i < 20; ++i) {
    stage.script("backups/" + std::to_string(100 + i), "#!/bin/sh\nseq 1 50 | sed 's/^/n/'\n");
  }
  const std::string text = once();
  for (int i = 0; i < 20; ++i) {
    const std::string tag = "backups/" + std::to_string(100 + i);
    const std::size_t start = text.find(tag + " started");
    const std::size_t end = text.find(tag + " finished");
    EXPECT_LT(start, text.find(tag + " | n1\n"));
    EXPECT_LT(text.find(tag + " | n50\n"), end);
  }
}

TEST_F(Output, what_a_leftover_prints_bears_the_name_of_its_script) {
  stage.script("backups/10-first",
               "#!/bin/sh\n(until [ -e @ROOT@/go ]; do sleep 0.02; done; echo late; touch @ROOT@/gone) &\n");
  stage.script("backups/20-next",
               "#!/bin/sh\ntouch @ROOT@/go\nuntil [ -e @ROOT@/gone ]; do sleep 0.02; done\necho next\n");
  const std::string text = once();
  EXPECT_NE(text.find(" backups/10-first | late\n"), std::string::npos) << text;
  EXPECT_NE(text.find(" backups/20-next | next\n"), std::string::npos) << text;
}

TEST_F(Output, what_a_script_does_to_its_stdout_is_undone_for_the_next) {
  stage.script("backups/10-first", "#!/bin/sh\npython3 -c 'import os; os.set_blocking(1, False)'\n");
  stage.script("backups/20-next", "#!/bin/sh\npython3 -c 'import os; print(\"waits:\", os.get_blocking(1))'\n");
  const std::string text = once();
  EXPECT_NE(text.find(" backups/20-next | waits: True\n"), std::string::npos) << text;
}

TEST_F(Output, a_long_line_comes_in_marked_parts_and_whole) {
  stage.script("backups/bkp", "#!/bin/sh\nhead -c 100000 /dev/zero | tr '\\0' x\necho end\n");
  const std::string text = once();
  std::size_t bytes = 0;
  std::size_t parts = 0;
  for (std::size_t at = 0; (at = text.find(" backups/bkp + ", at)) != std::string::npos; ++parts) {
    at += 15;
    bytes += text.find('\n', at) - at;
  }
  const std::size_t last = text.rfind(" backups/bkp | ");
  ASSERT_NE(last, std::string::npos);
  bytes += text.find('\n', last) - last - 15;
  EXPECT_EQ(bytes, 100003U);
  EXPECT_EQ(parts, 100003U / (16 * 1024));
}

TEST_F(Output, two_hundred_thousand_lines_on_both_streams_keep_their_order) {
  stage.script("backups/bkp", "#!/bin/sh\nseq 1 100000 & seq 1 100000 >&2\nwait\n");
  const std::string text = once();
  for (const std::string stream : {" out   ", " err   "}) {
    int expected = 1;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = text.find('\n', at);
      const std::string_view line(text.data() + at, end - at);
      at = end + 1;
      if (line.find(stream) == std::string_view::npos) continue;
      ASSERT_EQ(line.substr(line.find("| ") + 2), std::to_string(expected));
      ++expected;
    }
    EXPECT_EQ(expected, 100001) << stream;
  }
}

/// What the daemon's memory came to at most, as its last script saw it; 0 where a sanitizer's own memory hides it.
long peak_rss_kib(const std::string& text) {
  const std::size_t at = text.find("| VmHWM:");
  if (at == std::string::npos) return -1;
  return SIDEFRIDGE_SANITIZED ? 0 : std::stol(text.substr(at + 8));
}
constexpr long memory_limit_kib = 8 * 1024;
constexpr const char* tell_memory = "#!/bin/sh\ngrep VmHWM /proc/$PPID/status\n";

TEST_F(Output, two_million_lines_come_once_each_and_in_order_in_bounded_memory) {
  stage.script("backups/bkp", "#!/bin/sh\nexec seq 1 2000000\n");
  stage.script("after_backups/memory", tell_memory);
  // awk counts as the lines come: nobody holds them all.
  Program program = stage.shell(
      "sidefridge once | awk '/ backups.bkp [|] / { if ($NF != ++n) { print \"line\", n, \"is\", $NF; exit 1 } next } "
      "{ print } END { print \"lines:\", n }'");
  EXPECT_EQ(program.wait_exit(), 0);
  EXPECT_NE(program.output().find("lines: 2000000\n"), std::string::npos) << program.output();
  const long peak = peak_rss_kib(program.output());
  EXPECT_GE(peak, 0);
  EXPECT_LE(peak, memory_limit_kib);
}

TEST_F(Output, a_line_of_64_mib_comes_whole_in_bounded_memory) {
  stage.script("backups/bkp", "#!/bin/sh\nhead -c 67108864 /dev/zero | tr '\\0' x\n");
  stage.script("after_backups/memory", tell_memory);
  Program program = stage.shell(
      "sidefridge once | awk '/ backups.bkp [+|] / { bytes += length($NF); next } { print } "
      "END { print \"bytes:\", bytes }'");
  EXPECT_EQ(program.wait_exit(), 0);
  EXPECT_NE(program.output().find("bytes: 67108864\n"), std::string::npos) << program.output();
  const long peak = peak_rss_kib(program.output());
  EXPECT_GE(peak, 0);
  EXPECT_LE(peak, memory_limit_kib);
}

TEST_F(Output, a_stalled_reader_holds_scripts_back_while_ticks_and_signals_go_on) {
  // The script writes far more than pipes and buffers hold; nobody reads our stdout until the ticks have passed.
  stage.script("backups/bkp", "#!/bin/sh\n[ -e @ROOT@/second ] && exit 0\ntouch @ROOT@/second\nseq 1 300000\n");
  stage.environment["CRON_BACKUP_SCHEDULE"] = "* * * * * *";
  Program daemon = stage.start({});
  // Ticks that find the run going are recorded all the while.
  EXPECT_TRUE(eventually([&] {
    Program look = stage.start({"history", "--json"});
    look.wait_exit();
    const std::string told = look.output();
    std::size_t skipped = 0;
    for (std::size_t at = 0; (at = told.find("\"skipped\"", at)) != std::string::npos; ++at) ++skipped;
    return skipped >= 5;
  }));
  // Now somebody reads: nothing is lost.
  ASSERT_TRUE(daemon.wait_for("| 300000\n"));
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.wait_exit(), 0);
  int expected = 1;
  for (const std::string& line : daemon.lines_with(" out   ")) {
    ASSERT_EQ(line.substr(line.find("| ") + 2), std::to_string(expected));
    ++expected;
  }
  EXPECT_EQ(expected, 300001);
}

TEST_F(Output, a_reader_that_is_gone_ends_nothing) {
  stage.script("backups/bkp", "#!/bin/sh\nseq 1 100000\ntouch @ROOT@/done\n");
  Program program = stage.shell("{ sidefridge once; echo $? > " + stage.file("code").string() + "; } | head -n 1");
  EXPECT_EQ(program.wait_exit(), 0);
  EXPECT_TRUE(eventually([&] { return read_file(stage.file("code")) == "0\n"; }));
  EXPECT_TRUE(std::filesystem::exists(stage.file("done")));
}

TEST_F(Output, neither_the_environment_nor_saved_values_are_logged) {
  stage.environment["PGPASSWORD"] = "hunter2-in-the-environment";
  stage.environment["SIDEFRIDGE_LOG_LEVEL"] = "debug";
  stage.script("backups/bkp", "#!/bin/sh\nsave_var token hunter2-in-a-variable\n");
  EXPECT_EQ(once().find("hunter2"), std::string::npos);
}

}  // namespace
}  // namespace sidefridge::e2e
