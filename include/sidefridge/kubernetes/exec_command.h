// exec_command.h - how kubectl is asked to run a command in a container, under a wrapper that tells how it ended.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sidefridge/base/result.h"

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

/// The mark that a run of the wrapper signs with: of 16 random bytes, so that nobody can guess it.
std::string mark_of(std::span<const std::uint8_t, 16> random);

/// `words` as they are given to the wrapper, a script for any POSIX /bin/sh. The wrapper runs them as they are, without
/// a shell between, and changes nothing that the command can see: its environment, its stdin, its signals, its $0, its
/// descriptors (with Verify::checksum, stdout is a pipe). On stderr it writes, for ExecStream to read:
///   <mark>:start:<pid>                      before the command
///   <mark>:lacks:<program>                  instead, when the target has no such program: the command does not start
///   <mark>:end:<status>[:<crc>:<bytes>]     after it
/// and it exits with 0 whatever the command did, so that a failure of kubectl is always kubectl's.
/// The environment is the command's as far as the target's shell can tell: one that has no variables like `my.property`
/// drops them (dash and busybox do, bash does not).
std::vector<std::string> wrapped(std::string_view mark, std::span<const std::string> words, Verify verify);

/// A command for the same container that ends the process group of the wrapper `pid`: TERM, and KILL 2 seconds later to
/// what is left. It first looks whether that process bears the mark: if not, it does nothing.
std::vector<std::string> ending(std::string_view mark, std::uint32_t pid);

/// The arguments of kubectl, from argv[0] on, that run `words` in the container.
std::vector<std::string> exec_arguments(const Target& target, Input input, std::span<const std::string> words);

/// The arguments of kubectl that print when the container started, and nothing while it does not run.
std::vector<std::string> running_since_arguments(const Target& target);

/// Why kubectl failed, of what it wrote to stderr: one line, the one that says most; empty if it wrote nothing.
std::string reason_of(std::string_view kubectl_stderr);

/// Whether kubectl failed because the container has no /bin/sh.
bool lacks_shell(std::string_view kubectl_stderr) noexcept;

}  // namespace sidefridge::kubernetes
