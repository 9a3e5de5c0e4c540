// spawn.cc - posix_spawn(3), which costs the same however much memory we hold (fork does not).
#include "sidefridge/os/spawn.h"

#include <fcntl.h>
#include <spawn.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string_view>
#include <vector>

namespace sidefridge::os {
namespace {

/// Owns: the attributes of a spawn: own session, default dispositions, empty mask.
class Attributes {
public:
  Attributes() noexcept {
    ::posix_spawnattr_init(&attributes_);
    sigset_t signals;
    sigemptyset(&signals);
    ::posix_spawnattr_setsigmask(&attributes_, &signals);
    // A system call each, between two scripts: so only the one that can differ.
    sigaddset(&signals, SIGPIPE);
    ::posix_spawnattr_setsigdefault(&attributes_, &signals);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  ~Attributes() { ::posix_spawnattr_destroy(&attributes_); }

  const posix_spawnattr_t* get() const noexcept { return &attributes_; }

private:
  posix_spawnattr_t attributes_;
};

/// Owns: the list of what the child does to its descriptors.
class FileActions {
public:
  FileActions() noexcept { ::posix_spawn_file_actions_init(&actions_); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;
  ~FileActions() { ::posix_spawn_file_actions_destroy(&actions_); }

  /// Returns: 0 or an errno value (ENOMEM).
  int add(const SpawnRequest& request) noexcept {
    // A dup2 onto itself is right too: posix_spawn then clears close-on-exec.
    int refusal = ::posix_spawn_file_actions_adddup2(&actions_, request.stdout_fd, STDOUT_FILENO);
    if (refusal == 0) refusal = ::posix_spawn_file_actions_adddup2(&actions_, request.stderr_fd, STDERR_FILENO);
    if (refusal != 0) return refusal;
    return request.stdin_fd < 0 ? ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
                                : ::posix_spawn_file_actions_adddup2(&actions_, request.stdin_fd, STDIN_FILENO);
  }

  const posix_spawn_file_actions_t* get() const noexcept { return &actions_; }

private:
  posix_spawn_file_actions_t actions_;
};

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
    case E2BIG: return because(ErrorCode::invalid, "its arguments and environment are larger than the system allows");
    case EAGAIN:
      return because(ErrorCode::unavailable, "the system allows no more processes (RLIMIT_NPROC or pids limit)");
    case ENOENT: return because(ErrorCode::not_found, "it does not exist, or the loader it was linked with does not");
    case ENOEXEC: return because(ErrorCode::invalid, "it is no program for this machine");
    case EACCES: return because(ErrorCode::io, "it may not be executed (no x permission, or a noexec mount)");
    case EMFILE:
    case ENFILE: return because(ErrorCode::unavailable, "the system allows no more open files (RLIMIT_NOFILE)");
    case ENOMEM: return because(ErrorCode::unavailable, "not enough memory");
    case ETXTBSY: return because(ErrorCode::busy, "it is being written");
    default: return core::system_error("cannot start '" + program + "'", errno_value);
  }
}

}  // namespace

Result<pid_t> spawn(const SpawnRequest& request) {
  FileActions actions;
  int refusal = actions.add(request);
  const Attributes attributes;
  const std::vector<char*> argv = pointers_to(request.argv);
  const std::vector<char*> environment = pointers_to(request.environment, request.more_environment);
  pid_t pid = 0;
  if (refusal == 0) {
    refusal =
        ::posix_spawn(&pid, request.program.c_str(), actions.get(), attributes.get(), argv.data(), environment.data());
  }
  if (refusal != 0) return spawn_error(request.program, refusal);
  return pid;
}

}  // namespace sidefridge::os
