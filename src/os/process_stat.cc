// process_stat.cc - see process_stat.h.
#include "sidefridge/os/process_stat.h"

#include <algorithm>
#include <charconv>

namespace sidefridge::os {
namespace {

// Of the kernel's sched.h.
constexpr std::uint64_t exiting = 0x4;                   // PF_EXITING
constexpr std::uint64_t forked_and_not_executed = 0x40;  // PF_FORKNOEXEC

/// The fields of a stat line after the comm, one by one.
class Fields {
public:
  explicit Fields(std::string_view text) noexcept : rest_(text) {}

  std::string_view next() noexcept {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(' '), rest_.size()));
    const std::string_view field = rest_.substr(0, rest_.find(' '));
    rest_.remove_prefix(field.size());
    return field;
  }
  void skip(int count) noexcept {
    for (int i = 0; i < count; ++i) next();
  }
  template <class Number>
  Number next_number() noexcept {
    const std::string_view field = next();
    Number number{};
    std::from_chars(field.data(), field.data() + field.size(), number);
    return number;
  }

private:
  std::string_view rest_;
};

}  // namespace

std::optional<ProcessStat> parse_process_stat(std::string_view line) noexcept {
  // A process names itself, also ") R 1 (": only the last parenthesis closes the comm.
  const std::size_t open = line.find('(');
  const std::size_t close = line.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) return std::nullopt;
  ProcessStat stat;
  const std::string_view comm = line.substr(open + 1, close - open - 1).substr(0, stat.comm.size() - 1);
  std::copy(comm.begin(), comm.end(), stat.comm.begin());

  Fields fields(line.substr(close + 1));  // proc_pid_stat(5), from field 3 on
  const std::string_view state = fields.next();
  stat.parent = fields.next_number<pid_t>();
  fields.skip(1);
  stat.session = fields.next_number<pid_t>();
  fields.skip(2);
  const auto flags = fields.next_number<std::uint64_t>();
  stat.forked_only = (flags & forked_and_not_executed) != 0;
  fields.skip(10);
  const long threads = fields.next_number<long>();
  fields.skip(1);
  stat.start_ticks = fields.next_number<std::uint64_t>();
  // A main thread that has ended looks like a zombie while the process' other threads go on.
  const bool ended = state == "Z" || state == "X" || state == "x";
  if (ended && threads <= 1) {
    stat.life = ProcessStat::Life::zombie;
  } else if ((flags & exiting) != 0) {
    stat.life = ProcessStat::Life::ending;
  }
  return stat;
}

}  // namespace sidefridge::os
