// process_scan.cc - walks /proc once, then asks of each process whose it is.
#include "sidefridge/os/process_scan.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <utility>

#include "sidefridge/os/process_list.h"

namespace sidefridge::os {
namespace {

/// Those that live and are meant.
template <class Meant>
std::vector<FoundProcess> found_in(const ProcessList& list, Meant meant) {
  std::vector<FoundProcess> found;
  for (std::size_t i = 0; i < list.processes().size(); ++i) {
    const ListedProcess& process = list.processes()[i];
    if (process.stat.life == ProcessStat::Life::zombie || !meant(i)) continue;
    found.push_back(
        FoundProcess{process.pid, process.stat.session, process.stat.start_ticks, process.stat.comm.data()});
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.pid < b.pid; });
  return found;
}

bool is_one_of(const ListedProcess& process, std::span<const FoundProcess> known) {
  return std::any_of(known.begin(), known.end(), [&](const FoundProcess& one) {
    return one.session == process.stat.session ||
           (one.pid == process.pid && one.start_ticks == process.stat.start_ticks);
  });
}

bool has_any_mark(const ProcessList& list, const ListedProcess& process, std::span<const std::string> marks) {
  return process.stat.life == ProcessStat::Life::alive &&
         std::any_of(marks.begin(), marks.end(), [&](const auto& mark) { return list.has_mark(process.pid, mark); });
}

}  // namespace

std::string name_of(const FoundProcess& process) {
  return process.comm + " (pid " + std::to_string(process.pid) + ")";
}

Result<std::vector<FoundProcess>> find_descendants(const Strangers& but) {
  const Result<ProcessList> list = ProcessList::read();
  if (!list) return list.error();
  const std::vector<char> ours = list->descendants();
  const std::vector<char> strangers = list->families_of([&](std::size_t i) {
    const ListedProcess& process = list->processes()[i];
    return ours[i] != 0 && (is_one_of(process, but.processes) || has_any_mark(*list, process, but.marks));
  });
  return found_in(*list, [&](std::size_t i) { return ours[i] != 0 && strangers[i] == 0; });
}

Result<std::vector<FoundProcess>> find_session(pid_t session) {
  const Result<ProcessList> list = ProcessList::read();
  if (!list) return list.error();
  const std::vector<char> ours = list->descendants();
  const std::vector<char> meant =
      list->families_of([&](std::size_t i) { return list->processes()[i].stat.session == session; });
  return found_in(*list, [&](std::size_t i) { return ours[i] != 0 && meant[i] != 0; });
}

Result<std::vector<FoundProcess>> find_marked(std::span<const std::string> marks) {
  const Result<ProcessList> list = ProcessList::read();
  if (!list) return list.error();
  std::vector<char> above_us(list->processes().size());
  for (std::size_t i = list->processes().size(); i-- > 0;) {
    const ListedProcess& process = list->processes()[i];
    if (process.pid == ::getpid()) above_us[i] = 1;
    if (above_us[i] != 0 && process.parent) above_us[*process.parent] = 1;
  }
  const std::vector<char> meant = list->families_of(
      [&](std::size_t i) { return above_us[i] == 0 && has_any_mark(*list, list->processes()[i], marks); });
  return found_in(*list, [&](std::size_t i) { return meant[i] != 0; });
}

std::optional<FoundProcess> look_at_process(pid_t pid) {
  const Result<UniqueFd> proc = open_proc();
  if (!proc) return std::nullopt;
  const std::optional<ProcessStat> stat = read_process_stat(proc->get(), pid);
  if (!stat) return std::nullopt;
  return FoundProcess{pid, stat->session, stat->start_ticks, stat->comm.data()};
}

void signal_processes(std::span<const FoundProcess> processes, int signal_number) noexcept {
  const Result<UniqueFd> proc = open_proc();
  if (!proc) return;
  for (const FoundProcess& process : processes) {
    // The process may have ended since, and its pid may be another's now.
    const std::optional<ProcessStat> now = read_process_stat(proc->get(), process.pid);
    if (now && now->start_ticks == process.start_ticks) ::kill(process.pid, signal_number);
  }
}

}  // namespace sidefridge::os
