// hook_changes.h - what a reload changed, for people.
#pragma once

#include <string>

#include "sidefridge/core/hook.h"

namespace sidefridge::core {

/// "backups/10-db changed, backups/20-files added, on_error/alert removed": one line, in the order of the hooks and of
/// their scripts. A hook whose folder changed though none of its scripts did is "backups: other files changed". After
/// ten names comes "and 12 more".
/// Requires: both sets know their digests.
/// Returns:  nothing when the sets are equal.
std::string describe_changes(const HookSet& before, const HookSet& after);

}  // namespace sidefridge::core
