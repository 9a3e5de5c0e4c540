// process_ending.cc - signals, and a poll on pidfds that comes back when one of the processes has ended.
#include "sidefridge/os/process_ending.h"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <iterator>
#include <span>
#include <utility>

#include "sidefridge/os/system_clock.h"
#include "sidefridge/os/unique_fd.h"

namespace sidefridge::os {
namespace {

// Where the kernel has no pidfds (before 5.3), and for those that appear meanwhile.
constexpr int between_looks_ms = 100;

/// Waits until one of them has ended, or for a moment.
void wait_for_one(const std::vector<FoundProcess>& processes) {
  std::vector<UniqueFd> descriptors;
  std::vector<pollfd> watched;
  for (const FoundProcess& process : processes) {
    descriptors.emplace_back(static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0)));
    if (descriptors.back()) watched.push_back(pollfd{descriptors.back().get(), POLLIN, 0});
  }
  ::poll(watched.data(), watched.size(), between_looks_ms);
}

bool is_known(const FoundProcess& process, std::span<const FoundProcess> known) {
  return std::any_of(known.begin(), known.end(), [&](const FoundProcess& one) {
    return one.pid == process.pid && one.start_ticks == process.start_ticks;
  });
}

}  // namespace

Result<std::vector<FoundProcess>> end_marked(const std::string& mark, Duration term_patience, Duration kill_patience) {
  std::vector<FoundProcess> all;
  const MonoTime kill_deadline = sample_now().mono + term_patience;
  const MonoTime give_up_deadline = kill_deadline + kill_patience;
  for (;;) {
    const Result<std::vector<FoundProcess>> found = find_marked(std::span(&mark, 1));
    if (!found) return found.error();
    const MonoTime now = sample_now().mono;
    if (found->empty() || now >= give_up_deadline) return all;
    std::vector<FoundProcess> fresh;
    std::copy_if(found->begin(), found->end(), std::back_inserter(fresh),
                 [&](const FoundProcess& process) { return !is_known(process, all); });
    all.insert(all.end(), fresh.begin(), fresh.end());
    if (now >= kill_deadline) {
      signal_processes(*found, SIGKILL);
    } else {
      signal_processes(fresh, SIGTERM);
    }
    wait_for_one(*found);
  }
}

}  // namespace sidefridge::os
