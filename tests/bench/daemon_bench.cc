// daemon_bench.cc - what the daemon costs, against bare system calls measured in the same run.
//
//     daemon_bench [SECONDS] [ROUNDS]
//
// start    from exec to the line that says ready
// tick     from the second's boundary to the first instruction of a script, daemon and bare timerfd in turn, half a
//          second apart; the cost of starting that script is taken off both
// scripts  a run of 1,000 trivial scripts, against dash's own for loop over them and a bare posix_spawn of each, in a
//          session of its own as every script has one; and `once` as a whole, which copies the scripts first and
//          removes the copy
// idle     context switches and memory while nothing is due
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "bench.h"

namespace {

namespace fs = std::filesystem;
using sidefridge::bench::median;
using sidefridge::bench::must;
using sidefridge::bench::Place;
using Clock = std::chrono::steady_clock;
constexpr long long second_ns = 1'000'000'000;

double milliseconds_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

long long wall_ns() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec * second_ns + now.tv_nsec;
}

pid_t start(const std::vector<std::string>& command, int stdout_fd, short flags = 0) {
  std::vector<char*> argv;
  for (const std::string& argument : command) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, stdout_fd, STDOUT_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, flags);
  pid_t pid = 0;
  must(posix_spawn(&pid, argv[0], &actions, &attributes, argv.data(), environ) == 0, argv[0]);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return pid;
}

int end_of(pid_t pid) {
  int status = 0;
  must(waitpid(pid, &status, 0) == pid, "waitpid");
  return status;
}

/// Starts the daemon and waits for its line. Returns: its pid and how long that took.
struct Started {
  pid_t pid;
  int out;
  double ready_ms;
};
Started start_daemon(const std::string& sidefridge, const char* schedule) {
  ::setenv("CRON_BACKUP_SCHEDULE", schedule, 1);
  int ends[2];
  must(pipe2(ends, O_CLOEXEC) == 0, "pipe2");
  fcntl(ends[0], F_SETPIPE_SZ, 1 << 20);
  const Clock::time_point begin = Clock::now();
  const pid_t pid = start({sidefridge}, ends[1]);
  close(ends[1]);
  std::string text;
  while (text.find("ready; ") == std::string::npos) {
    char chunk[4096];
    const ssize_t count = read(ends[0], chunk, sizeof chunk);
    must(count > 0, "the daemon says that it is ready");
    text.append(chunk, static_cast<std::size_t>(count));
  }
  return {pid, ends[0], milliseconds_since(begin)};
}

void end_daemon(const Started& daemon) {
  kill(daemon.pid, SIGTERM);
  must(end_of(daemon.pid) == 0, "the daemon ends with 0");
  close(daemon.out);
}

std::vector<long long> stamps_in(const fs::path& path) {
  std::ifstream file(path);
  std::vector<long long> stamps;
  for (long long stamp = 0; file >> stamp;) stamps.push_back(stamp);
  return stamps;
}

std::vector<double> past_boundary_ms(const std::vector<long long>& stamps, long long offset_ns) {
  std::vector<double> found;
  for (const long long stamp : stamps) found.push_back(static_cast<double>((stamp - offset_ns) % second_ns) / 1e6);
  return found;
}

void bench_start(const std::string& sidefridge, int rounds) {
  Place place;
  std::vector<double> times;
  for (int round = 0; round < rounds; ++round) {
    const Started daemon = start_daemon(sidefridge, "0 3 1 1 *");
    times.push_back(daemon.ready_ms);
    end_daemon(daemon);
  }
  std::printf("start    exec to ready: %.2f ms (target 10)\n", median(times));
}

void bench_tick(const std::string& sidefridge, const std::string& stamp, int seconds) {
  Place place;
  fs::copy_file(stamp, place.root / "scripts" / "backups" / "stamp");
  const fs::path ours_file = place.root / "ours";
  const fs::path bare_file = place.root / "bare";
  ::setenv("STAMP_FILE", ours_file.c_str(), 1);
  const Started daemon = start_daemon(sidefridge, "* * * * * *");
  ::setenv("STAMP_FILE", bare_file.c_str(), 1);
  const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
  const int timer = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC);
  std::vector<double> spawn_ms;
  for (int i = 0; i < seconds; ++i) {
    itimerspec when{};
    when.it_value.tv_sec = wall_ns() / second_ns + 1;
    when.it_value.tv_nsec = second_ns / 2;
    must(timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, nullptr) == 0, "timerfd_settime");
    std::uint64_t expirations = 0;
    must(read(timer, &expirations, sizeof expirations) == sizeof expirations, "timerfd");
    const long long before = wall_ns();
    must(end_of(start({stamp}, null)) == 0, "stamp");
    spawn_ms.push_back(static_cast<double>(stamps_in(bare_file).back() - before) / 1e6);
  }
  end_daemon(daemon);
  close(timer);
  close(null);
  const double spawn = median(spawn_ms);
  const double bare = median(past_boundary_ms(stamps_in(bare_file), second_ns / 2)) - spawn;
  const double ours = median(past_boundary_ms(stamps_in(ours_file), 0)) - spawn;
  std::printf(
      "tick     ours %.3f ms, floor %.3f ms (bare timerfd), start of the script %.3f ms, taken off (target 0.5)\n",
      ours, bare, spawn);
}

/// How long the newest run took, as the history has it.
double last_run_ms(const std::string& sidefridge, const Place& place) {
  const fs::path file = place.root / "history";
  const int out = open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  must(end_of(start({sidefridge, "history", "--json"}, out)) == 0, "history");
  close(out);
  std::ifstream in(file);
  const std::string json((std::istreambuf_iterator<char>(in)), {});
  const std::size_t run = json.rfind("\"run_id\":");
  const std::string_view key = "\"elapsed_ms\":";
  const std::size_t elapsed = run == std::string::npos ? run : json.find(key, run);
  must(elapsed != std::string::npos, "the history knows how long the run took");
  return std::strtod(json.c_str() + elapsed + key.size(), nullptr);
}

void bench_scripts(const std::string& sidefridge, int rounds) {
  // In memory, as /run is: else the copies that `once` has just made are written to the disk while its run goes on. A
  // daemon has made them long before.
  Place place("/dev/shm");
  constexpr int count = 1000;
  std::vector<std::string> scripts;
  for (int i = 0; i < count; ++i) {
    const fs::path path = place.root / "scripts" / "backups" / std::to_string(1000 + i);
    std::ofstream(path) << "#!/bin/sh\n:\n";
    ::chmod(path.c_str(), 0755);
    scripts.push_back(path);
  }
  const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
  const std::string loop = "for f in " + (place.root / "scripts" / "backups").string() + "/*; do \"$f\"; done";
  const auto time_dash = [null](const std::string& text) {
    const Clock::time_point begin = Clock::now();
    must(end_of(start({"/bin/dash", "-c", text}, null)) == 0, "dash");
    return milliseconds_since(begin);
  };
  const auto dash_loop_ms = [&] { return (time_dash(loop) - time_dash(":")) / count; };
  std::vector<double> whole;
  std::vector<double> ours;
  std::vector<double> dash;
  std::vector<double> bare;
  std::vector<double> ratios;
  std::vector<double> ratios_to_bare;
  for (int round = 0; round < rounds; ++round) {
    // Dash before and after, because a machine changes its pace within seconds.
    const double dash_before = dash_loop_ms();
    Clock::time_point begin = Clock::now();
    must(end_of(start({sidefridge, "once"}, null)) == 0, "once");
    whole.push_back(milliseconds_since(begin) / count);
    ours.push_back(last_run_ms(sidefridge, place) / count);
    dash.push_back((dash_before + dash_loop_ms()) / 2);
    begin = Clock::now();
    for (const std::string& script : scripts) must(end_of(start({script}, null, POSIX_SPAWN_SETSID)) == 0, "script");
    bare.push_back(milliseconds_since(begin) / count);
    ratios.push_back(ours.back() / dash.back());
    ratios_to_bare.push_back(ours.back() / bare.back());
  }
  close(null);
  std::printf(
      "scripts  ours %.3f ms, dash %.3f ms a script, ratio %.3f (target 1.15); floor %.3f ms (bare spawn), "
      "ratio %.3f; once as a whole %.3f ms\n",
      median(ours), median(dash), median(ratios), median(bare), median(ratios_to_bare), median(whole));
}

std::string field(const fs::path& path, const std::string& name) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(name)) return line.substr(name.size());
  }
  return "0";
}

void bench_idle(const std::string& sidefridge, int seconds) {
  Place place;
  const Started daemon = start_daemon(sidefridge, "0 3 1 1 *");
  const fs::path proc = "/proc/" + std::to_string(daemon.pid);
  // When it has said ready, its last words are still being written, and the hooks are copied: until it sleeps.
  long before = -1;
  for (long now = 0; now != before;) {
    before = now;
    ::poll(nullptr, 0, 500);
    now = std::stol(field(proc / "status", "voluntary_ctxt_switches:"));
  }
  ::poll(nullptr, 0, seconds * 1000);
  const long after = std::stol(field(proc / "status", "voluntary_ctxt_switches:"));
  std::printf(
      "idle     %ld wake-ups in %d s (target 0), RSS %ld KiB (target 6144), private dirty %ld KiB (target 1024)\n",
      after - before, seconds, std::stol(field(proc / "status", "VmRSS:")),
      std::stol(field(proc / "smaps_rollup", "Private_Dirty:")));
  end_daemon(daemon);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string sidefridge = SIDEFRIDGE_PROGRAM;
  const int seconds = argc > 1 ? std::atoi(argv[1]) : 60;
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 9;
  bench_start(sidefridge, 3 * rounds);
  bench_scripts(sidefridge, rounds);
  bench_tick(sidefridge, STAMP_PROGRAM, seconds);
  bench_idle(sidefridge, seconds);
}
