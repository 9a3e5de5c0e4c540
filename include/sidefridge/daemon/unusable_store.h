// unusable_store.h - in place of a state folder that cannot be used.
#pragma once

#include <memory>

#include "sidefridge/base/result.h"
#include "sidefridge/core/run_store.h"

namespace sidefridge::daemon {

/// A store that nobody else has and that refuses every record with `why`: a run in it cannot begin, and so on_error is
/// told why.
std::unique_ptr<core::RunStore> unusable_store(Error why);

}  // namespace sidefridge::daemon
