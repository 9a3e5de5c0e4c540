// process_list.cc - walks /proc once.
#include "sidefridge/os/process_list.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <utility>

#include "sidefridge/os/folder.h"
#include "sidefridge/os/proc_path.h"
#include "sidefridge/os/read_up_to.h"

namespace sidefridge::os {
namespace {

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

bool shows_our_namespace(int proc_fd) noexcept {
  std::array<char, 16> target{};
  if (::readlinkat(proc_fd, "self", target.data(), target.size() - 1) < 0) return false;
  pid_t self = 0;
  std::from_chars(target.data(), target.data() + target.size(), self);
  return self == ::getpid();
}

}  // namespace

Result<UniqueFd> open_proc() {
  UniqueFd proc(::open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!proc) return system_error("cannot open /proc", errno);
  if (!shows_our_namespace(proc.get())) {
    return Error{ErrorCode::unavailable, "/proc is not that of this container: it does not list this process"};
  }
  return proc;
}

std::optional<ProcessStat> read_process_stat(int proc_fd, pid_t pid) noexcept {
  const UniqueFd fd(::openat(proc_fd, ProcPath(pid, "stat").c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return std::nullopt;
  std::array<char, 1024> buffer;
  const ssize_t got = read_up_to(fd.get(), buffer);
  if (got <= 0) return std::nullopt;
  return parse_process_stat({buffer.data(), static_cast<std::size_t>(got)});
}

Result<ProcessList> ProcessList::read() {
  Result<UniqueFd> proc = open_proc();
  if (!proc) return std::move(proc).error();
  ProcessList list(std::move(*proc));
  const Directory folder = open_folder(AT_FDCWD, "/proc");
  if (!folder) return system_error("cannot open /proc", errno);
  while (const dirent* const item = ::readdir(folder.get())) {
    const std::string_view name(item->d_name);
    pid_t pid = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (parsed.ec != std::errc{} || parsed.ptr != name.data() + name.size()) continue;
    if (const std::optional<ProcessStat> stat = read_process_stat(list.proc_fd(), pid)) {
      list.processes_.push_back(ListedProcess{pid, *stat, std::nullopt});
    }
  }
  list.put_parents_first();
  return list;
}

// Climbs from each process to an ancestor that has its place, then gives all on the way down theirs.
void ProcessList::put_parents_first() {
  std::vector<ListedProcess> found = std::exchange(processes_, {});
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.pid < b.pid; });
  enum class Progress : char { untouched, climbed, placed };
  std::vector<Progress> progress(found.size(), Progress::untouched);
  std::vector<std::size_t> places(found.size());
  const auto place_of = [&](pid_t pid) -> std::optional<std::size_t> {
    const auto at = std::lower_bound(found.begin(), found.end(), pid,
                                     [](const ListedProcess& process, pid_t wanted) { return process.pid < wanted; });
    if (at == found.end() || at->pid != pid) return std::nullopt;
    return static_cast<std::size_t>(at - found.begin());
  };
  const auto parent_of = [&](std::size_t child) {
    if (const std::optional<std::size_t> parent = place_of(found[child].stat.parent)) return parent;
    // The parent ended between the two readings; somebody has adopted the process since.
    if (const auto again = read_process_stat(proc_fd(), found[child].pid)) found[child].stat.parent = again->parent;
    return place_of(found[child].stat.parent);
  };
  std::vector<std::size_t> way;
  for (std::size_t start = 0; start < found.size(); ++start) {
    std::optional<std::size_t> at = start;
    // Pids that were reused meanwhile might form a circle: it ends where it began.
    for (; at && progress[*at] == Progress::untouched; at = parent_of(*at)) {
      progress[*at] = Progress::climbed;
      way.push_back(*at);
    }
    std::optional<std::size_t> parent;
    if (at && progress[*at] == Progress::placed) parent = places[*at];
    for (; !way.empty(); way.pop_back()) {
      progress[way.back()] = Progress::placed;
      places[way.back()] = processes_.size();
      processes_.push_back(found[way.back()]);
      processes_.back().parent = std::exchange(parent, processes_.size() - 1);
    }
  }
}

std::vector<char> ProcessList::descendants() const {
  const pid_t self = ::getpid();
  return families_of([&](std::size_t i) {
    const std::optional<std::size_t> parent = processes_[i].parent;
    return parent && processes_[*parent].pid == self;
  });
}

bool ProcessList::has_mark(pid_t pid, std::string_view mark) const noexcept {
  // In the midst of execve(2) a process shows no environment for some microseconds; hardly any has none for good.
  constexpr int patience = 100;
  for (int i = 0; i < patience; ++i) {
    const MarkReading reading = look_for_mark(proc_fd(), pid, mark);
    if (reading != MarkReading::nothing_to_read) return reading == MarkReading::present;
    ::sched_yield();
  }
  return false;
}

}  // namespace sidefridge::os
