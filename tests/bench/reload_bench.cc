// reload_bench.cc - how soon the daemon has read a ConfigMap that was swapped.
//
//     reload_bench [SWAPS]
//
// The folder `backups` holds twenty scripts as the kubelet mounts them, each a link through "..data". From the rename
// of "..data" to the log line that says what changed, once with the settling that is the default, and once without any:
// that is the inotify event, the copy of the hooks and the line alone.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "bench.h"

namespace {

namespace fs = std::filesystem;
using sidefridge::bench::must;
using sidefridge::bench::Place;
using Clock = std::chrono::steady_clock;

/// The volume of a ConfigMap.
class Volume {
public:
  explicit Volume(fs::path folder) : folder_(std::move(folder)) {
    prepare();
    swap();
    for (int i = 10; i < 10 + scripts; ++i) {
      fs::create_symlink("..data/" + std::to_string(i), folder_ / std::to_string(i));
    }
  }

  /// All of the next version but that it counts.
  void prepare() {
    before_ = std::exchange(newest_, "..v" + std::to_string(++versions_));
    fs::create_directory(folder_ / newest_);
    for (int i = 10; i < 10 + scripts; ++i) {
      std::ofstream(folder_ / newest_ / std::to_string(i)) << "#!/bin/sh\n# " << newest_ << "\n";
    }
    fs::create_directory_symlink(newest_, folder_ / "..data_tmp");
  }

  /// Returns: when it was about to count.
  Clock::time_point swap() {
    const Clock::time_point begin = Clock::now();
    fs::rename(folder_ / "..data_tmp", folder_ / "..data");
    if (!before_.empty()) fs::remove_all(folder_ / before_);
    return begin;
  }

private:
  static constexpr int scripts = 20;
  fs::path folder_;
  std::string before_;
  std::string newest_;
  int versions_ = 0;
};

class Daemon {
public:
  Daemon() {
    std::array<int, 2> ends{};
    must(::pipe2(ends.data(), O_CLOEXEC) == 0, "pipe2");
    std::string program = SIDEFRIDGE_PROGRAM;
    const std::array<char*, 2> argv{program.data(), nullptr};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    must(::posix_spawn(&pid_, argv[0], &actions, nullptr, argv.data(), environ) == 0, "posix_spawn");
    posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    out_ = ends[0];
  }
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;
  ~Daemon() {
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, nullptr, 0);
    ::close(out_);
  }

  /// Waits until it has said this since the last wait.
  void wait_for(const char* part) {
    std::size_t at = std::string::npos;
    while ((at = said_.find(part)) == std::string::npos) {
      std::array<char, 4096> chunk;
      const ssize_t count = ::read(out_, chunk.data(), chunk.size());
      must(count > 0, part);
      said_.append(chunk.data(), static_cast<std::size_t>(count));
    }
    said_.erase(0, at + 1);
  }

private:
  pid_t pid_ = 0;
  int out_ = -1;
  std::string said_;
};

void bench(const char* settle, double settle_ms, int swaps) {
  const Place place;
  Volume volume(place.root / "scripts" / "backups");
  ::setenv("CRON_BACKUP_SCHEDULE", "0 3 1 1 *", 1);
  ::setenv("SIDEFRIDGE_SETTLE", settle, 1);
  Daemon daemon;
  daemon.wait_for("ready; ");
  std::vector<double> times;
  for (int i = 0; i < swaps; ++i) {
    volume.prepare();
    // What that set off is over, so that without settling it is the swap alone that is measured.
    ::poll(nullptr, 0, 20);
    const Clock::time_point begin = volume.swap();
    daemon.wait_for("hooks changed: ");
    times.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
  }
  std::sort(times.begin(), times.end());
  std::printf("reload   settled for %-6s from the swap to the line %.2f ms, at most %.2f ms (target %.0f)\n", settle,
              times[times.size() / 2], times.back(), settle_ms + 10);
}

}  // namespace

int main(int argc, char** argv) {
  const int swaps = argc > 1 ? std::atoi(argv[1]) : 50;
  must(swaps > 0, "SWAPS is a number");
  bench("250ms", 250, swaps);
  bench("0s", 0, swaps);
}
