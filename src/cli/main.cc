// main.cc - which verb is meant.
#include <unistd.h>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include <iostream>
#include <span>
#include <string>
#include <vector>

#include "sidefridge/cli/check.h"
#include "sidefridge/cli/history.h"
#include "sidefridge/cli/next.h"
#include "sidefridge/cli/options.h"
#include "sidefridge/cli/run.h"
#include "sidefridge/cli/status.h"
#include "sidefridge/os/inherited_limits.h"
#include "sidefridge/os/standard_fds.h"
#include "sidefridge/os/system_clock.h"
#include "sidefridge/text/quote.h"

int main(int argc, char** argv) {
  namespace cli = sidefridge::cli;
#if defined(__GLIBC__)
  // One heap for all threads: glibc's own for each would cost the start, and memory, more than waiting for it ever
  // does.
  ::mallopt(M_ARENA_MAX, 1);
#endif
  sidefridge::os::ignore_file_size_signal();
  sidefridge::os::keep_own_rights();
  if (const auto opened = sidefridge::os::open_standard_fds(); !opened) {
    std::cerr << "sidefridge: " << opened.error().text << "\n";
    return sidefridge::exit_code_of(opened.error().code);
  }
  const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  const std::vector<sidefridge::core::Setting> environment = cli::settings_of(environ);
  if (arguments.empty() || arguments.front().starts_with('-')) {
    return cli::serve(arguments, environment, std::cout, std::cerr);
  }
  const std::string& verb = arguments.front();
  const std::span<const std::string> rest = std::span(arguments).subspan(1);
  const sidefridge::WallTime now = sidefridge::os::sample_now().wall;
  if (verb == "once") return cli::once(rest, environment, std::cout, std::cerr);
  if (verb == "check") return cli::check(rest, environment, now, std::cout, std::cerr);
  if (verb == "next") return cli::next(rest, environment, now, std::cout, std::cerr);
  if (verb == "status") return cli::status(rest, environment, now, std::cout, std::cerr);
  if (verb == "history") return cli::history(rest, environment, now, std::cout, std::cerr);
  std::cerr << "sidefridge: unknown command " << sidefridge::text::in_quotes(verb)
            << "; the commands are once, check, next, status and history (see sidefridge --help)\n";
  return 2;
}
