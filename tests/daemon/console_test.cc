// console_test.cc - one writer for all lines: formats, levels, a reader that stalls, a disk that is full.
#include "sidefridge/daemon/console.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "../os/fixture.h"
#include "../text/json_reader.h"
#include "console_fixture.h"
#include "sidefridge/text/time_format.h"

namespace sidefridge::daemon {
namespace {

using core::LogLevel;
using text::JsonReader;
using namespace std::chrono_literals;

/// Calls a function when there is room.
struct WhenReady final : OutputListener {
  explicit WhenReady(std::function<void()> what) : call(std::move(what)) {}
  void on_output_ready() noexcept override { call(); }
  std::function<void()> call;
};

TEST_F(ConsoleTest, logs_a_line_with_its_time) {
  const WallTime before = os::sample_now().wall;
  console->log(LogLevel::info, "ready {} %s");
  console->flush();
  const std::string line = written();
  EXPECT_EQ(without_time(line), "info  ready {} %s\n");
  EXPECT_GE(line.substr(0, 24), text::format_rfc3339(before, text::Precision::milliseconds));
  EXPECT_LE(line.substr(0, 24), text::format_rfc3339(os::sample_now().wall, text::Precision::milliseconds));
}

TEST_F(ConsoleTest, writes_nothing_below_its_level) {
  for (const LogLevel level : {LogLevel::debug, LogLevel::info, LogLevel::warning, LogLevel::error}) {
    open_console(text, level);
    console->log(LogLevel::debug, "1");
    console->log(LogLevel::info, "2");
    console->log(LogLevel::warning, "3");
    console->log(LogLevel::error, "4");
    console->flush();
    std::string expected = "debug 1,info  2,warn  3,error 4,";
    expected.erase(0, 8 * static_cast<std::size_t>(level));
    std::string got;
    for (const std::string& line : lines_of(written())) got += without_time(line) + ',';
    EXPECT_EQ(got, expected);
  }
}

TEST_F(ConsoleTest, logs_json_with_run_and_script) {
  open_console(json);
  console->log(LogLevel::warning, "Script \"x\" failed", {"r-1", "/scripts/backups/x"});
  console->log(LogLevel::info, "next");
  console->flush();
  const std::vector<std::string> lines = lines_of(written());
  ASSERT_EQ(lines.size(), 2u);
  auto first = JsonReader::read(lines[0]);
  ASSERT_TRUE(first) << lines[0];
  EXPECT_EQ(first->at("time").size(), 24u);
  first->erase("time");
  EXPECT_EQ(
      *first,
      (JsonReader::Leaves{
          {"level", "warning"}, {"message", "Script \"x\" failed"}, {"run", "r-1"}, {"script", "/scripts/backups/x"}}));
  const auto second = JsonReader::read(lines[1]);
  ASSERT_TRUE(second) << lines[1];
  EXPECT_EQ(second->size(), 3u) << "the context was that of the line before";
}

TEST_F(ConsoleTest, gathers_lines_until_it_is_flushed_but_writes_an_error_at_once) {
  console->log(LogLevel::info, "one");
  EXPECT_EQ(written(), "");
  console->log(LogLevel::error, "two");
  EXPECT_EQ(lines_of(written()).size(), 2u);
}

TEST_F(ConsoleTest, writes_by_itself_when_much_is_waiting) {
  for (int line = 0; line < 400; ++line) console->log(LogLevel::info, std::string(200, '.'));
  EXPECT_GT(written().size(), 60'000u);
}

TEST_F(ConsoleTest, is_congested_by_a_stalled_reader_and_tells_when_there_is_room) {
  congest();
  bool room = false;
  WhenReady listener([&] { room = true; });
  console->wait_for_room(listener);
  test_loop.run_until_idle();
  EXPECT_FALSE(room);
  EXPECT_TRUE(console->congested());
  test_loop.run_until([&] {
    if (!room) written();
    return room;
  });
  EXPECT_FALSE(console->congested());
}

TEST_F(ConsoleTest, lets_the_loop_go_on_while_the_reader_stalls) {
  congest();
  const os::Pipe other = os::open_pipe().value();
  int heard = 0;
  loop::FdCallback callback(test_loop.loop(), other.read_end.get(), [&] {
    char byte = 0;
    EXPECT_EQ(::read(other.read_end.get(), &byte, 1), 1);
    if (++heard < 10) {
      EXPECT_EQ(::write(other.write_end.get(), "x", 1), 1);
    }
  });
  callback.watch().want(loop::Interest::input);
  ASSERT_EQ(::write(other.write_end.get(), "x", 1), 1);
  test_loop.run_until([&] { return heard == 10; });
  EXPECT_LE(test_loop.turns(), 12) << "a stalled reader makes the loop spin";
}

TEST_F(ConsoleTest, gives_room_to_those_who_wait_in_turn) {
  congest();
  std::vector<int> told;
  std::vector<std::unique_ptr<WhenReady>> listeners;
  for (int index = 0; index < 3; ++index) {
    listeners.push_back(std::make_unique<WhenReady>([&, index] {
      told.push_back(index);
      congest();
      if (told.size() < 7) console->wait_for_room(*listeners[static_cast<std::size_t>(index)]);
    }));
    console->wait_for_room(*listeners.back());
  }
  test_loop.run_until([&] {
    written();
    return told.size() == 9;
  });
  EXPECT_EQ(told, (std::vector<int>{0, 1, 2, 0, 1, 2, 0, 1, 2}));
}

TEST_F(ConsoleTest, does_not_tell_those_it_was_told_to_forget) {
  congest();
  WhenReady second([] { ADD_FAILURE(); });
  WhenReady first([&] { console->forget(second); });
  console->wait_for_room(first);
  console->wait_for_room(second);
  all_written();
  test_loop.run_until_idle();
}

TEST_F(ConsoleTest,
       takes_the_rest_of_closed_outputs_only_while_not_very_much_waits_and_says_how_many_lines_it_dropped) {
  ScriptLineFormat format(text, "r-1", core::Script{core::Hook::backups, "bkp", "/scripts/backups/bkp"}, Stream::out);
  format.begin({});
  std::string rest;
  for (int line = 0; line < 1000; ++line) rest += std::string(100, 'x') + "\n";
  std::size_t count = 0;
  for (std::size_t bytes = 0; bytes < 2 * Console::rest_limit_bytes; bytes += rest.size()) {
    text::LineSplitter splitter;
    console->append_last_lines(format, splitter, rest);
    count += 1000;
  }
  std::vector<std::string> lines = lines_of(all_written());
  const std::string notice = without_time(lines.back());
  lines.pop_back();
  EXPECT_GT(lines.size(), Console::rest_limit_bytes / 160);
  EXPECT_LT(lines.size(), count);
  EXPECT_EQ(notice,
            "warn  " + std::to_string(count - lines.size()) + " lines of this log were dropped while nobody read it");
}

TEST_F(ConsoleTest, drops_its_own_lines_only_when_very_much_waits_and_says_how_many) {
  const int count = 20'000;
  for (int line = 0; line < count; ++line) console->log(LogLevel::info, std::to_string(line) + std::string(90, '.'));
  std::vector<std::string> lines = lines_of(all_written());
  const std::string notice = without_time(lines.back());
  lines.pop_back();
  EXPECT_GT(lines.size(), Console::own_limit_bytes / 130);
  EXPECT_LT(lines.size(), static_cast<std::size_t>(count));
  const std::size_t dropped = static_cast<std::size_t>(count) - lines.size();
  EXPECT_EQ(notice, "warn  " + std::to_string(dropped) + " lines of this log were dropped while nobody read it");
  for (std::size_t line = 0; line < lines.size(); ++line) {
    ASSERT_TRUE(without_time(lines[line]).starts_with("info  " + std::to_string(line) + '.'));
  }
}

TEST_F(ConsoleTest, says_how_many_lines_a_full_disk_refused) {
  std::signal(SIGXFSZ, SIG_IGN);
  const os::TempDir folder;
  const os::UniqueFd file(::open((folder / "log").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  console = Console::open(test_loop.loop(), file.get(), text, LogLevel::info).value();
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &limit), 0);
  const rlimit unlimited = limit;
  limit.rlim_cur = 40;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  for (const char* message : {"one", "cut off", "three", "four"}) {
    console->log(LogLevel::info, message);
    console->flush();
  }
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &unlimited), 0);
  console->log(LogLevel::info, "five");
  console->flush();
  console->log(LogLevel::info, "six");
  console->flush();

  std::string bytes(4096, '\0');
  bytes.resize(static_cast<std::size_t>(::pread(file.get(), bytes.data(), bytes.size(), 0)));
  const std::vector<std::string> lines = lines_of(bytes);
  ASSERT_EQ(lines.size(), 5u) << bytes;
  EXPECT_EQ(without_time(lines[0]), "info  one");
  EXPECT_EQ(lines[1].size(), 40 - lines[0].size() - 1);
  EXPECT_EQ(without_time(lines[2]), "info  five");
  EXPECT_EQ(without_time(lines[3]), "warn  3 lines could not be written here: File too large");
  EXPECT_EQ(without_time(lines[4]), "info  six");
}

TEST_F(ConsoleTest, goes_on_without_a_reader) {
  out.read_end.reset();
  for (int line = 0; line < 10'000; ++line) console->log(LogLevel::error, std::string(200, '.'));
  EXPECT_FALSE(console->congested());
  test_loop.run_until_idle();
}

TEST_F(ConsoleTest, drains_at_the_end_as_long_as_somebody_reads) {
  congest();
  console->log(LogLevel::info, "the end");
  std::string got;
  std::thread reader([&] { got = os::read_to_end(out.read_end.get()); });
  console->drain_until(os::sample_now().mono + 20s);
  console.reset();
  out.write_end.reset();
  reader.join();
  EXPECT_EQ(without_time(lines_of(got).back()), "info  the end");
}

TEST_F(ConsoleTest, does_not_drain_for_ever) {
  congest();
  const MonoTime deadline = os::sample_now().mono + 30ms;
  console->drain_until(deadline);
  EXPECT_GE(os::sample_now().mono, deadline);
}

TEST_F(ConsoleTest, refuses_a_closed_descriptor) {
  EXPECT_FALSE(Console::open(test_loop.loop(), 987, text, LogLevel::info).ok());
}

}  // namespace
}  // namespace sidefridge::daemon
