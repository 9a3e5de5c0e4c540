// fed_processes.cc - a graph of who writes to whom, from the descriptors in /proc.
#include "sidefridge/os/fed_processes.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include "sidefridge/os/folder.h"
#include "sidefridge/os/process_list.h"
#include "sidefridge/os/process_pipes.h"
#include "sidefridge/os/read_up_to.h"

namespace sidefridge::os {
namespace {

// Where shells keep their stdin while a command that they execute themselves has another.
constexpr int first_put_aside = 10;
constexpr int last_put_aside = 19;

/// One that holds pipes.
struct Holder {
  std::vector<HeldPipe> pipes;
  std::optional<PipeId> stdin_pipe;
  std::size_t household;  // whose: those of one household count as one
};

bool writes(const Holder& holder, const PipeId& pipe) {
  return std::any_of(holder.pipes.begin(), holder.pipes.end(),
                     [&](const HeldPipe& held) { return !held.read_only && held.pipe == pipe; });
}

/// A process that was forked a moment ago and is about to become one end of a pipe: it still holds the other one, too.
bool is_half_made(const std::vector<HeldPipe>& pipes) {
  return std::any_of(pipes.begin(), pipes.end(), [&](const HeldPipe& read) {
    return read.read_only && std::any_of(pipes.begin(), pipes.end(), [&](const HeldPipe& written) {
             return written.write_only && written.pipe == read.pipe;
           });
  });
}

std::optional<PipeId> stdin_of(const std::vector<HeldPipe>& pipes) {
  if (pipes.empty() || pipes.front().fd != STDIN_FILENO || !pipes.front().read_only) return std::nullopt;
  return pipes.front().pipe;
}

/// What a shell reads as stdin, or will again once it has executed `read x < file` itself.
std::optional<PipeId> stdin_of_shell(const std::vector<HeldPipe>& pipes) {
  const auto put_aside = std::find_if(pipes.begin(), pipes.end(), [](const HeldPipe& held) {
    return held.read_only && held.fd >= first_put_aside && held.fd <= last_put_aside;
  });
  return put_aside != pipes.end() ? put_aside->pipe : stdin_of(pipes);
}

/// Whether a process is on its way out: it holds nothing any more, and cannot be reaped yet.
bool is_ending(int proc_fd, pid_t pid) {
  const std::optional<ProcessStat> stat = read_process_stat(proc_fd, pid);
  return stat && stat->life == ProcessStat::Life::ending;
}

/// Which of `readers` (by place; they read a pipe as stdin) come to its end by themselves: those to whose pipe nobody
/// writes but who is in `ending` (by household) already, and then those to whom only they write, and so on. Two that
/// write to each other never do. Adds them to `ending`.
std::vector<std::size_t> come_to_an_end(const std::vector<Holder>& holders, std::vector<std::size_t> readers,
                                        std::vector<char>& ending) {
  std::vector<std::size_t> found;
  for (bool more = true; std::exchange(more, false);) {
    std::erase_if(readers, [&](std::size_t reader) {
      const bool ends = std::none_of(holders.begin(), holders.end(), [&](const Holder& holder) {
        return ending[holder.household] == 0 && writes(holder, *holders[reader].stdin_pipe);
      });
      if (!ends) return false;
      ending[holders[reader].household] = 1;
      found.push_back(reader);
      more = true;
      return true;
    });
  }
  return found;
}

/// Our children, also those that ended and are not reaped yet. Nobody else takes any off these lists, so that they are
/// whole. Returns: nothing where the kernel keeps no such lists.
std::optional<std::vector<pid_t>> children() {
  const Directory threads = open_folder(AT_FDCWD, "/proc/self/task");
  if (!threads) return std::nullopt;
  std::vector<pid_t> pids;
  while (const dirent* const thread = ::readdir(threads.get())) {
    if (thread->d_name[0] == '.') continue;
    const std::string name = std::string(thread->d_name) + "/children";
    const UniqueFd fd(::openat(::dirfd(threads.get()), name.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return std::nullopt;
    std::string text;
    std::array<char, 4096> chunk;
    for (ssize_t got; (got = read_up_to(fd.get(), chunk)) > 0;)
      text.append(chunk.data(), static_cast<std::size_t>(got));
    for (const char *at = text.data(), *const end = at + text.size(); at < end; ++at) {
      pid_t pid = 0;
      at = std::from_chars(at, end, pid).ptr;
      if (pid > 0) pids.push_back(pid);
    }
  }
  return pids;
}

/// Whether one of our children may be fed: it reads a pipe as stdin, or is not yet what it will be, or about to end.
bool any_child_may_be_fed(int proc_fd) {
  const std::optional<std::vector<pid_t>> pids = children();
  if (!pids) return true;
  return std::any_of(pids->begin(), pids->end(), [&](pid_t pid) {
    // In this order: it may execute its program or end between two of these looks.
    const std::optional<ProcessStat> stat = read_process_stat(proc_fd, pid);
    return (stat && stat->forked_only) || stdin_pipe_of_process(proc_fd, pid) || is_ending(proc_fd, pid);
  });
}

}  // namespace

Result<FedProcesses> find_fed_processes(pid_t session) {
  FedProcesses fed;
  {
    const Result<UniqueFd> proc = open_proc();
    if (!proc) return proc.error();
    if (!any_child_may_be_fed(proc->get())) return fed;
  }
  const Result<ProcessList> list = ProcessList::read();
  if (!list) return list.error();
  const std::vector<ListedProcess>& processes = list->processes();
  const std::vector<char> ours = list->descendants();
  const pid_t self = ::getpid();

  std::vector<Holder> holders;
  std::vector<std::size_t> places;   // of holders, among the processes
  std::vector<std::size_t> readers;  // among the holders
  std::vector<std::size_t> household_of(processes.size());
  for (std::size_t i = 0; i < processes.size(); ++i) {
    const ListedProcess& process = processes[i];
    if (ours[i] == 0) continue;
    const bool is_child = processes[*process.parent].pid == self;
    household_of[i] = is_child ? i : household_of[*process.parent];
    if (process.stat.life == ProcessStat::Life::zombie) continue;
    const bool is_shell = process.stat.forked_only;
    std::vector<HeldPipe> pipes = pipes_of_process(list->proc_fd(), process.pid);
    const std::optional<PipeId> stdin_pipe = is_shell ? stdin_of_shell(pipes) : stdin_of(pipes);
    if (is_child && process.stat.session == session) {
      fed.shell_seen |= is_shell;
      if ((is_shell && is_half_made(pipes)) || (pipes.empty() && is_ending(list->proc_fd(), process.pid))) {
        fed.settled = false;
      } else if (stdin_pipe) {
        readers.push_back(holders.size());
      }
    }
    holders.push_back(Holder{std::move(pipes), stdin_pipe, household_of[i]});
    places.push_back(i);
  }
  std::vector<char> ending(processes.size());
  for (const std::size_t reader : come_to_an_end(holders, std::move(readers), ending)) {
    const ListedProcess& process = processes[places[reader]];
    fed.processes.push_back(FoundProcess{process.pid, session, process.stat.start_ticks, process.stat.comm.data()});
  }
  return fed;
}

std::vector<FoundProcess> without_readers(std::span<const FoundProcess> processes) {
  const Result<UniqueFd> proc = open_proc();
  if (!proc) return {processes.begin(), processes.end()};
  std::vector<Holder> holders;
  std::vector<std::size_t> readers;
  std::vector<char> ending(processes.size());
  for (std::size_t i = 0; i < processes.size(); ++i) {
    std::vector<HeldPipe> pipes = pipes_of_process(proc->get(), processes[i].pid);
    const std::optional<PipeId> stdin_pipe = stdin_of(pipes);
    holders.push_back(Holder{std::move(pipes), stdin_pipe, i});
    if (stdin_pipe) {
      readers.push_back(i);
    } else {
      ending[i] = 1;
    }
  }
  std::vector<char> reads(processes.size());
  for (const std::size_t reader : come_to_an_end(holders, std::move(readers), ending)) reads[reader] = 1;
  std::vector<FoundProcess> others;
  for (std::size_t i = 0; i < processes.size(); ++i) {
    if (reads[i] == 0) others.push_back(processes[i]);
  }
  return others;
}

}  // namespace sidefridge::os
