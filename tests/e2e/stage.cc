// stage.cc - starting real programs and hearing them out.
#include "tests/e2e/stage.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <utility>

namespace sidefridge::e2e {
namespace {

constexpr long patience_ms = 60'000;
constexpr long exit_patience_ms = 60'000;

long now_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> found;
  for (std::string& text : texts) found.push_back(text.data());
  found.push_back(nullptr);
  return found;
}

/// The only child of `launcher`, once it is there: unshare(1) forks what it starts.
pid_t child_of(pid_t launcher) {
  const std::string path = "/proc/" + std::to_string(launcher) + "/task/" + std::to_string(launcher) + "/children";
  std::string text;
  eventually([&] {
    text = read_file(path);
    return !text.empty();
  });
  return text.empty() ? -1 : std::stoi(text);
}

/// Appends what can be read. Returns: false at end-of-file.
bool read_some(int fd, std::string& into) {
  std::array<char, 65536> chunk;
  const ssize_t count = ::read(fd, chunk.data(), chunk.size());
  if (count > 0) into.append(chunk.data(), static_cast<std::size_t>(count));
  return count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR));
}

}  // namespace

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

bool can_unshare() {
  static const bool can = std::system("unshare --pid --fork --mount-proc true 2>/dev/null") == 0;
  return can;
}

std::string as_user(int id) {
  std::istringstream folders(std::getenv("PATH"));
  std::string setpriv;
  for (std::string folder; std::getline(folders, folder, ':') && ::access(setpriv.c_str(), X_OK) != 0;) {
    setpriv = folder + "/setpriv";
  }
  const std::string name = std::to_string(id);
  return setpriv + " --reuid=" + name + " --regid=" + name + " --clear-groups ";
}

bool eventually(const std::function<bool()>& holds) {
  const long deadline = now_ms() + patience_ms;
  while (!holds()) {
    if (now_ms() > deadline) {
      ADD_FAILURE() << "did not come true in time";
      return false;
    }
    ::poll(nullptr, 0, 5);
  }
  return true;
}

Program::Program(Program&& other) noexcept
    : launcher_(std::exchange(other.launcher_, -1)),
      pid_(std::exchange(other.pid_, -1)),
      out_(std::exchange(other.out_, -1)),
      err_(std::exchange(other.err_, -1)),
      output_(std::move(other.output_)),
      errors_(std::move(other.errors_)) {}

Program::~Program() {
  if (launcher_ > 0) {
    if (pid_ > 0) ::kill(pid_, SIGKILL);
    ::kill(launcher_, SIGKILL);
    ::waitpid(launcher_, nullptr, 0);
  }
  if (out_ >= 0) ::close(out_);
  if (err_ >= 0) ::close(err_);
}

void Program::signal(int number) const {
  EXPECT_EQ(::kill(pid_, number), 0);
}

bool Program::pump(long deadline_ms) {
  std::array<pollfd, 2> waits{pollfd{out_, POLLIN, 0}, pollfd{err_, POLLIN, 0}};
  const long left = std::max(0L, deadline_ms - now_ms());
  if (::poll(waits.data(), waits.size(), static_cast<int>(left)) <= 0) return false;
  if (waits[0].revents != 0 && !read_some(out_, output_)) ::close(std::exchange(out_, -1));
  if (waits[1].revents != 0 && !read_some(err_, errors_)) ::close(std::exchange(err_, -1));
  return true;
}

bool Program::wait_for(std::string_view part, int times) {
  const long deadline = now_ms() + patience_ms;
  std::size_t from = 0;
  for (int seen = 0; seen < times;) {
    const std::size_t at = output_.find(part, from);
    if (at != std::string::npos) {
      from = at + part.size();
      ++seen;
      continue;
    }
    if (out_ < 0) {
      const int code = wait_exit();
      ADD_FAILURE() << "it ended with " << code << ", without '" << part << "'; stdout:\n"
                    << output_ << "\nstderr:\n"
                    << errors_;
      return false;
    }
    if (!pump(deadline)) {
      ADD_FAILURE() << "no '" << part << "' in time; stdout:\n" << output_ << "\nstderr:\n" << errors_;
      return false;
    }
  }
  return true;
}

int Program::wait_exit() {
  const long deadline = now_ms() + exit_patience_ms;
  while ((out_ >= 0 || err_ >= 0) && pump(deadline)) {
  }
  int status = 0;
  pid_t ended = 0;
  while ((ended = ::waitpid(launcher_, &status, WNOHANG)) == 0 && now_ms() < deadline) ::poll(nullptr, 0, 2);
  if (ended != launcher_) {
    ADD_FAILURE() << "did not end in time; stdout:\n" << output_ << "\nstderr:\n" << errors_;
    return -1;
  }
  launcher_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::vector<std::string> Program::lines_with(std::string_view part) const {
  std::vector<std::string> found;
  std::size_t begin = 0;
  while (begin < output_.size()) {
    const std::size_t end = std::min(output_.find('\n', begin), output_.size());
    const std::string line = output_.substr(begin, end - begin);
    if (line.find(part) != std::string::npos) found.push_back(line);
    begin = end + 1;
  }
  return found;
}

Stage::Stage() {
  std::string name = (std::filesystem::temp_directory_path() / "sidefridge-e2e-XXXXXX").string();
  root_ = ::mkdtemp(name.data());
  std::filesystem::create_directory(scripts_dir());
}

Stage::~Stage() {
  std::error_code ignored;
  std::filesystem::remove_all(root_, ignored);
}

void Stage::script(const std::string& path, std::string text, int mode) const {
  for (std::size_t at = 0; (at = text.find("@ROOT@")) != std::string::npos;) text.replace(at, 6, root_.string());
  const std::filesystem::path whole = scripts_dir() / path;
  std::filesystem::create_directories(whole.parent_path());
  std::ofstream(whole, std::ios::binary) << text;
  ::chmod(whole.c_str(), static_cast<mode_t>(mode));
}

Program Stage::launch(const std::vector<std::string>& command) const {
  std::vector<std::string> arguments = command;
  std::map<std::string, std::string> variables{
      {"PATH",
       std::string(SIDEFRIDGE_BIN_DIR) + ":" + SIDEFRIDGE_TOOLS_DIR + ":/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"},
      // Where kubectl keeps its cache; without one it does so in the current folder.
      {"HOME", root_},
      {"SIDEFRIDGE_SCRIPTS_DIR", scripts_dir()},
      {"SIDEFRIDGE_STATE_DIR", state_dir()},
      {"ASAN_OPTIONS", "detect_leaks=1"},
  };
  for (const auto& [name, value] : environment) variables[name] = value;
  std::vector<std::string> entries;
  for (const auto& [name, value] : variables) entries.push_back(name + "=" + value);

  std::array<int, 2> out{};
  std::array<int, 2> err{};
  EXPECT_EQ(::pipe2(out.data(), O_CLOEXEC), 0);
  EXPECT_EQ(::pipe2(err.data(), O_CLOEXEC), 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out[1], 1);
  posix_spawn_file_actions_adddup2(&actions, err[1], 2);
  Program program;
  const std::vector<char*> argv = pointers(arguments);
  const std::vector<char*> envp = pointers(entries);
  EXPECT_EQ(::posix_spawnp(&program.launcher_, argv[0], &actions, nullptr, argv.data(), envp.data()), 0) << command[0];
  posix_spawn_file_actions_destroy(&actions);
  ::close(out[1]);
  ::close(err[1]);
  program.out_ = out[0];
  program.err_ = err[0];
  program.pid_ = program.launcher_;
  return program;
}

Program Stage::start(const std::vector<std::string>& arguments, As as) const {
  std::vector<std::string> command;
  if (as == As::pid_1) command = {"unshare", "--pid", "--fork", "--mount-proc", "--kill-child"};
  command.emplace_back(SIDEFRIDGE_BIN_DIR "/sidefridge");
  command.insert(command.end(), arguments.begin(), arguments.end());
  Program program = launch(command);
  if (as == As::pid_1) program.pid_ = child_of(program.launcher_);
  return program;
}

Program Stage::shell(const std::string& command) const {
  return launch({"/bin/sh", "-c", command});
}

Program Stage::daemon(const std::string& schedule, As as) {
  environment["CRON_BACKUP_SCHEDULE"] = schedule;
  Program program = start({}, as);
  program.wait_for("ready; next runs at");
  return program;
}

}  // namespace sidefridge::e2e
