// relay_bench - how fast a script's lines get from its pipe into a file, against a loop that does nothing else.
//
// Each measurement is a process of its own, with a child that writes to a pipe as fast as it can.

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sidefridge/base/check.h"
#include "sidefridge/daemon/console.h"
#include "sidefridge/daemon/script_output.h"
#include "sidefridge/loop/loop.h"
#include "sidefridge/os/pipe.h"
#include "sidefridge/os/system_clock.h"
#include "sidefridge/text/time_format.h"

namespace {

using namespace sidefridge;

constexpr std::size_t line_bytes = 100;  // newline included
constexpr std::size_t lines = 2'000'000;
constexpr std::size_t long_line_bytes = std::size_t{64} << 20;
constexpr std::string_view run_id = "20261123T075517Z-4f2a";
const core::Script script{core::Hook::backups, "10-dump", "/scripts/backups/10-dump"};

void write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    check(count > 0, "the benchmark can write");
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

/// Starts a process that writes `block` to a pipe `times` times. Returns: the read end.
os::UniqueFd start_writer(std::string_view block, std::size_t times) {
  os::Pipe pipe = os::open_pipe().value();
  if (::fork() == 0) {
    pipe.read_end.reset();
    for (std::size_t time = 0; time < times; ++time) write_all(pipe.write_end.get(), block);
    ::_exit(0);
  }
  return std::move(pipe.read_end);
}

os::UniqueFd open_output(const std::string& path) {
  os::UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  check(static_cast<bool>(file), "the benchmark's output can be opened");
  return file;
}

/// What sidefridge does.
class Relay final : loop::TurnListener, daemon::ScriptOutputListener {
public:
  static void run(os::UniqueFd input, int output, core::LogFormat format) {
    Relay(output, format).relay(std::move(input));
  }

private:
  Relay(int output, core::LogFormat format)
      : loop_(loop::Loop::open().value()),
        console_(daemon::Console::open(loop_, output, format, core::LogLevel::info).value()) {}

  void relay(os::UniqueFd input) {
    script_output_ = daemon::ScriptOutput::open(loop_, *console_, std::move(input), daemon::Stream::out, *this).value();
    script_output_->begin(run_id, script);
    loop_.run(*this);
    script_output_.reset();
    console_->drain_until(os::sample_now().mono + std::chrono::minutes(1));
  }

  void on_turn() noexcept override {
    console_->flush();
    if (!script_output_->is_open()) loop_.stop();
  }
  void on_drained(daemon::ScriptOutput&) noexcept override {}

  loop::Loop loop_;
  std::unique_ptr<daemon::Console> console_;
  std::unique_ptr<daemon::ScriptOutput> script_output_;
};

/// The least that puts the same prefix before each line: read, prefix, one write a read.
void run_floor(os::UniqueFd input, int output) {
  ::fcntl(input.get(), F_SETFL, O_RDONLY);
  std::string prefix = text::format_rfc3339(os::sample_now().wall, text::Precision::milliseconds);
  prefix.append(" out   ").append(run_id).append(" backups/10-dump | ");
  std::array<char, 64 * 1024> chunk;
  std::vector<char> composed(1024 * 1024);
  bool at_line_start = true;
  for (;;) {
    const ssize_t count = ::read(input.get(), chunk.data(), chunk.size());
    if (count <= 0) return;
    char* out = composed.data();
    const char* at = chunk.data();
    const char* const end = at + count;
    while (at != end) {
      if (at_line_start) out = std::copy(prefix.begin(), prefix.end(), out);
      const auto* newline = static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at)));
      const char* const stop = newline == nullptr ? end : newline + 1;
      at_line_start = newline != nullptr;
      out = std::copy(at, stop, out);
      at = stop;
    }
    write_all(output, std::string_view(composed.data(), static_cast<std::size_t>(out - composed.data())));
  }
}

struct Measured {
  double seconds;
  double cpu_seconds;
  long peak_kib;
};

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

/// Runs `job(output)` in a process of its own.
template <class Job>
Measured measure(const std::string& path, Job job) {
  std::fflush(stdout);
  const pid_t worker = ::fork();
  if (worker == 0) {
    const os::UniqueFd output = open_output(path);
    const MonoTime begun = os::sample_now().mono;
    job(output.get());
    const double seconds = std::chrono::duration<double>(os::sample_now().mono - begun).count();
    // The writer is a child, too; what counts is ourselves.
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const Measured measured{seconds, seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime), usage.ru_maxrss};
    const os::UniqueFd report(::open((path + ".report").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600));
    write_all(report.get(), std::string_view(reinterpret_cast<const char*>(&measured), sizeof measured));
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(worker, &status, 0);
  check(status == 0, "a measurement succeeds");
  Measured measured{};
  const os::UniqueFd report(::open((path + ".report").c_str(), O_RDONLY));
  check(::read(report.get(), &measured, sizeof measured) == sizeof measured, "a measurement is reported");
  ::unlink((path + ".report").c_str());
  return measured;
}

/// The median of each figure, and the highest peak.
Measured median(const std::vector<Measured>& all) {
  const auto middle = [&](double Measured::*figure) {
    std::vector<double> figures;
    figures.reserve(all.size());
    for (const Measured& each : all) figures.push_back(each.*figure);
    std::sort(figures.begin(), figures.end());
    return figures[figures.size() / 2];
  };
  Measured result{middle(&Measured::seconds), middle(&Measured::cpu_seconds), 0};
  for (const Measured& each : all) result.peak_kib = std::max(result.peak_kib, each.peak_kib);
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string path = argc > 1 ? argv[1] : "/tmp/sidefridge_relay_bench.out";
  constexpr int rounds = 7;

  std::string block;
  for (int line = 0; line < 1000; ++line) {
    std::string text = "line " + std::to_string(line) + ' ';
    text.resize(line_bytes - 1, 'x');
    block += text + '\n';
  }
  const std::string long_block(std::size_t{1} << 20, 'y');

  std::vector<Measured> floors, texts, jsons, long_floors, long_lines;
  for (int round = 0; round < rounds; ++round) {
    floors.push_back(measure(path, [&](int output) { run_floor(start_writer(block, lines / 1000), output); }));
    texts.push_back(measure(
        path, [&](int output) { Relay::run(start_writer(block, lines / 1000), output, core::LogFormat::text); }));
    jsons.push_back(measure(
        path, [&](int output) { Relay::run(start_writer(block, lines / 1000), output, core::LogFormat::json); }));
    long_floors.push_back(measure(path, [&](int output) { run_floor(start_writer(long_block, 64), output); }));
    long_lines.push_back(
        measure(path, [&](int output) { Relay::run(start_writer(long_block, 64), output, core::LogFormat::text); }));
  }
  ::unlink(path.c_str());

  std::printf("median of %d rounds; the ratio of CPU times is the one to trust on a busy machine\n", rounds);
  const auto print = [](const char* what, const Measured& measured, const Measured& floor, double amount,
                        const char* unit) {
    std::printf("  %-6s %8.2f %s  ratio %.2f (CPU %.2f)  peak RSS %ld KiB\n", what, amount / measured.seconds / 1e6,
                unit, floor.seconds / measured.seconds, floor.cpu_seconds / measured.cpu_seconds, measured.peak_kib);
  };
  const Measured floor = median(floors);
  std::printf("2 M lines of 100 B, prefixed, into a file\n");
  print("floor", floor, floor, lines, "M lines/s");
  print("text", median(texts), floor, lines, "M lines/s");
  print("json", median(jsons), floor, lines, "M lines/s");
  const Measured long_floor = median(long_floors);
  std::printf("one line of 64 MiB\n");
  print("floor", long_floor, long_floor, long_line_bytes, "MB/s");
  print("text", median(long_lines), long_floor, long_line_bytes, "MB/s");
}
