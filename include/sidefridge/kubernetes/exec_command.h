// exec_command.h - how kubectl is asked to run a command in a container, under a wrapper that tells how it ended.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sidefridge/base/result.h"
#include "sidefridge/core/interpreter.h"

namespace sidefridge::kubernetes {

/// Where a command runs.
struct Target {
  std::string pod;
  std::string container;
  std::optional<std::string> name_space;  // nothing: kubectl's own default
};

/// Whether the command gets our standard input.
enum class Input { none, standard_input };

/// Whether the target counts what the command writes to stdout.
enum class Verify { none, checksum };

/// Whether a command line fails when any command of a pipe in it does, where the target's shell can do that.

/// How a command is wrapped.
struct Wrapping {
  Input input = Input::none;
  Verify verify = Verify::none;
  core::Pipes pipes = core::Pipes::last_command_counts;  // another one wants words that begin with "/bin/sh" "-c"
};

/// What a wrapper signs its words with, each of 16 random bytes. The first anybody in the target may see, in /proc; the
/// second it is told on stdin, and the command does not know it before it has ended.
struct Marks {
  std::string begin;
  std::string end;
};

/// A mark of random bytes, which nobody can guess.
std::string mark_of(std::span<const std::uint8_t, 16> random);

/// `words` as they are given to the wrapper, a script for any POSIX /bin/sh. The wrapper runs them as they are, without
/// a shell between, and changes nothing that the command can see: its environment, its stdin, its signals, its $0, its
/// descriptors (with Verify::checksum, stdout is a pipe). What it says, for ExecStream and OutputEnd to read, and
/// hears:
///   stderr  <begin>:lacks:<program>              the target has no such program: the command does not start
///   stderr  <begin>:start:<pid>                  the command can start
///   stdin   <end>                                now it may. Without that line it never does
///   stderr  <end>:end:<status>[:<bytes>[:<crc>]] it has ended
///   stdout  <end>                                the same, behind all that it wrote
///   stdin   a line                               all of that has arrived: the wrapper exits. With
///   Input::standard_input
///                                                stdin is the command's, and acknowledging() tells this
/// It must not exit before, because the runtime closes the streams then, drained or not. It exits with 0 whatever the
/// command did.
/// The environment is the command's as far as the target's shell can tell: one that has no variables like `my.property`
/// drops them (dash and busybox do, bash does not).
std::vector<std::string> wrapped(std::string_view begin_mark, std::span<const std::string> words,
                                 const Wrapping& wrapping);

/// A command for the same container that lets the wrapper `pid` exit, if that process bears the mark.
std::vector<std::string> acknowledging(std::string_view begin_mark, std::uint32_t pid);

/// A command for the same container that ends the process group of the wrapper `pid`: TERM, and KILL 2 seconds later to
/// what is left. It first looks whether that process bears the mark: if not, it does nothing.
std::vector<std::string> ending(std::string_view begin_mark, std::uint32_t pid);

/// Whether kubectl passes something on as the command's stdin.
enum class KubectlStdin { none, passed_on };

/// The arguments of kubectl, from argv[0] on, that run `words` in the container.
std::vector<std::string> exec_arguments(const Target& target, KubectlStdin in, std::span<const std::string> words);

/// The arguments of kubectl that print when the container started, and nothing while it does not run.
std::vector<std::string> running_since_arguments(const Target& target);

/// Why kubectl failed, of what it wrote to stderr: one line, the one that says most; empty if it wrote nothing.
std::string reason_of(std::string_view kubectl_stderr);

/// Whether kubectl failed because the container has no /bin/sh.
bool lacks_shell(std::string_view kubectl_stderr) noexcept;

}  // namespace sidefridge::kubernetes
