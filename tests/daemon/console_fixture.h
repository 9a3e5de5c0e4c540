// console_fixture.h - a console on a pipe, and what came out of it.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../loop/fixture.h"
#include "sidefridge/daemon/console.h"
#include "sidefridge/os/pipe.h"
#include "sidefridge/os/system_clock.h"

namespace sidefridge::daemon {

/// What follows the time in a line of text.
inline std::string without_time(std::string_view line) {
  constexpr std::string_view time = "2026-11-23T07:55:17.125Z ";
  EXPECT_GE(line.size(), time.size()) << line;
  return std::string(line.substr(std::min(line.size(), time.size())));
}

/// The last column of a script's line in text: its own bytes.
inline std::string own_bytes(std::string_view line) {
  const auto bar = line.find(" | ");
  EXPECT_NE(bar, line.npos) << line;
  return std::string(line.substr(std::min(line.size(), bar + 3)));
}

inline std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const auto newline = text.find('\n');
    EXPECT_NE(newline, text.npos) << "the output ends in a line without a newline: " << text;
    if (newline == text.npos) break;
    lines.emplace_back(text.substr(0, newline));
    text.remove_prefix(newline + 1);
  }
  return lines;
}

class ConsoleTest : public testing::Test {
protected:
  static constexpr auto json = core::LogFormat::json;
  static constexpr auto text = core::LogFormat::text;

  void SetUp() override {
    std::signal(SIGPIPE, SIG_IGN);
    open_console(text);
    test_loop.each_turn = [this] { console->flush(); };
  }

  /// Again, on a new pipe.
  void open_console(core::LogFormat format, core::LogLevel level = core::LogLevel::info) {
    console.reset();
    out = os::open_pipe().value();
    console = Console::open(test_loop.loop(), out.write_end.get(), format, level).value();
  }

  /// What has been written and not read yet.
  std::string written() {
    std::string bytes;
    std::array<char, 64 * 1024> chunk;
    for (ssize_t count = 0; (count = ::read(out.read_end.get(), chunk.data(), chunk.size())) > 0;) {
      bytes.append(chunk.data(), static_cast<std::size_t>(count));
    }
    return bytes;
  }

  /// Reads until nothing more comes.
  std::string all_written() {
    std::string bytes;
    for (;;) {
      test_loop.run_until_idle();
      const std::string more = written();
      if (more.empty()) return bytes;
      bytes += more;
    }
  }

  /// Makes the console full, with lines of the daemon's own.
  void congest() {
    while (!console->congested()) console->log(core::LogLevel::info, std::string(200, '.'));
  }

  loop::TestLoop test_loop;
  os::Pipe out;
  std::unique_ptr<Console> console;
};

}  // namespace sidefridge::daemon
