// remote_command.h - one command in a container, from its start to its certain end.
#pragma once

#include <string>
#include <vector>

#include "sidefridge/base/result.h"
#include "sidefridge/base/time.h"
#include "sidefridge/kubernetes/exec_command.h"

namespace sidefridge::exec {

/// What to run where.
struct RemoteRequest {
  kubernetes::Target target;
  std::vector<std::string> words;  // a program and its arguments, never empty
  kubernetes::Wrapping wrapping;
  Duration timeout{};     // zero: none
  Duration wait_ready{};  // zero: not at all
};

/// Runs the command; what then goes wrong with it is said on stderr, in one line.
/// Requires: descriptors 0, 1 and 2 are open; no other child, and nobody else takes signals.
/// Returns:  the command's own status, or 69: nothing was started, for certain; 74: how it ended is not certain, or not
///           all that it wrote has been passed on;
///           124: it took too long; 128 + n: we got signal n.
/// Errors:   unavailable: there is no kubectl; no descriptors or memory left. The command was not started then.
/// Blocks:   until it is over and what it wrote is taken; after a signal or the timeout less than 5 s.
Result<int> run_remote(const RemoteRequest& request);

}  // namespace sidefridge::exec
