// process_pipes.h - which pipes a process holds.
#pragma once

#include <sys/types.h>

#include <optional>
#include <utility>
#include <vector>

namespace sidefridge::os {

/// A pipe or FIFO, by device and inode.
using PipeId = std::pair<dev_t, ino_t>;

struct ProcessPipes {
  std::optional<PipeId> read_as_stdin;
  std::optional<PipeId>
      put_aside;                // where shells keep their stdin while a command of their own has another: from 10 on
  std::vector<PipeId> read;     // by descriptors that can only be read
  std::vector<PipeId> written;  // by those that can be written
};

/// Reads /proc/PID/fd. Returns: nothing of a process that is gone or may not be looked at.
ProcessPipes pipes_of_process(int proc_fd, pid_t pid);

/// The pipe that a process has as stdin. As pipes_of_process() otherwise, and cheaper.
std::optional<PipeId> stdin_pipe_of_process(int proc_fd, pid_t pid) noexcept;

}  // namespace sidefridge::os
