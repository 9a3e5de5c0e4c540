// process_ending.h - ending processes that need not be our children.
#pragma once

#include <string>
#include <vector>

#include "sidefridge/base/result.h"
#include "sidefridge/base/time.h"
#include "sidefridge/os/process_scan.h"

namespace sidefridge::os {

/// Ends the processes of find_marked(): SIGTERM, after `term_patience` SIGKILL, and after `kill_patience` more they are
/// given up.
/// Returns: those that were found, in the order in which they were.
/// Errors:  as find_marked().
/// Thread:  any.  Blocks: until none is left, or they are given up.
Result<std::vector<FoundProcess>> end_marked(const std::string& mark, Duration term_patience, Duration kill_patience);

}  // namespace sidefridge::os
