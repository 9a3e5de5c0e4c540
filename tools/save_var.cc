// save_var.cc - sets a variable of the current run.
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "command.h"
#include "sidefridge/os/inherited_limits.h"
#include "sidefridge/os/standard_fds.h"
#include "sidefridge/text/quote.h"
#include "variable_tool.h"

namespace sidefridge::tools {
namespace {

constexpr std::string_view usage = R"(Usage: save_var [--] KEY VALUE
       save_var --stdin [--] KEY

Sets a variable of the current run, or overwrites it. Every script of the run can read it with load_var; it is gone
when the run ends. store_var is another name of this command.

  KEY        1 to 511 bytes
  VALUE      anything, also nothing; it may start with a dash
  --stdin    read the value from standard input, to its end, byte for byte
  --help     print this
  --version  print the version

Options come before KEY. Exit codes: 0 saved, 2 wrong usage, 69 not inside a run, 74 the store is full or the disk
refused; everything saved before is then still there.
)";

struct Request {
  enum class Source { argument, standard_input };
  Source source = Source::argument;
  std::string_view key;
  std::string_view value;
};

Error wrong_usage(std::string_view what) {
  return Error{ErrorCode::invalid, std::string(what) + "; see save_var --help"};
}

Result<Request> parse(int argc, const char* const* argv) {
  Request request;
  int next = 1;
  for (; next < argc && argv[next][0] == '-' && argv[next][1] != '\0'; ++next) {
    const std::string_view option = argv[next];
    if (option == "--") {
      ++next;
      break;
    }
    if (option != "--stdin") return wrong_usage("unknown option " + text::in_quotes(option));
    request.source = Request::Source::standard_input;
  }
  const int wanted = request.source == Request::Source::argument ? 2 : 1;
  if (argc - next != wanted)
    return wrong_usage(wanted == 2 ? "expected KEY and VALUE" : "expected KEY alone after --stdin");
  request.key = argv[next];
  if (wanted == 2) request.value = argv[next + 1];
  return request;
}

// All of standard input. More than could be saved is not read.
Result<std::string> read_value(std::uint64_t limit_bytes) {
  std::string value;
  constexpr std::size_t chunk = 64 * 1024;
  for (;;) {
    const std::size_t size = value.size();
    value.resize(size + chunk);
    const ssize_t got = ::read(STDIN_FILENO, value.data() + size, chunk);
    if (got < 0 && errno != EINTR) return system_error("cannot read standard input", errno);
    value.resize(size + static_cast<std::size_t>(got < 0 ? 0 : got));
    if (got == 0) return value;
    if (value.size() > limit_bytes) {
      return Error{ErrorCode::full, "the value is larger than the store; raise SIDEFRIDGE_STORE_LIMIT"};
    }
  }
}

Result<void> save(const Request& request) {
  auto run = current_run();
  if (!run) return std::move(run).error();
  std::string read;
  std::string_view value = request.value;
  if (request.source == Request::Source::standard_input) {
    // The store is not kept open meanwhile: a pipe may take an hour.
    std::uint64_t limit_bytes = 0;
    {
      auto variables = join_variables();
      if (!variables) return std::move(variables).error();
      limit_bytes = variables->limit_bytes();
    }
    auto all = read_value(limit_bytes);
    if (!all) return std::move(all).error();
    read = std::move(*all);
    value = read;
  }
  auto variables = join_variables();
  if (!variables) return std::move(variables).error();
  return variables->save(*run, request.key, value);
}

int run(int argc, const char* const* argv) {
  const std::string_view command = command_name(argv);
  os::ignore_file_size_signal();
  if (auto opened = os::open_standard_fds(); !opened) return fail(command, opened.error());
  if (argc == 2 && argv[1] == std::string_view("--help")) {
    auto printed = print(usage);
    return printed ? 0 : fail(command, printed.error());
  }
  if (argc == 2 && argv[1] == std::string_view("--version")) return print_version(command);
  auto request = parse(argc, argv);
  if (!request) return fail(command, request.error());
  auto saved = save(*request);
  return saved ? 0 : fail(command, saved.error());
}

}  // namespace
}  // namespace sidefridge::tools

int main(int argc, char** argv) {
  return sidefridge::tools::run(argc, argv);
}
