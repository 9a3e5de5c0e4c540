// exec_command.cc - the wrapper's text and kubectl's arguments.
#include "sidefridge/kubernetes/exec_command.h"

#include <algorithm>
#include <array>

#include "sidefridge/text/hex.h"
#include "sidefridge/text/quote.h"
#include "sidefridge/text/trim.h"

namespace sidefridge::kubernetes {
namespace {

// The scripts use positional parameters where they can: a variable might be one that the command's environment has.
// $1 is the mark. The traps keep the wrapper alive when the whole group is signalled, and are gone in the command.
constexpr std::string_view begin_script = R"sh(trap : HUP INT QUIT TERM USR1 USR2
)sh";

constexpr std::string_view look_for_tools_script =
    R"sh(command -v tee >/dev/null || { echo "$1:lacks:tee" >&2; exit 0; }
command -v cksum >/dev/null || command -v wc >/dev/null || { echo "$1:lacks:cksum" >&2; exit 0; }
)sh";

// From here on $1 is the other mark. `read` takes no byte behind the line.
// Shells tell on stderr when a process of theirs was killed; that is no word of the command's.
constexpr std::string_view start_script = R"sh(echo "$1:start:$$" >&2
unset _ke
IFS= read -r _ke || exit 0
shift
set -- "$_ke" "$@"
unset _ke
exec 3>&2 4>&1 2>/dev/null
)sh";

// Shells set PWD, OLDPWD and SHLVL on their own. What the environment did not have goes, and SHLVL back to what it was.
constexpr std::string_view begin_command_script = R"sh((
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
)sh";

constexpr std::string_view no_stdin_script = R"sh(exec </dev/null
)sh";

constexpr std::string_view pipefail_script =
    R"sh((set -o pipefail) 2>/dev/null && shift && set -- /bin/sh -o pipefail "$@"
)sh";

constexpr std::string_view end_command_script = R"sh(exec "$@"
))sh";

constexpr std::string_view take_status_script = R"sh(
set -- "$1" $?
)sh";

// The command writes to a pipe of the shell's own, which tee can open again by its name, whichever user owns the real
// stdout.
constexpr std::string_view begin_checksum_script = R"sh(set -- "$1" $({ { )sh";
// If tee dies because nobody reads any more, the count comes before the status.
constexpr std::string_view end_checksum_script = R"sh(
echo "s$?" >&5; } | tee /proc/self/fd/6 6>&1 >&4 3>&- 4>&- 5>&- | {
if command -v cksum >/dev/null; then set -- $(cksum); echo ":$2:$1"; else set -- $(wc -c); echo ":$1"; fi
} 3>&- 4>&- 5>&-; } 5>&1)
case $2 in s*) set -- "$1" "${2#s}$3";; *) set -- "$1" "${3#s}$2"; esac
)sh";

// $2 is the status, and the count if there is one. From here on a signal may end the wrapper, too.
constexpr std::string_view end_script = R"sh(trap 'exit 0' HUP INT QUIT TERM USR1 USR2
echo "$1:end:$2" >&3
echo "$1" >&4
)sh";

constexpr std::string_view await_line_script = R"sh(read -r _ke
exit 0
)sh";

// Who is gone acknowledges nothing: ten minutes are enough for one who is there. A signal interrupts `wait`.
constexpr std::string_view await_signal_script = R"sh(_ke=0
while [ $_ke -lt 600 ]; do
_ke=$((_ke+1))
sleep 1 </dev/null >/dev/null 3>&- 4>&- &
wait $!
done
exit 0
)sh";

// Exits unless the process $2 bears the mark $1.
constexpr std::string_view look_at_mark_script = R"sh(exec 2>/dev/null
_kx=
while IFS= read -r _kl || [ "$_kl" ]; do _kx=$_kx$_kl; done </proc/$2/cmdline
case $_kx in *"$1"*) ;; *) exit 0; esac
)sh";

constexpr std::string_view acknowledging_script = R"sh(kill -USR1 $2
exit 0
)sh";

// The group may outlive the wrapper; as long as anybody is in it, its number is not given away. Zombies do not count:
// the process 1 of many containers reaps none. Fields of /proc/PID/stat behind the name: state, parent, group.
constexpr std::string_view ending_script = R"sh(_kx=$2
lives() {
for _kl in /proc/[0-9]*/stat; do
read -r _kl <$_kl || continue
set -- ${_kl##*) }
[ "$3" = $_kx ] && [ $1 != Z ] && return 0
done
return 1
}
kill -TERM -$_kx
for _ki in 0.1 0.1 0.2 0.3 0.5 0.8; do
lives || exit 0
sleep $_ki || { sleep 2; break; }
done
kill -KILL -$_kx
exit 0
)sh";

constexpr std::string_view wrapper_name = "kubectlexec";

std::vector<std::string> shell_script(std::string script) {
  return {"/bin/sh", "-c", std::move(script), std::string(wrapper_name)};
}

/// A script for what bears the mark.
std::vector<std::string> script_for(std::string_view begin_mark, std::uint32_t pid, std::string_view script) {
  std::vector<std::string> command = shell_script(std::string(look_at_mark_script).append(script));
  command.emplace_back(begin_mark);
  command.push_back(std::to_string(pid));
  return command;
}

void add_namespace(std::vector<std::string>& arguments, const Target& target) {
  if (!target.name_space) return;
  arguments.push_back("-n");
  arguments.push_back(*target.name_space);
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

std::vector<std::string> wrapped(std::string_view begin_mark, std::span<const std::string> words,
                                 const Wrapping& wrapping) {
  const bool counts = wrapping.verify == Verify::checksum;
  std::string script(begin_script);
  if (counts) script += look_for_tools_script;
  script += start_script;
  if (counts) script += begin_checksum_script;
  script += begin_command_script;
  if (wrapping.input == Input::none) script += no_stdin_script;
  if (wrapping.pipes == core::Pipes::each_command_counts) script += pipefail_script;
  script += end_command_script;
  script += counts ? end_checksum_script : take_status_script;
  script += end_script;
  script += wrapping.input == Input::none ? await_line_script : await_signal_script;
  std::vector<std::string> command = shell_script(std::move(script));
  command.emplace_back(begin_mark);
  command.insert(command.end(), words.begin(), words.end());
  return command;
}

std::vector<std::string> acknowledging(std::string_view begin_mark, std::uint32_t pid) {
  return script_for(begin_mark, pid, acknowledging_script);
}

std::vector<std::string> ending(std::string_view begin_mark, std::uint32_t pid) {
  return script_for(begin_mark, pid, ending_script);
}

std::vector<std::string> exec_arguments(const Target& target, KubectlStdin in, std::span<const std::string> words) {
  std::vector<std::string> arguments{"kubectl", "exec", target.pod};
  add_namespace(arguments, target);
  arguments.push_back("-c");
  arguments.push_back(target.container);
  if (in == KubectlStdin::passed_on) arguments.push_back("-i");
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
    const std::string_view line = text::trimmed(kubectl_stderr.substr(0, end));
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
