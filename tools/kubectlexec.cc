// kubectlexec.cc - runs a command in the target's container.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <cxxopts.hpp>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "command.h"
#include "sidefridge/base/result.h"
#include "sidefridge/base/version.h"
#include "sidefridge/exec/remote_command.h"
#include "sidefridge/kubernetes/names.h"
#include "sidefridge/os/inherited_fds.h"
#include "sidefridge/os/inherited_limits.h"
#include "sidefridge/os/read_file.h"
#include "sidefridge/os/standard_fds.h"
#include "sidefridge/text/quote.h"
#include "sidefridge/text/refusal.h"
#include "sidefridge/text/time_format.h"

namespace sidefridge::tools {
namespace {

constexpr std::string_view command = "kubectlexec";

constexpr std::string_view usage = R"(Usage: kubectlexec [OPTION]... [--] COMMAND-LINE
       kubectlexec [OPTION]... [--] PROGRAM ARGUMENT...

Runs a command in the container TARGET_CONTAINER of the pod POD_NAME, through kubectl. One argument is a command line
for /bin/sh there; two or more are a program and its arguments, which go through as they are, byte for byte.

  --container NAME   instead of TARGET_CONTAINER
  --pod NAME         instead of POD_NAME
  --namespace NAME   instead of POD_NAMESPACE, or the namespace of the service account
  --stdin            the command reads our standard input; without this it has none
  --shell            say that there is one argument, a command line (what one argument is by default)
  --no-shell         one argument is a program's name
  --timeout DURATION     end the command after that long (250ms, 90s, 1h30m)
  --wait-ready DURATION  first wait that long at most until the container runs
  --verify           let the target count what the command writes to stdout, and compare (needs tee and cksum there)
  -h, --help         print this
  --version          print the version

Options come before the command. The exit code is the command's own, or:

    2  wrong usage
   69  the command was not started: a variable is missing, or kubectl, the pod, the container, rights
   74  the connection was lost, and what the command did is unknown; or stdout did not arrive as it was written
  124  the command took longer than --timeout
  128+n  kubectlexec got signal n (TERM, INT, HUP)

In the last three cases the command's processes in the target are ended, as far as the target can be reached.
)";

constexpr std::string_view service_account_namespace = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

constexpr std::array<const char*, 5> options_with_value{"container", "pod", "namespace", "timeout", "wait-ready"};
constexpr std::array<const char*, 5> flags{"stdin", "shell", "no-shell", "verify", "version"};

/// What is printed instead of running a command.
struct Answer {
  std::string text;
};

Error wrong_usage(std::string_view what) {
  return Error{ErrorCode::invalid, std::string(what) + "; see kubectlexec --help"};
}

/// How many of the arguments are ours: those before the first that is no option, and a "--" that ends them.
std::size_t count_options(const std::vector<std::string>& arguments) {
  std::size_t next = 0;
  while (next < arguments.size() && arguments[next].size() > 1 && arguments[next].front() == '-') {
    const std::string_view option = arguments[next++];
    if (option == "--") break;
    const bool takes_next = std::any_of(options_with_value.begin(), options_with_value.end(),
                                        [&](std::string_view name) { return option == "--" + std::string(name); });
    if (takes_next && next < arguments.size()) ++next;
  }
  return next;
}

std::optional<std::string> variable(const char* name) {
  const char* const value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return value;
}

std::optional<std::string> namespace_of_service_account() {
  constexpr std::size_t limit_bytes = 4096;
  auto name = os::read_file(std::string(service_account_namespace), limit_bytes, os::Readable::regular);
  if (!name) return std::nullopt;
  name->resize(std::min(name->find('\n'), name->size()));
  if (name->empty()) return std::nullopt;
  return name;
}

Result<std::string> checked_name(std::string_view what, std::string name) {
  if (kubernetes::is_name(name)) return name;
  return wrong_usage(text::refusal(text::in_quotes(name), "a name in Kubernetes").with_context(what).text);
}

/// From the option, else from the variable.
Result<std::string> required_name(const cxxopts::ParseResult& parsed, const std::string& option, const char* name) {
  if (parsed.count(option) != 0) return checked_name("--" + option, parsed[option].as<std::string>());
  if (auto value = variable(name)) return checked_name(name, *std::move(value));
  return Error{ErrorCode::unavailable,
               std::string(name) + " is not set: set it in the sidecar's environment, or say --" + option + " NAME"};
}

Result<kubernetes::Target> target_of(const cxxopts::ParseResult& parsed) {
  auto container = required_name(parsed, "container", "TARGET_CONTAINER");
  if (!container) return std::move(container).error();
  auto pod = required_name(parsed, "pod", "POD_NAME");
  if (!pod) return std::move(pod).error();
  kubernetes::Target target{*std::move(pod), *std::move(container), std::nullopt};

  std::optional<std::string> name_space;
  std::string_view source = "--namespace";
  if (parsed.count("namespace") != 0) {
    name_space = parsed["namespace"].as<std::string>();
  } else if (auto value = variable("POD_NAMESPACE")) {
    name_space = std::move(value);
    source = "POD_NAMESPACE";
  } else {
    name_space = namespace_of_service_account();
    source = service_account_namespace;
  }
  if (!name_space) return target;
  auto checked = checked_name(source, *std::move(name_space));
  if (!checked) return std::move(checked).error();
  target.name_space = *std::move(checked);
  return target;
}

Result<Duration> duration_of(const cxxopts::ParseResult& parsed, const std::string& option) {
  if (parsed.count(option) == 0) return Duration::zero();
  auto duration = text::parse_duration(parsed[option].as<std::string>());
  if (!duration) return wrong_usage("--" + option + ": " + duration.error().text);
  return *duration;
}

/// The arguments after our options into the words that run in the target.
Result<std::vector<std::string>> words_of(const cxxopts::ParseResult& parsed, std::vector<std::string> words) {
  if (words.empty()) return wrong_usage("there is no command");
  const bool shell = parsed.count("shell") != 0;
  const bool no_shell = parsed.count("no-shell") != 0;
  if (shell && no_shell) return wrong_usage("--shell and --no-shell exclude each other");
  if (shell && words.size() > 1) return wrong_usage("--shell takes one argument: put the whole command line in quotes");
  if (words.size() == 1 && !no_shell) return std::vector<std::string>{"/bin/sh", "-c", std::move(words.front())};
  // The wrapper's `exec` would take it for an option of its own.
  if (words.front().starts_with('-')) return wrong_usage("a program's name cannot begin with '-'; give its path");
  return words;
}

/// Throws what cxxopts throws.
Result<std::variant<Answer, exec::RemoteRequest>> parse(const std::vector<std::string>& arguments) {
  cxxopts::Options options("kubectlexec");
  auto add = options.add_options();
  add("h,help", "");
  for (const char* name : flags) add(name, "");
  for (const char* name : options_with_value) add(name, "", cxxopts::value<std::string>());

  const auto ours = static_cast<std::ptrdiff_t>(count_options(arguments));
  std::vector<const char*> argv{"kubectlexec"};
  for (auto option = arguments.begin(); option != arguments.begin() + ours; ++option) argv.push_back(option->c_str());
  const cxxopts::ParseResult parsed = options.parse(static_cast<int>(argv.size()), argv.data());

  if (parsed.count("help") != 0) return std::variant<Answer, exec::RemoteRequest>(Answer{std::string(usage)});
  if (parsed.count("version") != 0) {
    return std::variant<Answer, exec::RemoteRequest>(
        Answer{"kubectlexec (sidefridge) " + std::string(version()) + "\n"});
  }
  exec::RemoteRequest request;
  auto words = words_of(parsed, {arguments.begin() + ours, arguments.end()});
  if (!words) return std::move(words).error();
  request.words = *std::move(words);
  auto timeout = duration_of(parsed, "timeout");
  if (!timeout) return std::move(timeout).error();
  request.timeout = *timeout;
  auto wait_ready = duration_of(parsed, "wait-ready");
  if (!wait_ready) return std::move(wait_ready).error();
  request.wait_ready = *wait_ready;
  if (parsed.count("stdin") != 0) request.input = kubernetes::Input::standard_input;
  if (parsed.count("verify") != 0) request.verify = kubernetes::Verify::checksum;
  auto target = target_of(parsed);
  if (!target) return std::move(target).error();
  request.target = *std::move(target);
  return std::variant<Answer, exec::RemoteRequest>(std::move(request));
}

Result<std::variant<Answer, exec::RemoteRequest>> parse_safely(const std::vector<std::string>& arguments) {
  try {
    return parse(arguments);
  } catch (const std::exception& mistake) {
    // Some messages hold an argument as it was typed.
    return wrong_usage(text::one_line(mistake.what()));
  }
}

int run(int argc, const char* const* argv) {
  os::ignore_file_size_signal();
  if (auto opened = os::open_standard_fds(); !opened) return fail(command, opened.error());
  if (auto kept = os::keep_inherited_fds_from_scripts(); !kept) return fail(command, kept.error());
  auto parsed = parse_safely({argv + std::min(argc, 1), argv + argc});
  if (!parsed) return fail(command, parsed.error());
  if (const auto* answer = std::get_if<Answer>(&*parsed)) {
    auto printed = print(answer->text);
    return printed ? 0 : fail(command, printed.error());
  }
  auto status = exec::run_remote(std::get<exec::RemoteRequest>(*parsed));
  return status ? *status : fail(command, status.error());
}

}  // namespace
}  // namespace sidefridge::tools

int main(int argc, char** argv) {
  return sidefridge::tools::run(argc, argv);
}
