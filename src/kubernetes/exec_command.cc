// exec_command.cc - the wrapper's text and kubectl's arguments.
#include "sidefridge/kubernetes/exec_command.h"

#include <algorithm>
#include <array>

#include "sidefridge/text/hex.h"
#include "sidefridge/text/quote.h"

namespace sidefridge::kubernetes {
namespace {

// The scripts use positional parameters where they can: a variable might be one that the command's environment has.
// $1 is the mark. The traps keep the wrapper alive when the whole group is signalled, and are gone in the command.
constexpr std::string_view begin_script = R"sh(trap : HUP INT QUIT TERM USR1 USR2
)sh";

constexpr std::string_view look_for_tools_script = R"sh(for _kx in tee cksum; do
command -v $_kx >/dev/null || { echo "$1:lacks:$_kx" >&2; exit 0; }
done
)sh";

// Shells tell on stderr when a process of theirs was killed; that is no word of the command's.
constexpr std::string_view start_script = R"sh(echo "$1:start:$$" >&2
exec 3>&2 4>&1 2>/dev/null
)sh";

// Shells set PWD, OLDPWD and SHLVL on their own. What the environment did not have goes, and SHLVL back to what it was.
constexpr std::string_view command_script = R"sh((
shift
_kx="
$(tr '\0' '\n' </proc/$$/environ)
"
case $_kx in *"
PWD="*) ;; *) unset PWD; esac
case $_kx in *"
OLDPWD="*) ;; *) unset OLDPWD; esac
case $_kx in *"
SHLVL=$SHLVL
"*) ;; *"
SHLVL="*) SHLVL=$((SHLVL-1));; *) unset SHLVL; esac
unset _kx
exec 2>&3 3>&- 4>&- 5>&-
exec "$@"
))sh";

constexpr std::string_view end_script = R"sh(
echo "$1:end:$?" >&3
exit 0
)sh";

// The command writes to a pipe of the shell's own, which tee can open again by its name, whichever user owns the real
// stdout.
constexpr std::string_view begin_checksum_script = R"sh(set -- "$1" $({ { )sh";
// If tee dies because nobody reads any more, cksum's words come before the status.
constexpr std::string_view end_checksum_script = R"sh(
echo "s$?" >&5; } | tee /proc/self/fd/6 6>&1 >&4 3>&- 4>&- 5>&- | cksum 3>&- 4>&- 5>&-; } 5>&1)
case $2 in s*) ;; *) set -- "$1" "$4" "$2" "$3"; esac
[ "$4" ] && echo "$1:end:${2#s}:$3:$4" >&3
exit 0
)sh";

// The group may outlive the wrapper; as long as anybody is in it, its number is not given away. Zombies do not count:
// the process 1 of many containers reaps none. Fields of /proc/PID/stat behind the name: state, parent, group.
constexpr std::string_view ending_script = R"sh(exec 2>/dev/null
_kx=
while IFS= read -r _kl || [ "$_kl" ]; do _kx=$_kx$_kl; done </proc/$2/cmdline
case $_kx in *"$1"*) ;; *) exit 0; esac
_kx=$2
lives() {
for _kl in /proc/[0-9]*/stat; do
read -r _kl <$_kl || continue
set -- ${_kl##*) }
[ "$3" = $_kx ] && [ $1 != Z ] && return 0
done
return 1
}
kill -TERM -$_kx
for _ki in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
lives || exit 0
sleep 0.1 || { sleep 2; break; }
done
kill -KILL -$_kx
exit 0
)sh";

constexpr std::string_view wrapper_name = "kubectlexec";

std::vector<std::string> shell_script(std::string script) {
  return {"/bin/sh", "-c", std::move(script), std::string(wrapper_name)};
}

void add_namespace(std::vector<std::string>& arguments, const Target& target) {
  if (!target.name_space) return;
  arguments.push_back("-n");
  arguments.push_back(*target.name_space);
}

std::string_view trimmed(std::string_view line) noexcept {
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
  return line;
}

bool has(std::string_view text, std::string_view part) noexcept {
  return text.find(part) != text.npos;
}

}  // namespace

std::string mark_of(std::span<const std::uint8_t, 16> random) {
  std::string mark(wrapper_name);
  mark += ':';
  for (const std::uint8_t byte : random) text::append_hex(mark, byte);
  return mark;
}

std::vector<std::string> wrapped(std::string_view mark, std::span<const std::string> words, Verify verify) {
  std::string script(begin_script);
  switch (verify) {
    case Verify::none:
      script += start_script;
      script += command_script;
      script += end_script;
      break;
    case Verify::checksum:
      script += look_for_tools_script;
      script += start_script;
      script += begin_checksum_script;
      script += command_script;
      script += end_checksum_script;
      break;
  }
  std::vector<std::string> command = shell_script(std::move(script));
  command.emplace_back(mark);
  command.insert(command.end(), words.begin(), words.end());
  return command;
}

std::vector<std::string> ending(std::string_view mark, std::uint32_t pid) {
  std::vector<std::string> command = shell_script(std::string(ending_script));
  command.emplace_back(mark);
  command.push_back(std::to_string(pid));
  return command;
}

std::vector<std::string> exec_arguments(const Target& target, Input input, std::span<const std::string> words) {
  std::vector<std::string> arguments{"kubectl", "exec", target.pod};
  add_namespace(arguments, target);
  arguments.push_back("-c");
  arguments.push_back(target.container);
  if (input == Input::standard_input) arguments.push_back("-i");
  arguments.push_back("--");
  arguments.insert(arguments.end(), words.begin(), words.end());
  return arguments;
}

std::vector<std::string> running_since_arguments(const Target& target) {
  std::vector<std::string> arguments{"kubectl", "get", "pod", target.pod};
  add_namespace(arguments, target);
  arguments.push_back("-o");
  std::string path = "jsonpath=";
  for (const std::string_view list : {"containerStatuses", "initContainerStatuses"}) {
    path += "{.status.";
    path += list;
    path += "[?(@.name==\"" + target.container + "\")].state.running.startedAt}";
  }
  arguments.push_back(std::move(path));
  return arguments;
}

std::string reason_of(std::string_view kubectl_stderr) {
  std::string_view last;
  while (!kubectl_stderr.empty()) {
    const std::size_t end = std::min(kubectl_stderr.find('\n'), kubectl_stderr.size());
    const std::string_view line = trimmed(kubectl_stderr.substr(0, end));
    kubectl_stderr.remove_prefix(std::min(end + 1, kubectl_stderr.size()));
    // What it says of the wrapper's exit code is no reason.
    if (!line.empty() && !line.starts_with("command terminated with exit code")) last = line;
  }
  return text::one_line(last);
}

bool lacks_shell(std::string_view kubectl_stderr) noexcept {
  return has(kubectl_stderr, "/bin/sh") &&
         (has(kubectl_stderr, "no such file or directory") || has(kubectl_stderr, "No such file or directory") ||
          has(kubectl_stderr, "executable file not found"));
}

}  // namespace sidefridge::kubernetes
