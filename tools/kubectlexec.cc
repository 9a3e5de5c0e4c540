// kubectlexec.cc - runs a command in the target's container.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
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
#include "sidefridge/core/loss_note.h"
#include "sidefridge/exec/remote_command.h"
#include "sidefridge/kubernetes/names.h"
#include "sidefridge/os/inherited_fds.h"
#include "sidefridge/os/inherited_limits.h"
#include "sidefridge/os/note_fifo.h"
#include "sidefridge/os/read_file.h"
#include "sidefridge/os/standard_fds.h"
#include "sidefridge/text/digest.h"
#include "sidefridge/text/quote.h"
#include "sidefridge/text/refusal.h"
#include "sidefridge/text/time_format.h"
#include "sidefridge/text/trim.h"
#include "sidefridge/text/truth.h"
#include "variable_tool.h"

namespace sidefridge::tools {
namespace {

constexpr std::string_view our_name = "kubectlexec";

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
  --verify           let the target count what the command writes to stdout, and compare (needs tee there, and cksum
                     or at least wc)
  --may-fail         what this call loses (exit code 74) does not fail the script that makes it
  -h, --help         print this
  --version          print the version

Options come before the command. The exit code is the command's own, or:

    2  wrong usage
   69  nothing was started, for certain: a variable is missing, or kubectl, the pod, the container, rights
   74  what the command did is unknown, since the connection was lost; or not all that it wrote has arrived, or could
       be written to our stdout and stderr
  124  the command took longer than --timeout
  128+n  kubectlexec got signal n (TERM, INT, HUP)

In the last three cases the command's processes in the target are ended, as far as the target can be reached.
A script of a hook in which a call ended with 74 fails, even if a pipe hides that and it exits with 0, unless the same
command succeeded later in it.

With SIDEFRIDGE_PIPEFAIL=true a command line runs with "-o pipefail", where the target's /bin/sh knows that.
)";

constexpr std::string_view service_account_namespace = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

constexpr std::array<const char*, 5> options_with_value{"container", "pod", "namespace", "timeout", "wait-ready"};
constexpr std::array<const char*, 6> flags{"stdin", "shell", "no-shell", "verify", "may-fail", "version"};

constexpr int lost_code = 74;
constexpr Duration note_patience = std::chrono::seconds(2);

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
  const std::string_view meant = text::trimmed(value == nullptr ? "" : value);
  if (meant.empty()) return std::nullopt;
  return std::string(meant);
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

/// What runs in the target.
struct Command {
  enum class Kind { line, program };
  Kind kind;
  std::vector<std::string> words;
};

/// The arguments after our options.
Result<Command> command_of(const cxxopts::ParseResult& parsed, std::vector<std::string> words) {
  if (words.empty()) return wrong_usage("there is no command");
  const bool shell = parsed.count("shell") != 0;
  const bool no_shell = parsed.count("no-shell") != 0;
  if (shell && no_shell) return wrong_usage("--shell and --no-shell exclude each other");
  if (shell && words.size() > 1) return wrong_usage("--shell takes one argument: put the whole command line in quotes");
  if (words.size() == 1 && !no_shell) return Command{Command::Kind::line, {"/bin/sh", "-c", std::move(words.front())}};
  // The wrapper's `exec` would take it for an option of its own.
  if (words.front().starts_with('-')) return wrong_usage("a program's name cannot begin with '-'; give its path");
  return Command{Command::Kind::program, std::move(words)};
}

Result<core::Pipes> pipes_of(Command::Kind kind) {
  const auto value = variable("SIDEFRIDGE_PIPEFAIL");
  if (!value) return core::Pipes::last_command_counts;
  const std::optional<bool> wanted = text::parse_truth(*value);
  if (!wanted) {
    return text::refusal(text::in_quotes(*value), "true or false").with_context("SIDEFRIDGE_PIPEFAIL");
  }
  return *wanted && kind == Command::Kind::line ? core::Pipes::each_command_counts : core::Pipes::last_command_counts;
}

/// What is asked for, and whether its loss is the script's.
struct Call {
  enum class Loss { fails_the_script, is_allowed };
  exec::RemoteRequest request;
  Loss loss = Loss::fails_the_script;
};

/// Throws what cxxopts throws.
Result<std::variant<Answer, Call>> parse(const std::vector<std::string>& arguments) {
  cxxopts::Options options("kubectlexec");
  auto add = options.add_options();
  add("h,help", "");
  for (const char* name : flags) add(name, "");
  for (const char* name : options_with_value) add(name, "", cxxopts::value<std::string>());

  const auto ours = static_cast<std::ptrdiff_t>(count_options(arguments));
  std::vector<const char*> argv{"kubectlexec"};
  for (auto option = arguments.begin(); option != arguments.begin() + ours; ++option) argv.push_back(option->c_str());
  const cxxopts::ParseResult parsed = options.parse(static_cast<int>(argv.size()), argv.data());

  if (parsed.count("help") != 0) return std::variant<Answer, Call>(Answer{std::string(usage)});
  if (parsed.count("version") != 0) {
    return std::variant<Answer, Call>(Answer{"kubectlexec (sidefridge) " + std::string(version()) + "\n"});
  }
  Call call;
  if (parsed.count("may-fail") != 0) call.loss = Call::Loss::is_allowed;
  exec::RemoteRequest& request = call.request;
  auto command = command_of(parsed, {arguments.begin() + ours, arguments.end()});
  if (!command) return std::move(command).error();
  request.words = std::move(command->words);
  auto pipes = pipes_of(command->kind);
  if (!pipes) return std::move(pipes).error();
  request.wrapping.pipes = *pipes;
  auto timeout = duration_of(parsed, "timeout");
  if (!timeout) return std::move(timeout).error();
  request.timeout = *timeout;
  auto wait_ready = duration_of(parsed, "wait-ready");
  if (!wait_ready) return std::move(wait_ready).error();
  request.wait_ready = *wait_ready;
  if (parsed.count("stdin") != 0) request.wrapping.input = kubernetes::Input::standard_input;
  if (parsed.count("verify") != 0) request.wrapping.verify = kubernetes::Verify::checksum;
  auto target = target_of(parsed);
  if (!target) return std::move(target).error();
  request.target = *std::move(target);
  return std::variant<Answer, Call>(std::move(call));
}

Result<std::variant<Answer, Call>> parse_safely(const std::vector<std::string>& arguments) {
  try {
    return parse(arguments);
  } catch (const std::exception& mistake) {
    // Some messages hold an argument as it was typed.
    return wrong_usage(text::one_line(mistake.what()));
  }
}

/// A command line as it was given; a program and its arguments with blanks between.
std::string as_typed(const std::vector<std::string>& words) {
  constexpr std::size_t words_of_a_line = 3;
  const bool is_line = words.size() == words_of_a_line && words[0] == "/bin/sh" && words[1] == "-c";
  if (is_line) return words.back();
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

/// Tells the run that this is a part of: a script that exits with 0 behind a pipe does not hide what was lost in it.
Result<void> note_end(const exec::RemoteRequest& request, int code) {
  const auto run_id = variable("SIDEFRIDGE_RUN_ID");
  if (!run_id || (code != 0 && code != lost_code)) return {};
  core::LossNote note;
  note.kind = code == 0 ? core::LossNote::Kind::succeeded : core::LossNote::Kind::lost;
  note.script = core::script_digest(*run_id, variable("SIDEFRIDGE_HOOK").value_or(""),
                                    variable("SIDEFRIDGE_SCRIPT").value_or(""));
  text::Digest command;
  command.add(request.target.pod).add(request.target.container).add(request.target.name_space.value_or(""));
  for (const std::string& word : request.words) command.add(word);
  note.text = as_typed(request.words);
  note.command = command.value();
  return os::send_note(told_state_folder().losses_path(), core::format_loss_note(note), note_patience);
}

int run(int argc, const char* const* argv) {
  os::ignore_file_size_signal();
  if (auto opened = os::open_standard_fds(); !opened) return fail(our_name, opened.error());
  if (auto kept = os::keep_inherited_fds_from_scripts(); !kept) return fail(our_name, kept.error());
  auto parsed = parse_safely({argv + std::min(argc, 1), argv + argc});
  if (!parsed) return fail(our_name, parsed.error());
  if (const auto* answer = std::get_if<Answer>(&*parsed)) {
    auto printed = print(answer->text);
    return printed ? 0 : fail(our_name, printed.error());
  }
  const Call& call = std::get<Call>(*parsed);
  auto status = exec::run_remote(call.request);
  const int code = status ? *status : fail(our_name, status.error());
  if (call.loss == Call::Loss::is_allowed) return code;
  if (auto noted = note_end(call.request, code); !noted && code != 0) {
    fail(our_name,
         std::move(noted).error().with_context("a loss could not be noted for the run, and a pipe may hide it"));
  }
  return code;
}

}  // namespace
}  // namespace sidefridge::tools

int main(int argc, char** argv) {
  return sidefridge::tools::run(argc, argv);
}
