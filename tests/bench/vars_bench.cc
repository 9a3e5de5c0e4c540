// vars_bench.cc - what a script pays for save_var and load_var, against /bin/true started the same way.
//
//     vars_bench [ROUNDS]
//
// Each round starts all of them once, in turn, so that a noisy machine is noisy for all alike; medians are printed.
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "bench.h"
#include "sidefridge/store/state_folder.h"
#include "sidefridge/store/variables.h"

namespace {

namespace store = sidefridge::store;
using sidefridge::bench::median;
using sidefridge::bench::must;
using Milliseconds = std::chrono::duration<double, std::milli>;

// From before posix_spawn to after the child was waited for.
double start_once(const std::vector<std::string>& command, const posix_spawn_file_actions_t& silence) {
  std::vector<char*> argv;
  for (const std::string& argument : command) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  pid_t pid = 0;
  int status = 0;
  const auto before = std::chrono::steady_clock::now();
  must(posix_spawn(&pid, argv[0], &silence, nullptr, argv.data(), environ) == 0, argv[0]);
  must(waitpid(pid, &status, 0) == pid, "waitpid");
  const auto after = std::chrono::steady_clock::now();
  must(status == 0, argv[0]);
  return Milliseconds(after - before).count();
}

struct Candidate {
  const char* name;
  std::vector<std::string> command;
  std::vector<double> times{};
};

void compare(long rounds, std::size_t keys) {
  const std::string commands = SIDEFRIDGE_COMMANDS;
  posix_spawn_file_actions_t silence;
  posix_spawn_file_actions_init(&silence);
  posix_spawn_file_actions_addopen(&silence, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  Candidate floor{"/bin/true", {"/bin/true"}};
  Candidate save{"save_var", {commands + "/save_var", "key", "value"}};
  Candidate load{"load_var", {commands + "/load_var", "key"}};
  for (long round = 0; round < rounds; ++round) {
    for (Candidate* candidate : {&floor, &save, &load}) {
      candidate->times.push_back(start_once(candidate->command, silence));
    }
  }
  posix_spawn_file_actions_destroy(&silence);
  std::printf("%zu keys in the run: floor %.3f ms", keys, median(floor.times));
  for (Candidate* candidate : {&save, &load}) {
    std::printf(", %s %.3f ms (ratio %.2f)", candidate->name, median(candidate->times),
                median(candidate->times) / median(floor.times));
  }
  std::printf("\n");
}

}  // namespace

int main(int argc, char** argv) {
  const long rounds = argc > 1 ? std::strtol(argv[1], nullptr, 10) : 1000;
  must(rounds > 0, "usage: vars_bench [ROUNDS]");
  std::string state_dir = (std::filesystem::temp_directory_path() / "vars_bench_XXXXXX").string();
  must(::mkdtemp(state_dir.data()) != nullptr, "mkdtemp");
  ::setenv("SIDEFRIDGE_STATE_DIR", state_dir.c_str(), 1);
  ::setenv("SIDEFRIDGE_RUN_ID", "bench", 1);
  {
    auto folder = store::StateFolder::open(state_dir);
    must(folder.ok(), "the state folder");
    auto variables = store::Variables::recreate(*folder, 64U << 20);
    must(variables.ok() && variables->begin("bench").ok(), "the store");
    compare(rounds, 0);
    constexpr std::size_t many = 10000;
    for (std::size_t key = 0; key < many; ++key) {
      must(variables->save("bench", "key-" + std::to_string(key), "some value of a variable").ok(), "save");
    }
    compare(rounds, many);
  }
  std::filesystem::remove_all(state_dir);
}
