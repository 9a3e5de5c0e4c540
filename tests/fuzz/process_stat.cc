// process_stat.cc - any bytes as a line of /proc/PID/stat, and as a process's name in such a line.
#include "sidefridge/os/process_stat.h"

#include <string>

#include "fuzz_target.h"

namespace sidefridge::fuzz {
namespace {

void read_any(std::string_view line) {
  const auto stat = os::parse_process_stat(line);
  const bool named = line.find('(') < line.rfind(')') && line.rfind(')') != std::string_view::npos;
  promise(stat.has_value() == named, "what has a name in parentheses is a line, and nothing else is");
  promise(!stat || stat->comm.back() == '\0', "a name ends");
}

void read_name(std::string_view name) {
  const std::string line = "4711 (" + std::string(name) +
                           ") Z 17 18 19 0 -1 4194560 144 0 0 0 0 0 0 0 20 0 1 0 18446744073709551615 2379776 223\n";
  const auto stat = os::parse_process_stat(line);
  promise(stat && stat->parent == 17 && stat->session == 19 && stat->start_ticks == 18446744073709551615U &&
              stat->life == os::ProcessStat::Life::zombie,
          "no name hides what follows it");
  const std::string_view kept = name.substr(0, stat->comm.size() - 1);
  promise(std::string_view(stat->comm.data(), kept.size()) == kept, "the name is what was in parentheses");
}

}  // namespace
}  // namespace sidefridge::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sidefridge;
  fuzz::read_any(fuzz::text_of(data, size));
  fuzz::read_name(fuzz::text_of(data, size));
  return 0;
}
