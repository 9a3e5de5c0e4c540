// process_pipes.h - which pipes a process holds.
#pragma once

#include <sys/types.h>

#include <optional>
#include <utility>
#include <vector>

namespace sidefridge::os {

/// A pipe or FIFO, by device and inode.
using PipeId = std::pair<dev_t, ino_t>;

/// A descriptor of a process, open on a pipe.
struct HeldPipe {
  int fd = -1;
  PipeId pipe;
  bool read_only = false;
  bool write_only = false;  // neither: a FIFO opened for both

  bool operator==(const HeldPipe&) const = default;
};

/// Reads /proc/PID/fd, and again until it found the same twice: a shell moves descriptors about while it executes
/// `echo x >&3` itself, and one reading may see a pipe in neither place.
/// Returns: in the order of their descriptors; nothing of a process that is gone, ends or may not be looked at.
std::vector<HeldPipe> pipes_of_process(int proc_fd, pid_t pid);

/// The pipe that a process has as stdin. As pipes_of_process() otherwise, and cheaper.
std::optional<PipeId> stdin_pipe_of_process(int proc_fd, pid_t pid) noexcept;

}  // namespace sidefridge::os
