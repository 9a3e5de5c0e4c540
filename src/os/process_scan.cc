// process_scan.cc - walks /proc once, then asks each descendant's parent, session and environment.
#include "sidefridge/os/process_scan.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "sidefridge/os/process_stat.h"
#include "sidefridge/os/read_up_to.h"
#include "sidefridge/os/unique_fd.h"

namespace sidefridge::os {
namespace {

/// How a process is related to us and to the run.
enum class Kinship { unknown, stranger, descendant, member };

struct Entry {
  pid_t pid = 0;
  ProcessStat stat;
  Kinship kinship = Kinship::unknown;
};

/// "1234/stat", without an allocation.
class ProcPath {
public:
  ProcPath(pid_t pid, std::string_view file) noexcept {
    char* end = std::to_chars(text_.data(), text_.data() + 16, pid).ptr;
    *end++ = '/';
    std::memcpy(end, file.data(), file.size());  // the array's rest is zero
  }
  const char* c_str() const noexcept { return text_.data(); }

private:
  std::array<char, 32> text_{};
};

/// Returns: nothing when the process is gone, or hidden from us.
std::optional<ProcessStat> read_stat(int proc_fd, pid_t pid) noexcept {
  const UniqueFd fd(::openat(proc_fd, ProcPath(pid, "stat").c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return std::nullopt;
  std::array<char, 1024> buffer;
  const ssize_t got = read_up_to(fd.get(), buffer);
  if (got <= 0) return std::nullopt;
  return parse_process_stat({buffer.data(), static_cast<std::size_t>(got)});
}

/// What /proc/PID/environ says about a mark.
enum class MarkReading { present, absent, nothing_to_read };

MarkReading look_for_mark(int proc_fd, pid_t pid, std::string_view mark) noexcept {
  const UniqueFd fd(::openat(proc_fd, ProcPath(pid, "environ").c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return MarkReading::absent;
  // An environment may be megabytes long: look for the mark in passing. One as long as most is read at once, since an
  // execve(2) between two reads would end it early.
  std::array<char, 64 * 1024> buffer;
  std::size_t matched = 0;
  bool differs = false;
  for (MarkReading otherwise = MarkReading::nothing_to_read;; otherwise = MarkReading::absent) {
    const ssize_t got = read_up_to(fd.get(), buffer);
    if (got <= 0) return otherwise;
    for (const char c : std::string_view(buffer.data(), static_cast<std::size_t>(got))) {
      if (c == '\0') {
        if (!differs && matched == mark.size()) return MarkReading::present;
        matched = 0;
        differs = false;
      } else if (!differs && matched < mark.size() && c == mark[matched]) {
        ++matched;
      } else {
        differs = true;
      }
    }
  }
}

/// Whether the process was started with `mark` as a whole entry of its environment. What cannot be read has none.
bool has_mark(int proc_fd, pid_t pid, std::string_view mark) noexcept {
  // In the midst of execve(2) a process shows no environment for some microseconds; hardly any has none for good.
  constexpr int patience = 100;
  for (int i = 0; i < patience; ++i) {
    const MarkReading reading = look_for_mark(proc_fd, pid, mark);
    if (reading != MarkReading::nothing_to_read) return reading == MarkReading::present;
    ::sched_yield();
  }
  return false;
}

struct CloseDir {
  void operator()(DIR* dir) const noexcept { ::closedir(dir); }
};

/// One reading of /proc.
/// Owns: the open folder.
class Scan {
public:
  static Result<Scan> read() {
    Scan scan(std::unique_ptr<DIR, CloseDir>(::opendir("/proc")));
    if (!scan.proc_) return system_error("cannot open /proc", errno);
    if (!scan.shows_our_namespace()) {
      return Error{ErrorCode::unavailable, "/proc is not that of this container: it does not list this process"};
    }
    while (const dirent* const item = ::readdir(scan.proc_.get())) {
      const std::string_view name(item->d_name);
      pid_t pid = 0;
      const auto parsed = std::from_chars(name.data(), name.data() + name.size(), pid);
      if (parsed.ec != std::errc{} || parsed.ptr != name.data() + name.size()) continue;
      if (const std::optional<ProcessStat> stat = read_stat(scan.fd(), pid)) {
        scan.entries_.push_back(Entry{pid, *stat, Kinship::unknown});
      }
    }
    std::sort(scan.entries_.begin(), scan.entries_.end(), [](const Entry& a, const Entry& b) { return a.pid < b.pid; });
    return scan;
  }

  /// The living descendants of ours for which, or for an ancestor of which, `belongs` is true.
  template <class Belongs>
  std::vector<FoundProcess> members(Belongs belongs) {
    std::vector<FoundProcess> found;
    for (Entry& entry : entries_) {
      classify(entry, belongs);
      if (entry.kinship != Kinship::member || entry.stat.life == ProcessStat::Life::zombie) continue;
      found.push_back(FoundProcess{entry.pid, entry.stat.start_ticks, entry.stat.comm.data()});
    }
    return found;
  }

  int fd() const noexcept { return ::dirfd(proc_.get()); }

private:
  explicit Scan(std::unique_ptr<DIR, CloseDir> proc) noexcept : proc_(std::move(proc)) {}

  bool shows_our_namespace() const noexcept {
    std::array<char, 16> target{};
    if (::readlinkat(fd(), "self", target.data(), target.size() - 1) < 0) return false;
    pid_t self = 0;
    std::from_chars(target.data(), target.data() + target.size(), self);
    return self == self_;
  }

  Entry* find(pid_t pid) noexcept {
    const auto at = std::lower_bound(entries_.begin(), entries_.end(), pid,
                                     [](const Entry& entry, pid_t wanted) { return entry.pid < wanted; });
    return at != entries_.end() && at->pid == pid ? &*at : nullptr;
  }

  Entry* parent_of(Entry& entry) noexcept {
    if (Entry* const parent = find(entry.stat.parent)) return parent;
    // The parent ended between the two readings; somebody has adopted the process since.
    if (const std::optional<ProcessStat> again = read_stat(fd(), entry.pid)) entry.stat.parent = again->parent;
    return find(entry.stat.parent);
  }

  /// Climbs to an ancestor whose kinship is known, then settles all on the way down.
  template <class Belongs>
  void classify(Entry& start, Belongs& belongs) {
    way_.clear();
    Kinship above = Kinship::stranger;
    for (Entry* at = &start; at != nullptr; at = parent_of(*at)) {
      if (at->pid == self_) {
        above = Kinship::descendant;
        break;
      }
      if (at->kinship != Kinship::unknown) {
        above = at->kinship;
        break;
      }
      at->kinship = Kinship::stranger;  // pids reused meanwhile might form a circle: it ends here
      way_.push_back(at);
    }
    for (auto at = way_.rbegin(); at != way_.rend(); ++at) {
      if (above == Kinship::descendant && belongs(**at)) above = Kinship::member;
      (*at)->kinship = above;
    }
  }

  std::unique_ptr<DIR, CloseDir> proc_;
  pid_t self_ = ::getpid();
  std::vector<Entry> entries_;  // sorted by pid
  std::vector<Entry*> way_;
};

}  // namespace

Result<std::vector<FoundProcess>> find_processes_of_run(std::span<const pid_t> sessions, std::string_view mark) {
  Result<Scan> scan = Scan::read();
  if (!scan) return std::move(scan).error();
  return scan->members([&](const Entry& entry) {
    if (std::find(sessions.begin(), sessions.end(), entry.stat.session) != sessions.end()) return true;
    return !mark.empty() && entry.stat.life == ProcessStat::Life::alive && has_mark(scan->fd(), entry.pid, mark);
  });
}

Result<std::vector<FoundProcess>> find_descendants() {
  Result<Scan> scan = Scan::read();
  if (!scan) return std::move(scan).error();
  return scan->members([](const Entry&) { return true; });
}

void signal_processes(std::span<const FoundProcess> processes, int signal_number) noexcept {
  const UniqueFd proc(::open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!proc) return;
  for (const FoundProcess& process : processes) {
    // The process may have ended since, and its pid may be another's now.
    const std::optional<ProcessStat> now = read_stat(proc.get(), process.pid);
    if (now && now->start_ticks == process.start_ticks) ::kill(process.pid, signal_number);
  }
}

}  // namespace sidefridge::os
