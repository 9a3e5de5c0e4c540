#include "sidefridge/os/spawn.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "fixture.h"
#include "sidefridge/os/inherited_fds.h"
#include "sidefridge/os/mono_timer.h"
#include "sidefridge/os/signal_fd.h"
#include "sidefridge/os/wall_timer.h"

namespace sidefridge::os {
namespace {

using Words = std::vector<std::string>;

Result<pid_t> try_spawn(const Words& argv, const Words& environment = {}) {
  return spawn(SpawnRequest{argv[0], argv, environment, {}, 1, 2});
}

/// The line of /proc/self/status that begins with `name`, as a child of ours has it.
std::string status_line(const std::string& name) {
  std::istringstream status(output_of({"/bin/cat", "/proc/self/status"}));
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(name + ":")) return line.substr(name.size() + 2);
  }
  return "";
}

TEST(Spawn, gives_the_child_an_empty_signal_mask_and_default_dispositions) {
  // As nohup(1) would start us.
  ::signal(SIGHUP, SIG_IGN);
  ::signal(SIGRTMAX, SIG_IGN);
  // Those that the C libraries keep for themselves, which signal(2) refuses.
  constexpr std::array<unsigned long, 16> ignored{1};
  for (const int number : {32, 33, 34}) ASSERT_EQ(::syscall(SYS_rt_sigaction, number, ignored.data(), nullptr, 8), 0);
  const SignalFd signals = *SignalFd::open();
  EXPECT_EQ(status_line("SigBlk"), "0000000000000000");
  EXPECT_EQ(status_line("SigIgn"), "0000000000000000");
}

TEST(Spawn, gives_the_child_a_session_and_group_of_its_own) {
  const Child child = start({"/bin/cat", "/proc/self/stat"});
  std::istringstream stat(read_to_end(child.output.read_end.get()));
  std::string comm;
  std::string state;
  pid_t pid = 0;
  pid_t parent = 0;
  pid_t group = 0;
  pid_t session = 0;
  stat >> pid >> comm >> state >> parent >> group >> session;
  EXPECT_EQ(pid, child.pid);
  EXPECT_EQ(parent, ::getpid());
  EXPECT_EQ(group, child.pid);
  EXPECT_EQ(session, child.pid);
  wait_until_ended(child.pid);
  reap_one();
}

TEST(Spawn, gives_the_child_the_stdin_that_was_asked_for) {
  Pipe input = *open_pipe();
  Pipe output = *open_pipe();
  ASSERT_EQ(::write(input.write_end.get(), "text", 4), 4);
  input.write_end.reset();
  const Words argv{"/bin/cat"};
  const int fd = output.write_end.get();
  const Result<pid_t> pid = spawn(SpawnRequest{argv[0], argv, {}, {}, fd, fd, input.read_end.get()});
  ASSERT_TRUE(pid.ok());
  output.write_end.reset();
  EXPECT_EQ(read_to_end(output.read_end.get()), "text");
  wait_until_ended(*pid);
  reap_one();
}

TEST(Spawn, passes_no_descriptor_but_stdin_stdout_and_stderr) {
  ASSERT_TRUE(keep_inherited_fds_from_scripts().ok());  // what the starter of this test left open is not what is tested
  const SignalFd signals = *SignalFd::open();
  const WallTimer wall = *WallTimer::open();
  const MonoTimer mono = *MonoTimer::open();
  const Pipe other = *open_pipe();
  // Not those of ls itself: it has one more, by which it lists them, and does or does not show it.
  const Child child = start({"/bin/sh", "-c", "/bin/ls -l /proc/$$/fd; exit $?"});
  std::istringstream listing(read_to_end(child.output.read_end.get()));
  const std::string output =
      std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(child.output.read_end.get()));
  Words links;
  for (std::string line; std::getline(listing, line);) {
    if (const std::size_t arrow = line.find(" -> "); arrow != std::string::npos) {
      links.push_back(line.substr(line.rfind(' ', arrow - 1) + 1));
    }
  }
  const Words expected = {"0 -> /dev/null", "1 -> " + output, "2 -> " + output};
  EXPECT_EQ(links, expected);
  wait_until_ended(child.pid);
  reap_one();
}

TEST(Spawn, keeps_stdout_and_stderr_apart) {
  const Pipe out = *open_pipe();
  Pipe err = *open_pipe();
  Pipe moved_out = Pipe{UniqueFd(), UniqueFd(::dup(out.write_end.get()))};
  const Words argv = {"/bin/sh", "-c", "echo to out; echo to err >&2"};
  const Result<pid_t> pid = spawn(SpawnRequest{argv[0], argv, {}, {}, moved_out.write_end.get(), err.write_end.get()});
  ASSERT_TRUE(pid.ok());
  err.write_end.reset();
  EXPECT_EQ(read_to_end(err.read_end.get()), "to err\n");
  EXPECT_EQ(read_line(out.read_end.get()), "to out");
  wait_until_ended(*pid);
  reap_one();
}

TEST(Spawn, passes_arguments_and_environment_byte_for_byte) {
  const Words argv = {"/bin/sh", "-c",    "printf '[%s]' \"$0\" \"$@\" \"$A\" \"$B\"; env | wc -l", "zero", "a b",
                      "",        "\xff\n"};
  const Child child = start(argv, {"A=1 2\n3", "B=", "PATH=/usr/bin:/bin"});
  const std::string output = read_to_end(child.output.read_end.get());
  EXPECT_TRUE(output.starts_with("[zero][a b][][\xff\n][1 2\n3][]")) << output;
  wait_until_ended(child.pid);
  reap_one();
}

TEST(Spawn, works_when_stdout_and_stderr_are_in_place_already) {
  // They would be close-on-exec in a daemon that was careful about everything it opened.
  ASSERT_EQ(::fcntl(1, F_SETFD, FD_CLOEXEC), 0);
  ASSERT_EQ(::fcntl(2, F_SETFD, FD_CLOEXEC), 0);
  const Result<pid_t> pid = try_spawn({"/bin/sh", "-c", "true >&1 && true >&2"});
  ASSERT_EQ(::fcntl(1, F_SETFD, 0), 0);
  ASSERT_EQ(::fcntl(2, F_SETFD, 0), 0);
  ASSERT_TRUE(pid.ok());
  wait_until_ended(*pid);
  EXPECT_TRUE(reap_one()->status.succeeded());
}

TEST(Spawn, says_what_keeps_a_program_from_starting) {
  const TempDir dir;
  const std::string gone = dir / "gone";
  const std::string plain = dir.write("plain", "echo hi\n", 0644);
  const std::string no_program = dir.write("no-program",
                                           "\x7f"
                                           "ELF but no more",
                                           0755);
  const std::string no_loader = dir.write("no-loader", "#!/bin/nope\n", 0755);
  const struct {
    std::string program;
    ErrorCode code;
    std::string why;
  } rows[] = {
      {gone, ErrorCode::not_found, "it does not exist, or the loader it was linked with does not"},
      {no_loader, ErrorCode::not_found, "it does not exist, or the loader it was linked with does not"},
      {plain, ErrorCode::io, "it may not be executed (no x permission, or a noexec mount)"},
      {dir.path(), ErrorCode::io, "it may not be executed (no x permission, or a noexec mount)"},
      {no_program, ErrorCode::invalid, "it is not a program for this machine"},
      {plain + "/below", ErrorCode::io, "Not a directory"},
  };
  for (const auto& row : rows) {
    const Result<pid_t> pid = try_spawn({row.program});
    ASSERT_FALSE(pid.ok()) << row.program;
    EXPECT_EQ(pid.error().code, row.code);
    EXPECT_EQ(pid.error().text, "cannot start '" + row.program + "': " + row.why);
  }
  EXPECT_FALSE(any_children());
}

TEST(Spawn, says_that_arguments_are_too_large) {
  const Result<pid_t> argument = try_spawn({"/bin/true", std::string(256 * 1024, 'x')});
  ASSERT_FALSE(argument.ok());
  EXPECT_EQ(argument.error().code, ErrorCode::full);
  EXPECT_EQ(argument.error().text,
            "cannot start '/bin/true': its arguments and environment are larger than the system allows");
  EXPECT_FALSE(try_spawn({"/bin/true"}, Words(100, std::string(100'000, 'x'))).ok());
}

TEST(Spawn, says_that_no_more_processes_are_allowed) {
  const Pipe answer = *open_pipe();
  const pid_t limited = ::fork();
  if (limited == 0) {
    // The limit does not bind root.
    if (::geteuid() == 0 && ::setresuid(65534, 65534, 65534) != 0) ::_exit(1);
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_NPROC, &none);
    const Result<pid_t> pid = try_spawn({"/bin/true"});
    const std::string text = pid ? "" : pid.error().text + "\n";
    const bool told = ::write(answer.write_end.get(), text.data(), text.size()) > 0;
    ::_exit(told && pid.error().code == ErrorCode::unavailable ? 0 : 1);
  }
  EXPECT_EQ(read_line(answer.read_end.get()),
            "cannot start '/bin/true': the system allows no more processes (RLIMIT_NPROC or pids limit)");
  wait_until_ended(limited);
  EXPECT_TRUE(reap_one()->status.succeeded());
}

/// Program files, from threads that write them to the one that executes them.
class Programs {
public:
  /// Waits while many are waiting.
  void put(std::string path) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return paths_.size() < 4 || over_; });
    paths_.push_back(std::move(path));
    changed_.notify_all();
  }
  /// Waits for one. Returns: the one that was written last.
  std::string take() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !paths_.empty(); });
    std::string path = std::move(paths_.back());
    paths_.pop_back();
    changed_.notify_all();
    return path;
  }
  void end() {
    const std::lock_guard lock(mutex_);
    over_ = true;
    changed_.notify_all();
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> paths_;
  bool over_ = false;
};

TEST(Spawn, is_sound_while_other_threads_allocate_and_write_what_it_executes) {
  const TempDir dir;
  const std::string program = [] {
    std::ifstream file("/bin/true", std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }();
  Programs programs;
  std::atomic<bool> over = false;
  std::atomic<int> failures = 0;
  std::vector<std::thread> threads;
  for (int writer = 0; writer < 2; ++writer) {
    threads.emplace_back([&, writer] {
      for (int i = 0; !over; ++i) {
        std::string path = dir / (std::to_string(writer) + "-" + std::to_string(i));
        UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0700));
        if (!file || ::write(file.get(), program.data(), program.size()) != static_cast<ssize_t>(program.size())) {
          ++failures;
        }
        file.reset();
        programs.put(std::move(path));
      }
    });
  }
  threads.emplace_back([&] {
    // Of all sizes, so that the allocator's locks, too, are taken all the time.
    std::vector<std::unique_ptr<std::string>> texts(64);
    for (std::size_t i = 0; !over; ++i) texts[i % 64] = std::make_unique<std::string>(i * 977 % 200'000, 'x');
  });

  constexpr int count = 500;
  int ended_well = 0;
  for (int i = 0; i < count; ++i) {
    const std::string path = programs.take();
    const Result<pid_t> pid = try_spawn({path});
    EXPECT_TRUE(pid.ok()) << (pid ? "" : pid.error().text);
    ::unlink(path.c_str());
    // Not waited for: the next is started while this one closes what it got from us.
    while (const std::optional<Exited> exited = reap_one()) ended_well += exited->status.succeeded() ? 1 : 0;
  }
  over = true;
  programs.end();
  for (std::thread& thread : threads) thread.join();
  siginfo_t info{};
  while (::waitid(P_ALL, 0, &info, WEXITED | WNOWAIT) == 0) ended_well += reap_one()->status.succeeded() ? 1 : 0;
  EXPECT_EQ(ended_well, count);
  EXPECT_EQ(failures, 0);
}

TEST(Spawn, says_that_a_program_is_being_written_when_that_goes_on) {
  const TempDir dir;
  const std::string program = dir / "program";
  std::filesystem::copy_file("/bin/true", program);
  UniqueFd writer(::open(program.c_str(), O_WRONLY | O_CLOEXEC));
  const Result<pid_t> refused = try_spawn({program});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::busy);
  EXPECT_EQ(refused.error().text, "cannot start '" + program + "': it is being written");
  EXPECT_FALSE(any_children());
  writer.reset();
  const Result<pid_t> pid = try_spawn({program});
  ASSERT_TRUE(pid.ok());
  wait_until_ended(*pid);
  EXPECT_TRUE(reap_one()->status.succeeded());
}

}  // namespace
}  // namespace sidefridge::os
