// process_list.h - all processes of this PID namespace, from one walk over /proc.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "sidefridge/base/result.h"
#include "sidefridge/os/process_stat.h"
#include "sidefridge/os/unique_fd.h"

namespace sidefridge::os {

/// A process as it was when it was looked at; zombies are listed, too.
struct ListedProcess {
  pid_t pid = 0;
  ProcessStat stat;
  std::optional<std::size_t> parent;  // its place in the list; nothing: that is not there, or of another namespace
};

/// One reading. Who comes and goes meanwhile may be missed.
/// Owns: the open folder /proc.
class ProcessList {
public:
  /// Errors: /proc is not there, or shows another PID namespace than ours.
  /// Blocks: for a look at each process of the machine (or of the container).
  static Result<ProcessList> read();

  /// Each comes after its parent.
  const std::vector<ListedProcess>& processes() const noexcept { return processes_; }

  /// For each of processes(), whether `marked`, which gets its place, is true of it or of one that it descends from.
  template <class Marked>
  std::vector<char> families_of(Marked marked) const {
    std::vector<char> within(processes_.size());
    for (std::size_t i = 0; i < processes_.size(); ++i) {
      const std::optional<std::size_t> parent = processes_[i].parent;
      within[i] = (parent && within[*parent] != 0) || marked(i);
    }
    return within;
  }

  /// For each of processes(), whether it descends from us.
  std::vector<char> descendants() const;

  /// Whether a process was started with `mark` ("NAME=value", whole) in its environment.
  bool has_mark(pid_t pid, std::string_view mark) const noexcept;

  int proc_fd() const noexcept { return proc_.get(); }

private:
  explicit ProcessList(UniqueFd proc) noexcept : proc_(std::move(proc)) {}
  void put_parents_first();

  UniqueFd proc_;
  std::vector<ListedProcess> processes_;
};

/// Opens /proc. Errors: it is not there, or shows another PID namespace than ours.
Result<UniqueFd> open_proc();

/// Reads /proc/PID/stat. Returns: nothing when the process is gone, or hidden from us.
std::optional<ProcessStat> read_process_stat(int proc_fd, pid_t pid) noexcept;

}  // namespace sidefridge::os
