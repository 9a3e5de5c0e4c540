// spawn.cc - what posix_spawn(3) does, but for five signals instead of 64: in glibc 2.36 it makes more than a hundred
// system calls to reset signals that we never touched, 0.03 ms between two scripts. Like it, and unlike fork, this
// costs the same however much memory we hold.
//
// CLONE_VM and CLONE_VFORK: until it has executed its program, the child lives in our memory, as the calling thread
// (it has that one's thread-local storage, errno too), which the kernel suspends meanwhile; other threads go on. So, as
// in glibc's and musl's posix_spawn:
// - the child takes no lock, allocates nothing and does no stdio: another thread may be in the midst of it. No handler
//   of pthread_atfork(3) runs. It writes to its own stack, a part of the caller's, and to `Birth`;
// - no handler of a signal may run in it. All signals are blocked before the clone, by the system call, for the
//   library's own functions leave its internal ones (32 to 34) alone; before the child unblocks them it resets those
//   that may have a handler, and SIGPIPE and SIGXFSZ, which we ignore. Nobody else in the program has handlers
//   (SignalFd);
// - robust futexes, rseq and clear_child_tid are the kernel's business: a child of clone(2) has none of its parent's.
// posix_spawn also disables cancellation, and changes user ids by system calls, for the library's would be made in all
// threads: we cancel no thread and change no ids. That includes the others: a thread that changed ours while the child
// is in our memory would share it with a process of another user.
//
// The child has its own table of descriptors: a file that another thread is writing is open in it, too, and while it
// is, an execve of that file fails with ETXTBSY. The kernel would close it in execve(2), but after we go on; so the
// child closes all of it before, where the kernel can (close_range(2), Linux 5.9). A script that forks while it writes
// a program does not. Hence the second and third try; a file that is being written for longer is refused.
#include "sidefridge/os/spawn.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace sidefridge::os {
namespace {

constexpr std::size_t child_stack_bytes = 16 * std::size_t{1024};
constexpr int exit_code_nobody_sees = 127;
constexpr std::size_t kernel_sigset_bytes = 8;

// Each costs a clone(2) and a yield: together some 20 ms.
constexpr int most_tries_of_a_busy_program = 100;

// Their handlers are the C libraries' own, installed with the first thread (glibc: 32, 33; musl: 32 to 34).
constexpr std::array signals_to_reset{SIGPIPE, SIGXFSZ, 32, 33, 34};

/// What the child is told, and its answer: it shares our memory until it has executed the program.
struct Birth {
  const char* program;
  char* const* argv;
  char* const* environment;
  int stdin_fd;
  int stdout_fd;
  int stderr_fd;
  int refusal = 0;  // an errno value
};

// Makes a descriptor 0, 1 or 2. Returns: whether it did; errno else.
bool place(int fd, int target) noexcept {
  // dup2 onto itself does nothing, not even clear close-on-exec.
  return (fd == target ? ::fcntl(fd, F_SETFD, 0) : ::dup2(fd, target)) >= 0;
}

bool place_stdin(int fd) noexcept {
  if (fd < 0) fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  return fd >= 0 && place(fd, STDIN_FILENO);
}

// By the system call: the library's function refuses its own signals. Of a struct of zeros all architectures read
// SIG_DFL, no flags, no mask.
bool reset_signals() noexcept {
  constexpr std::array<unsigned long, 16> by_default{};
  for (const int signal_number : signals_to_reset) {
    if (::syscall(SYS_rt_sigaction, signal_number, by_default.data(), nullptr, kernel_sigset_bytes) != 0) return false;
  }
  return true;
}

/// Blocks all signals of this thread, those of the C library, too, for as long as it lives.
class AllSignalsBlocked {
public:
  AllSignalsBlocked() noexcept { ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before_, kernel_sigset_bytes); }
  AllSignalsBlocked(const AllSignalsBlocked&) = delete;
  AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;
  ~AllSignalsBlocked() { ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before_, nullptr, kernel_sigset_bytes); }

private:
  static constexpr std::uint64_t all = ~std::uint64_t{0};
  std::uint64_t before_ = 0;
};

// Leaves 0, 1 and 2. Where the kernel cannot, execve(2) does it.
void close_all_others() noexcept {
#ifdef SYS_close_range
  ::syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0U);
#endif
}

bool unblock_signals() noexcept {
  constexpr std::uint64_t none = 0;
  return ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, kernel_sigset_bytes) == 0;
}

// The child's life before its program. It writes to `argument` and to its own stack, nowhere else.
[[gnu::no_sanitize_address]] int live_until_exec(void* argument) {
  Birth& birth = *static_cast<Birth*>(argument);
  if (::setsid() >= 0 && place(birth.stdout_fd, STDOUT_FILENO) && place(birth.stderr_fd, STDERR_FILENO) &&
      place_stdin(birth.stdin_fd) && reset_signals() && unblock_signals()) {
    close_all_others();
    ::execve(birth.program, birth.argv, birth.environment);
  }
  birth.refusal = errno;
  ::_exit(exit_code_nobody_sees);
}

/// Returns: the child, which has executed its program. Or nothing, with birth.refusal.
pid_t give_birth(Birth& birth) noexcept {
  birth.refusal = 0;
  alignas(std::max_align_t) std::array<char, child_stack_bytes> stack;
  const AllSignalsBlocked blocked;
  const pid_t pid = ::clone(live_until_exec, stack.data() + stack.size(), CLONE_VM | CLONE_VFORK | SIGCHLD,
                            static_cast<void*>(&birth));
  if (pid < 0) birth.refusal = errno;
  if (birth.refusal == 0) return pid;
  while (pid > 0 && ::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  return 0;
}

std::vector<char*> pointers_to(std::span<const std::string> texts, std::span<const std::string> more_texts = {}) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + more_texts.size() + 1);
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  for (const std::string& text : more_texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

Error spawn_error(const std::string& program, int errno_value) {
  const auto because = [&program](ErrorCode code, std::string_view why) {
    return Error{code, "cannot start '" + program + "': " + std::string(why)};
  };
  switch (errno_value) {
    case E2BIG: return because(ErrorCode::full, "its arguments and environment are larger than the system allows");
    case EAGAIN:
      return because(ErrorCode::unavailable, "the system allows no more processes (RLIMIT_NPROC or pids limit)");
    case ENOENT: return because(ErrorCode::not_found, "it does not exist, or the loader it was linked with does not");
    case ENOEXEC: return because(ErrorCode::invalid, "it is not a program for this machine");
    case EACCES: return because(ErrorCode::io, "it may not be executed (no x permission, or a noexec mount)");
    case EMFILE:
    case ENFILE: return because(ErrorCode::unavailable, "the system allows no more open files (RLIMIT_NOFILE)");
    case ENOMEM: return because(ErrorCode::unavailable, "not enough memory");
    case ETXTBSY: return because(ErrorCode::busy, "it is being written");
    default: return system_error("cannot start '" + program + "'", errno_value);
  }
}

}  // namespace

Result<pid_t> spawn(const SpawnRequest& request) {
  const std::vector<char*> argv = pointers_to(request.argv);
  const std::vector<char*> environment = pointers_to(request.environment, request.more_environment);
  Birth birth{request.program.c_str(), argv.data(),       environment.data(),
              request.stdin_fd,        request.stdout_fd, request.stderr_fd};
  for (int tries = 1;; ++tries) {
    if (const pid_t pid = give_birth(birth); pid > 0) return pid;
    if (birth.refusal != ETXTBSY || tries == most_tries_of_a_busy_program) break;
    ::sched_yield();
  }
  return spawn_error(request.program, birth.refusal);
}

}  // namespace sidefridge::os
