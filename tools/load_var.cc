// load_var.cc - prints a variable of the current run.
#include <optional>
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

constexpr std::string_view usage = R"(Usage: load_var [--raw] [--strict] [--] KEY [DEFAULT]

Prints the value that save_var gave KEY in the current run, and a newline. When there is none, prints DEFAULT, or an
empty line.

  --raw      print the bytes as they are, without a newline
  --strict   when there is none, print nothing and exit with 1
  --help     print this
  --version  print the version

Options come before KEY. Exit codes: 0 printed, 1 no such key (with --strict), 2 wrong usage, 69 not inside a run,
74 the disk or the output refused.
)";

struct Request {
  enum class Form { line, raw };
  enum class Missing { is_fine, is_failure };
  Form form = Form::line;
  Missing missing = Missing::is_fine;
  std::string_view key;
  std::string_view fallback;
};

Error wrong_usage(std::string_view what) {
  return Error{ErrorCode::invalid, std::string(what) + "; see load_var --help"};
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
    if (option == "--raw") {
      request.form = Request::Form::raw;
    } else if (option == "--strict") {
      request.missing = Request::Missing::is_failure;
    } else {
      return wrong_usage("unknown option " + text::in_quotes(option));
    }
  }
  if (argc - next < 1 || argc - next > 2) return wrong_usage("expected KEY, or KEY and DEFAULT");
  request.key = argv[next];
  if (argc - next == 2) request.fallback = argv[next + 1];
  return request;
}

Result<std::optional<std::string>> load(const Request& request) {
  auto run = current_run();
  if (!run) return std::move(run).error();
  auto variables = join_variables();
  if (!variables) return std::move(variables).error();
  return variables->load(*run, request.key);
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

  auto found = load(*request);
  if (!found) return fail(command, found.error());
  if (!*found && request->missing == Request::Missing::is_failure) return 1;
  std::string text = *found ? std::move(**found) : std::string(request->fallback);
  if (request->form == Request::Form::line) text += '\n';
  auto printed = print(text);
  return printed ? 0 : fail(command, printed.error());
}

}  // namespace
}  // namespace sidefridge::tools

int main(int argc, char** argv) {
  return sidefridge::tools::run(argc, argv);
}
