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
  kubernetes::Input input = kubernetes::Input::none;
  kubernetes::Verify verify = kubernetes::Verify::none;
  Duration timeout{};     // zero: none
  Duration wait_ready{};  // zero: not at all
};

/// Runs the command; what then goes wrong with it is said on stderr, in one line.
/// Requires: descriptors 0, 1 and 2 are open; no other child, and nobody else takes signals.
/// Returns:  the command's own status, or 69: it was not started; 74: how it ended, or what it wrote, is not certain;
///           124: it took too long; 128 + n: we got signal n.
/// Errors:   unavailable: there is no kubectl; no descriptors or memory left. The command was not started then.
/// Blocks:   until it is over; after a signal or the timeout less than 5 s.
Result<int> run_remote(const RemoteRequest& request);

}  // namespace sidefridge::exec
