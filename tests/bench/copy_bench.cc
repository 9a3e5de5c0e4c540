// copy_bench.cc - what reading the hooks and a consistent copy of them cost, against plain reading and writing of the
// same files.
//
//     copy_bench [ROUNDS]
//
// The tree is what the kubelet mounts: five folders of twenty scripts, each a link through "..data". Both are done once
// a round, in turn, so that a noisy machine is noisy for both; medians are printed. The last columns are what it costs
// to read the hooks without a copy, and to find out that they have not changed.
//
// Then 10,000 hooks that lie where they are executed: read for the first time, read again where nothing has changed,
// and looked at before a script, where events cannot tell that nothing has changed.
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "bench.h"
#include "sidefridge/core/hook.h"
#include "sidefridge/hooks/generations.h"
#include "sidefridge/hooks/tree_copy.h"

namespace {

namespace core = sidefridge::core;
namespace fs = std::filesystem;
namespace hooks = sidefridge::hooks;
using sidefridge::bench::median;
using sidefridge::bench::must;
using Milliseconds = std::chrono::duration<double, std::milli>;

void mount_hooks(const std::string& scripts_dir, std::size_t script_bytes) {
  const std::string content = "#!/bin/sh\n" + std::string(script_bytes - 10, '#');
  for (const core::Hook hook : core::all_hooks) {
    const fs::path folder = fs::path(scripts_dir) / core::name_of(hook);
    fs::create_directories(folder / "..2026_01_02");
    fs::create_symlink("..2026_01_02", folder / "..data");
    for (int i = 10; i < 30; ++i) {
      const std::string name = std::to_string(i) + "-script";
      std::ofstream(folder / "..2026_01_02" / name, std::ios::binary) << content;
      fs::create_symlink("..data/" + name, folder / name);
    }
  }
}

void copy_plainly(const std::string& scripts_dir, const std::string& destination) {
  static std::array<char, 64 * 1024> buffer;
  must(::mkdir(destination.c_str(), 0700) == 0, "mkdir");
  for (const core::Hook hook : core::all_hooks) {
    const std::string folder = "/" + std::string(core::name_of(hook));
    must(::mkdir((destination + folder).c_str(), 0700) == 0, "mkdir");
    for (int i = 10; i < 30; ++i) {
      const std::string path = folder + "/" + std::to_string(i) + "-script";
      const int from = ::open((scripts_dir + path).c_str(), O_RDONLY | O_CLOEXEC);
      const int to = ::open((destination + path).c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0500);
      must(from >= 0 && to >= 0, "open");
      for (ssize_t got = 0; (got = ::read(from, buffer.data(), buffer.size())) > 0;) {
        must(::write(to, buffer.data(), static_cast<std::size_t>(got)) == got, "write");
      }
      must(::close(from) == 0 && ::close(to) == 0, "close");
    }
  }
}

void compare(const std::string& parent, std::size_t script_bytes, int rounds) {
  std::string dir = parent + "/copy_bench-XXXXXX";
  must(::mkdtemp(dir.data()) != nullptr, dir.c_str());
  const std::string scripts_dir = dir + "/scripts";
  const std::string destination = dir + "/copy";
  mount_hooks(scripts_dir, script_bytes);
  std::vector<double> ours;
  std::vector<double> plain;
  std::vector<double> unchanged;
  // As if it came long after the last change.
  constexpr sidefridge::WallTime now{std::chrono::hours(24 * 47'482)};
  std::vector<double> read;
  const auto generations = hooks::Generations::open(dir + "/generations", {});
  must(generations->make(scripts_dir, now).ok(), "make");
  for (int round = 0; round < rounds; ++round) {
    auto before = std::chrono::steady_clock::now();
    must(hooks::copy_hook_tree(scripts_dir, destination, {}).ok(), "copy_hook_tree");
    ours.push_back(Milliseconds(std::chrono::steady_clock::now() - before).count());
    hooks::remove_tree(destination);

    before = std::chrono::steady_clock::now();
    copy_plainly(scripts_dir, destination);
    plain.push_back(Milliseconds(std::chrono::steady_clock::now() - before).count());
    hooks::remove_tree(destination);

    before = std::chrono::steady_clock::now();
    must(hooks::read_hooks(scripts_dir, {}).ok(), "read_hooks");
    read.push_back(Milliseconds(std::chrono::steady_clock::now() - before).count());

    before = std::chrono::steady_clock::now();
    must(generations->make(scripts_dir, now)->generation == 1, "make again");
    unchanged.push_back(Milliseconds(std::chrono::steady_clock::now() - before).count());
  }
  hooks::remove_tree(dir);
  const double our_median = median(ours);
  const double plain_median = median(plain);
  std::printf(
      "copy 5 x 20 scripts of %3zu KiB on %-8s  ours %6.2f ms  plain %6.2f ms  ratio %.2f  read %6.2f ms  unchanged "
      "%5.2f ms\n",
      script_bytes / 1024, parent.c_str(), our_median, plain_median, our_median / plain_median, median(read),
      median(unchanged));
}

void read_ten_thousand(const std::string& parent, int rounds) {
  std::string dir = parent + "/copy_bench-XXXXXX";
  must(::mkdtemp(dir.data()) != nullptr, dir.c_str());
  const std::string scripts_dir = dir + "/scripts";
  for (int i = 0; i < 10'000; ++i) {
    const fs::path folder = fs::path(scripts_dir) / core::name_of(core::all_hooks[static_cast<std::size_t>(i) % 5]);
    fs::create_directories(folder);
    std::ofstream(folder / std::to_string(i), std::ios::binary) << "#!/bin/sh\necho " << i << "\n";
  }
  constexpr sidefridge::WallTime now{std::chrono::hours(24 * 47'482)};
  std::vector<double> first;
  std::vector<double> again;
  std::vector<double> looked;
  std::vector<double> touched;
  for (int round = 0; round < rounds; ++round) {
    const auto generations = hooks::Generations::open(dir + "/generations", {});
    const auto take = [&](std::vector<double>& times, auto work) {
      const auto before = std::chrono::steady_clock::now();
      must(work(), "read");
      times.push_back(Milliseconds(std::chrono::steady_clock::now() - before).count());
    };
    core::Script script;
    take(first, [&] {
      const auto made = generations->make(scripts_dir, now);
      if (!made) return false;
      script = made->reading.hooks.scripts(core::Hook::backups).front();
      return made->in_place[static_cast<std::size_t>(core::Hook::backups)];
    });
    take(again, [&] { return generations->make(scripts_dir, now)->generation == 1; });
    take(looked, [&] { return generations->place(1, script, {}).path == script.path; });
    std::ofstream(script.path, std::ios::app) << "true\n";
    take(touched, [&] { return generations->make(scripts_dir, now)->generation == 2; });
  }
  hooks::remove_tree(dir);
  std::printf(
      "10,000 hooks in place on %-8s  first %6.2f ms  unchanged %6.2f ms (target 100)  looked at %5.2f ms  one touched "
      "%6.2f ms\n",
      parent.c_str(), median(first), median(again), median(looked), median(touched));
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 100;
  must(rounds > 0, "ROUNDS is a number");
  for (const std::string& parent : {fs::temp_directory_path().string(), std::string("/dev/shm")}) {
    if (!fs::is_directory(parent)) continue;
    compare(parent, 1024, rounds);
    compare(parent, 128 * 1024, rounds / 10 + 1);
    compare(parent, 640 * 1024, rounds / 20 + 1);  // nearly as much as is copied at all
    read_ten_thousand(parent, rounds / 10 + 1);
  }
}
