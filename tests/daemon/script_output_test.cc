// script_output_test.cc - a script's bytes on their way to the console: all of them, in order, in bounded memory.
#include "sidefridge/daemon/script_output.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "../text/json_reader.h"
#include "console_fixture.h"

namespace sidefridge::daemon {
namespace {

using text::JsonReader;

const core::Script dump{core::Hook::backups, "10-dump", "/scripts/backups/10-dump"};

void write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    ASSERT_GT(count, 0);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

class ScriptOutputTest : public ConsoleTest, protected ScriptOutputListener {
protected:
  void SetUp() override {
    ConsoleTest::SetUp();
    pipe = os::open_pipe().value();
  }

  void begin(Stream stream = Stream::out) {
    output = ScriptOutput::open(test_loop.loop(), *console, std::move(pipe.read_end), stream, *this).value();
    output->begin("r-1", dump);
  }

  void script_writes(std::string_view bytes) { write_all(pipe.write_end.get(), bytes); }
  void script_closes() { pipe.write_end.reset(); }

  /// As much as the pipe takes now, of a script that writes "some text" for ever. Returns: how many bytes.
  std::size_t script_writes_what_fits() {
    ::fcntl(pipe.write_end.get(), F_SETFL, O_WRONLY | O_NONBLOCK);
    constexpr std::string_view line = "some text\n";
    std::string bytes;
    while (bytes.size() < 100'000) bytes += line;
    const std::size_t already = endless_bytes;
    for (;;) {
      const std::size_t skipped = endless_bytes % line.size();
      const ssize_t count = ::write(pipe.write_end.get(), bytes.data() + skipped, bytes.size() - skipped);
      if (count <= 0) return endless_bytes - already;
      endless_bytes += static_cast<std::size_t>(count);
    }
  }

  /// Expects the first `bytes` of what that script writes, as lines.
  static void expect_endless(const std::vector<std::string>& lines, std::size_t bytes) {
    ASSERT_EQ(lines.size(), (bytes + 9) / 10);
    for (std::size_t line = 0; line + 1 < lines.size(); ++line) ASSERT_EQ(lines[line], "some text");
    EXPECT_EQ(lines.back(), std::string_view("some text").substr(0, bytes - 10 * (lines.size() - 1)));
  }

  /// Relays until the pipe's end. Returns: the script's own bytes of each line.
  std::vector<std::string> relayed_lines() {
    std::string bytes;
    test_loop.run_until([&] {
      bytes += written();
      return !output->is_open();
    });
    bytes += all_written();
    std::vector<std::string> lines;
    for (const std::string& line : lines_of(bytes)) lines.push_back(own_bytes(line));
    return lines;
  }

  void on_drained(ScriptOutput& which) noexcept override {
    EXPECT_EQ(&which, output.get());
    ++drained;
    when_drained();
  }

  os::Pipe pipe;  // the script's end and ours
  std::unique_ptr<ScriptOutput> output;
  std::size_t endless_bytes = 0;
  int drained = 0;
  std::function<void()> when_drained = [] {};
};

TEST_F(ScriptOutputTest, relays_a_line_when_it_is_written) {
  begin();
  script_writes("first\nsec");
  EXPECT_EQ(without_time(all_written()), "out   r-1 backups/10-dump | first\n");
  script_writes("ond\n");
  EXPECT_EQ(without_time(all_written()), "out   r-1 backups/10-dump | second\n");
}

TEST_F(ScriptOutputTest, shows_a_line_that_stands_unfinished_as_far_as_it_got) {
  begin();
  script_writes("whole\nPassword: ");
  EXPECT_EQ(without_time(all_written()), "out   r-1 backups/10-dump | whole\n");
  std::string bytes;
  const MonoTime begun = os::sample_now().mono;
  test_loop.run_until([&] { return !(bytes = written()).empty(); });
  EXPECT_EQ(without_time(bytes), "out   r-1 backups/10-dump + Password: \n");
  EXPECT_GE(os::sample_now().mono, begun + std::chrono::milliseconds(900));
  script_writes("none\n");
  EXPECT_EQ(without_time(all_written()), "out   r-1 backups/10-dump | none\n");
}

TEST_F(ScriptOutputTest, shows_the_newest_state_of_a_line_that_is_rewritten) {
  begin();
  script_writes("\r 10 %\r 20 %\r 30 %\r");
  std::string bytes;
  test_loop.run_until([&] { return !(bytes = written()).empty(); });
  EXPECT_EQ(without_time(bytes), "out   r-1 backups/10-dump +  30 %\n");
  script_writes("\r100 %\n");
  EXPECT_EQ(own_bytes(lines_of(all_written()).at(0)), "\r100 %");
}

TEST_F(ScriptOutputTest, says_which_stream_it_is) {
  begin(Stream::err);
  script_writes("oops\n");
  EXPECT_EQ(without_time(all_written()), "err   r-1 backups/10-dump | oops\n");
}

TEST_F(ScriptOutputTest, flushes_a_last_line_without_newline_at_the_end) {
  begin();
  script_writes("one\ntwo");
  script_closes();
  EXPECT_EQ(relayed_lines(), (std::vector<std::string>{"one", "two"}));
}

TEST_F(ScriptOutputTest, passes_bytes_that_are_not_utf_8_in_text_and_names_them_in_json) {
  begin();
  script_writes("caf\xe9\n");
  EXPECT_TRUE(all_written().ends_with(" | caf\xe9\n"));
  output.reset();

  open_console(json);
  pipe = os::open_pipe().value();
  begin();
  script_writes("caf\xe9 \"quoted\"\n");
  const std::string line = all_written();
  auto leaves = JsonReader::read(line);
  ASSERT_TRUE(leaves) << line;
  leaves->erase("time");
  EXPECT_EQ(*leaves, (JsonReader::Leaves{{"run", "r-1"},
                                         {"hook", "backups"},
                                         {"script", "/scripts/backups/10-dump"},
                                         {"stream", "stdout"},
                                         {"line", "caf\\xe9 \"quoted\""}}));
}

TEST_F(ScriptOutputTest, relays_what_is_cut_between_two_reads_at_any_place) {
  begin();
  const std::string_view script_text = "ab\n\ncd\r\nefghi\n";
  const std::vector<std::string> expected{"ab", "", "cd\r", "efghi"};
  for (std::size_t cut = 0; cut <= script_text.size(); ++cut) {
    script_writes(script_text.substr(0, cut));
    std::string bytes = all_written();
    script_writes(script_text.substr(cut));
    bytes += all_written();
    std::vector<std::string> lines;
    for (const std::string& line : lines_of(bytes)) lines.push_back(own_bytes(line));
    EXPECT_EQ(lines, expected) << "cut at " << cut;
  }
}

TEST_F(ScriptOutputTest, loses_doubles_and_disorders_nothing_of_very_many_lines) {
  begin();
  constexpr int count = 200'000;
  std::thread script([&] {
    std::string bytes;
    for (int line = 0; line < count; ++line) {
      bytes += "line " + std::to_string(line) + '\n';
      if (bytes.size() > 100'000 || line + 1 == count) {
        script_writes(bytes);
        bytes.clear();
      }
    }
    script_closes();
  });
  const std::vector<std::string> lines = relayed_lines();
  script.join();
  ASSERT_EQ(lines.size(), static_cast<std::size_t>(count));
  for (int line = 0; line < count; ++line) {
    ASSERT_EQ(lines[static_cast<std::size_t>(line)], "line " + std::to_string(line));
  }
}

TEST_F(ScriptOutputTest, splits_and_marks_a_line_of_64_mib) {
  begin();
  constexpr std::size_t line_bytes = std::size_t{64} << 20;
  std::thread script([&] {
    const std::string block(std::size_t{1} << 20, 'y');
    for (std::size_t at = 0; at < line_bytes; at += block.size()) script_writes(block);
    script_writes("\nnext\n");
    script_closes();
  });
  constexpr std::size_t parts = line_bytes / text::LineSplitter::max_part_bytes;
  const std::string_view prefix = "2026-11-23T07:55:17.125Z out   r-1 backups/10-dump | ";
  std::string bytes;
  std::string first_line;
  std::string last_lines;
  std::size_t total = 0;
  test_loop.run_until([&] {
    const std::string more = written();
    if (first_line.empty()) first_line = more.substr(0, more.find('\n'));
    last_lines = (last_lines + more);
    last_lines.erase(0, last_lines.size() - std::min<std::size_t>(last_lines.size(), 40'000));
    total += more.size();
    return !output->is_open();
  });
  script.join();
  const std::string rest = all_written();
  total += rest.size();
  last_lines += rest;
  EXPECT_EQ(first_line.substr(prefix.size() - 2), "+ " + std::string(text::LineSplitter::max_part_bytes, 'y'));
  const std::vector<std::string> tail = lines_of(last_lines.substr(last_lines.find('\n') + 1));
  ASSERT_GE(tail.size(), 2u);
  EXPECT_EQ(own_bytes(tail[tail.size() - 2]), std::string(text::LineSplitter::max_part_bytes, 'y'));
  EXPECT_EQ(own_bytes(tail.back()), "next");
  EXPECT_EQ(total, line_bytes + parts * (prefix.size() + 1) + prefix.size() + std::string_view("next\n").size());
}

TEST_F(ScriptOutputTest, holds_the_script_back_while_the_reader_stalls_and_then_loses_nothing) {
  begin();
  std::size_t accepted = 0;
  for (std::size_t more = 1; more > 0;) {
    more = script_writes_what_fits();
    accepted += more;
    test_loop.run_until_idle();
  }
  EXPECT_TRUE(console->congested());
  EXPECT_LT(accepted, 512u * 1024);
  const int turns_before = test_loop.turns();
  test_loop.run_until_idle();
  EXPECT_LE(test_loop.turns() - turns_before, 6) << "a stalled reader makes the loop spin";

  script_closes();
  expect_endless(relayed_lines(), accepted);
}

TEST_F(ScriptOutputTest, lets_two_streams_share_a_slow_reader_evenly) {
  os::Pipe other_pipe = os::open_pipe().value();
  begin();
  auto other =
      ScriptOutput::open(test_loop.loop(), *console, std::move(other_pipe.read_end), Stream::err, *this).value();
  other->begin("r-1", dump);
  ::fcntl(other_pipe.write_end.get(), F_SETFL, O_WRONLY | O_NONBLOCK);
  std::string block;
  for (int line = 0; line < 1000; ++line) block += "some text\n";
  std::string bytes;
  test_loop.run_until([&] {
    script_writes_what_fits();
    while (::write(other_pipe.write_end.get(), block.data(), block.size()) > 0) continue;
    bytes += written();
    return bytes.size() > 8'000'000;
  });
  std::size_t out_lines = 0;
  std::size_t err_lines = 0;
  bytes.resize(bytes.rfind('\n') + 1);
  for (const std::string& line : lines_of(bytes)) ++(line.find(" out ") != line.npos ? out_lines : err_lines);
  EXPECT_GT(out_lines, err_lines / 2);
  EXPECT_GT(err_lines, out_lines / 2);
}

TEST_F(ScriptOutputTest, goes_on_reading_when_nobody_reads_us) {
  begin();
  out.read_end.reset();
  std::thread script([&] {
    for (int line = 0; line < 20'000; ++line) script_writes("a line that nobody will ever read, and many like it\n");
    script_closes();
  });
  test_loop.run_until([&] { return !output->is_open(); });
  script.join();
}

TEST_F(ScriptOutputTest, is_drained_at_once_when_nothing_waits) {
  begin();
  output->finish_when_drained();
  EXPECT_EQ(drained, 1);
  EXPECT_TRUE(output->is_open());
}

TEST_F(ScriptOutputTest, relays_what_waits_before_it_is_drained) {
  begin();
  script_writes("one\ntwo");
  output->finish_when_drained();
  EXPECT_EQ(drained, 1);
  const std::vector<std::string> lines = lines_of(all_written());
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(own_bytes(lines[1]), "two");
}

TEST_F(ScriptOutputTest, is_drained_after_its_end_as_well) {
  begin();
  script_writes("one\n");
  script_closes();
  EXPECT_EQ(relayed_lines().size(), 1u);
  EXPECT_EQ(drained, 0);
  output->finish_when_drained();
  EXPECT_EQ(drained, 1);
}

TEST_F(ScriptOutputTest, does_not_wait_for_a_process_that_holds_the_pipe_and_writes_for_ever) {
  begin();
  std::size_t accepted = script_writes_what_fits();
  output->finish_when_drained();
  for (int turn = 0; turn < 100 && drained == 0; ++turn) {
    accepted += script_writes_what_fits();
    written();
    test_loop.run_until_idle();
  }
  EXPECT_EQ(drained, 1);
  EXPECT_TRUE(output->is_open());
  EXPECT_GT(accepted, 0u);
}

TEST_F(ScriptOutputTest, goes_on_relaying_a_process_that_was_left_behind) {
  begin();
  script_writes("from the script\nits last words");
  output->finish_when_drained();
  EXPECT_EQ(drained, 1);
  EXPECT_EQ(own_bytes(lines_of(all_written()).back()), "its last words");  // of the one who still holds the pipe
  script_writes("later\nand later\n");
  const std::vector<std::string> lines = lines_of(all_written());
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(own_bytes(lines[0]), "later");
  EXPECT_EQ(own_bytes(lines[1]), "and later");
  EXPECT_EQ(drained, 1);
}

TEST_F(ScriptOutputTest, is_drained_only_when_a_stalled_reader_reads_again) {
  begin();
  const std::size_t accepted = script_writes_what_fits();
  congest();
  output->finish_when_drained();
  test_loop.run_until_idle();
  EXPECT_EQ(drained, 0);
  std::string bytes;
  test_loop.run_until([&] {
    bytes += written();
    return drained > 0;
  });
  bytes += all_written();
  std::size_t total = 0;
  for (const std::string& line : lines_of(bytes)) {
    if (line.find("some text") != line.npos) total += std::string_view("some text\n").size();
  }
  EXPECT_EQ(total, accepted / 10 * 10);
}

TEST_F(ScriptOutputTest, serves_the_next_script_once_it_is_drained) {
  begin(Stream::err);
  script_writes("of the first\nunfinished");
  output->finish_when_drained();
  output->begin("r-1", core::Script{core::Hook::backups, "20-next", "/scripts/backups/20-next"});
  EXPECT_EQ(output->tail(), "");
  script_writes("of the next\n");
  const std::vector<std::string> lines = lines_of(all_written());
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(without_time(lines[1]), "err   r-1 backups/10-dump | unfinished");
  EXPECT_EQ(without_time(lines[2]), "err   r-1 backups/20-next | of the next");
  EXPECT_EQ(output->tail(), "of the next\n");
}

TEST_F(ScriptOutputTest, may_be_destroyed_by_the_one_it_tells) {
  when_drained = [&] { output.reset(); };
  begin();
  script_writes("one\n");
  output->finish_when_drained();
  EXPECT_EQ(output, nullptr);
  EXPECT_EQ(lines_of(all_written()).size(), 1u);

  pipe = os::open_pipe().value();
  begin();
  script_writes_what_fits();
  congest();
  output->finish_when_drained();
  ASSERT_NE(output, nullptr);
  test_loop.run_until([&] {
    written();
    return output == nullptr;
  });
}

TEST_F(ScriptOutputTest, relays_what_waits_when_it_is_closed) {
  begin();
  script_writes("one\ntwo");
  output->close();
  EXPECT_FALSE(output->is_open());
  EXPECT_EQ(lines_of(all_written()).size(), 2u);
  EXPECT_EQ(drained, 0);
  output->close();
}

TEST_F(ScriptOutputTest, loses_nothing_it_has_read_when_it_is_closed_while_the_reader_stalls) {
  begin();
  std::size_t accepted = 0;
  for (std::size_t more = 1; more > 0;) {
    more = script_writes_what_fits();
    accepted += more;
    test_loop.run_until_idle();
  }
  output.reset();
  std::vector<std::string> lines;
  for (const std::string& line : lines_of(all_written())) lines.push_back(own_bytes(line));
  expect_endless(lines, accepted);
}

TEST_F(ScriptOutputTest, remembers_the_end_of_stderr_without_nuls) {
  begin(Stream::err);
  EXPECT_EQ(output->tail(), "");
  script_writes(std::string_view("a\0b\n", 4));
  all_written();
  EXPECT_EQ(output->tail(), "ab\n");
  std::string expected;
  for (int line = 0; line < 5000; ++line) {
    const std::string bytes = "error " + std::to_string(line) + '\n';
    expected += bytes;
    script_writes(bytes);
    if (line % 100 == 0) all_written();
  }
  all_written();
  EXPECT_EQ(output->tail(), expected.substr(expected.size() - ScriptOutput::tail_bytes));
}

TEST_F(ScriptOutputTest, remembers_nothing_of_stdout) {
  begin(Stream::out);
  script_writes("a secret\n");
  all_written();
  EXPECT_EQ(output->tail(), "");
}

}  // namespace
}  // namespace sidefridge::daemon
