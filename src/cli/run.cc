// run.cc - from the command line to a running daemon.
#include "sidefridge/cli/run.h"

#include <memory>
#include <ostream>
#include <utility>
#include <vector>

#include "sidefridge/cli/options.h"
#include "sidefridge/daemon/daemon.h"

namespace sidefridge::cli {
namespace {

constexpr VerbSpec serve_spec{
    .command = "sidefridge",
    .arguments = {},
    .summary =
        "Runs a pod's backup hooks on a cron schedule, until SIGTERM or SIGINT.\n"
        "\n"
        "Commands, each with its own --help:\n"
        "  once      install_dependencies and one run, now; exit code of the run\n"
        "  check     validate the settings and hooks; print what would run, in order\n"
        "  next      when a schedule fires next\n"
        "  status    the daemon, the current run and the last ones\n"
        "  history   the runs that are remembered",
    .schedule = core::Need::mandatory,
};

constexpr VerbSpec once_spec{
    .command = "sidefridge once",
    .arguments = {},
    .summary =
        "Runs install_dependencies, then one whole run of the hooks, now, and ends.\n"
        "Exit code: 0 the run succeeded, 1 it failed, 2 wrong settings, 74 the state folder cannot be used,\n"
        "75 another run is in progress in the same state folder.",
};

std::vector<std::string> entries_of(std::span<const core::Setting> environment) {
  std::vector<std::string> entries;
  entries.reserve(environment.size());
  for (const core::Setting& setting : environment) entries.push_back(setting.name + "=" + setting.value);
  return entries;
}

int run(const VerbSpec& spec, daemon::Daemon::Mode mode, std::span<const std::string> arguments,
        std::span<const core::Setting> environment, std::ostream& out, std::ostream& err) {
  auto options = parse_options(spec, arguments, environment);
  if (const auto over = finish(options, out, err)) return *over;
  if (const auto over = finish(options->config, err)) return *over;
  auto opened = daemon::Daemon::open(std::move(options->config).config(), mode, entries_of(environment));
  const Result<int> exit_code = opened ? (*opened)->run() : Result<int>(opened.error());
  if (exit_code) return *exit_code;
  err << spec.command << ": " << exit_code.error().text << '\n';
  return exit_code_of(exit_code.error().code);
}

}  // namespace

int serve(std::span<const std::string> arguments, std::span<const core::Setting> environment, std::ostream& out,
          std::ostream& err) {
  return run(serve_spec, daemon::Daemon::Mode::schedule, arguments, environment, out, err);
}

int once(std::span<const std::string> arguments, std::span<const core::Setting> environment, std::ostream& out,
         std::ostream& err) {
  return run(once_spec, daemon::Daemon::Mode::once, arguments, environment, out, err);
}

}  // namespace sidefridge::cli
