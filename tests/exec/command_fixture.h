// command_fixture.h - kubectlexec as scripts call it, with a kubectl of the test's own.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sidefridge/os/inherited_fds.h"

namespace sidefridge::kubernetes {

using Words = std::vector<std::string>;

/// What a command did, once it is over.
struct Outcome {
  int code = -1;  // 128 + n: signal n
  std::string out;
  std::string err;
};

/// A command that runs beside the test; it is killed with it.
class Command {
public:
  Command(const Words& argv, const Words& environment, std::string input) : input_(std::move(input)) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    std::array<std::array<int, 2>, 3> pipes{};
    for (std::size_t fd = 0; fd < 3; ++fd) {
      EXPECT_EQ(::pipe2(pipes[fd].data(), O_CLOEXEC), 0);
      posix_spawn_file_actions_adddup2(&actions, pipes[fd][fd == 0 ? 0 : 1], static_cast<int>(fd));
    }
    const auto pointers = [](const Words& texts) {
      std::vector<char*> result;
      for (const std::string& text : texts) result.push_back(const_cast<char*>(text.c_str()));
      result.push_back(nullptr);
      return result;
    };
    // Ours is ignored; nobody's else should be.
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t defaults;
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    EXPECT_EQ(::posix_spawn(&pid_, argv[0].c_str(), &actions, &attributes, pointers(argv).data(),
                            pointers(environment).data()),
              0)
        << argv[0];
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    ::close(pipes[0][0]);
    ::close(pipes[1][1]);
    ::close(pipes[2][1]);
    in_ = pipes[0][1];
    ::fcntl(in_, F_SETFL, O_NONBLOCK);
    out_ = pipes[1][0];
    err_ = pipes[2][0];
  }
  Command(const Command&) = delete;
  Command& operator=(const Command&) = delete;
  ~Command() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    for (const int fd : {in_, out_, err_}) {
      if (fd >= 0) ::close(fd);
    }
  }

  void signal(int number) const { EXPECT_EQ(::kill(pid_, number), 0); }

  /// Waits until `part` was written to stdout.
  void wait_for(std::string_view part) {
    while (outcome_.out.find(part) == std::string::npos) {
      ASSERT_TRUE(out_ >= 0 && pump()) << "no '" << part << "'; stdout: " << outcome_.out
                                       << "; stderr: " << outcome_.err;
    }
  }

  /// Waits until it is over. With a stuck reader: no output is taken any more.
  Outcome wait() {
    while ((out_ >= 0 || err_ >= 0) && pump()) {
    }
    return reap();
  }
  Outcome reap() {
    int status = 0;
    EXPECT_EQ(::waitpid(pid_, &status, 0), pid_);
    pid_ = -1;
    outcome_.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return std::move(outcome_);
  }

private:
  bool pump() {
    std::array<pollfd, 3> waits{pollfd{out_, POLLIN, 0}, pollfd{err_, POLLIN, 0}, pollfd{in_, POLLOUT, 0}};
    constexpr int limit_ms = 30'000;
    if (::poll(waits.data(), waits.size(), limit_ms) <= 0) {
      ADD_FAILURE() << "it hangs; stdout: " << outcome_.out << "; stderr: " << outcome_.err;
      signal(SIGKILL);
      return false;
    }
    if (waits[0].revents != 0) read(out_, outcome_.out);
    if (waits[1].revents != 0) read(err_, outcome_.err);
    if (waits[2].revents != 0) feed();
    return true;
  }
  static void read(int& fd, std::string& into) {
    std::array<char, 65536> chunk;
    const ssize_t got = ::read(fd, chunk.data(), chunk.size());
    if (got > 0) {
      into.append(chunk.data(), static_cast<std::size_t>(got));
    } else {
      ::close(std::exchange(fd, -1));
    }
  }
  void feed() {
    const ssize_t wrote = ::write(in_, input_.data(), input_.size());
    if (wrote > 0) input_.erase(0, static_cast<std::size_t>(wrote));
    if (wrote < 0 || input_.empty()) ::close(std::exchange(in_, -1));
  }

  pid_t pid_ = -1;
  int in_ = -1;
  int out_ = -1;
  int err_ = -1;
  std::string input_;
  Outcome outcome_;
};

/// A folder with a kubectl in it, and kubectlexec to call.
class CommandTest : public ::testing::Test {
protected:
  void SetUp() override {
    ::signal(SIGPIPE, SIG_IGN);
    ASSERT_TRUE(os::keep_inherited_fds_from_scripts().ok());
    std::string name = (std::filesystem::temp_directory_path() / "sidefridge-test-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    std::filesystem::create_directory(folder_ / "bin");
    const char* path = std::getenv("PATH");
    environment = {{"PATH", (folder_ / "bin").string() + ":" + (path != nullptr ? path : "/usr/bin:/bin")},
                   // Where kubectl keeps its cache; without one it does so in the current folder.
                   {"HOME", folder_.string()},
                   {"TARGET_CONTAINER", "app"},
                   {"POD_NAME", "app-0"},
                   {"FAKE", folder_.string()}};
  }
  void TearDown() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  /// Makes kubectl this shell script. $FAKE is file()'s folder.
  void kubectl(std::string_view script) const {
    const std::filesystem::path path = folder_ / "bin" / "kubectl";
    std::ofstream(path, std::ios::binary) << "#!/bin/sh\n" << script;
    EXPECT_EQ(::chmod(path.c_str(), 0755), 0);
  }

  std::string file(const std::string& name) const { return (folder_ / name).string(); }
  void write(const std::string& name, std::string_view content) const {
    std::ofstream(folder_ / name, std::ios::binary) << content;
  }
  std::string content_of(const std::string& name) const {
    std::ifstream stream(folder_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }

  Words environment_words() const {
    Words words;
    for (const auto& [name, value] : environment) words.push_back(name + "=" + value);
    return words;
  }
  Command start(Words arguments, std::string input = {}) const {
    arguments.insert(arguments.begin(), SIDEFRIDGE_COMMANDS "/kubectlexec");
    return Command(arguments, environment_words(), std::move(input));
  }
  Outcome run(Words arguments, std::string input = {}) const {
    return start(std::move(arguments), std::move(input)).wait();
  }
  /// kubectl itself, as if the command needed no wrapper.
  Outcome run_bare(const Words& words) const {
    Words arguments{file("bin/kubectl"), "exec", "app-0", "-c", "app", "--"};
    arguments.insert(arguments.end(), words.begin(), words.end());
    return Command(arguments, environment_words(), {}).wait();
  }

  std::map<std::string, std::string> environment;

private:
  std::filesystem::path folder_;
};

inline void expect(const Outcome& outcome, int code, std::string_view out, std::string_view err) {
  EXPECT_EQ(outcome.code, code);
  EXPECT_EQ(outcome.out, out);
  EXPECT_EQ(outcome.err, err);
}

}  // namespace sidefridge::kubernetes
