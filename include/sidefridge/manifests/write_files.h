// write_files.h - several files at once: all of them, or none.
#pragma once

#include <span>
#include <string>

#include "sidefridge/base/result.h"
#include "sidefridge/kubernetes/manifests.h"

namespace sidefridge::manifests {

/// Writes each file below `folder`, which is made if it is missing. All are written under other names first and only
/// then renamed, so that nobody ever sees half a file, and what was there before stays when anything fails. Who
/// may read a file that was there stays as it was.
/// Errors: io, full, not_found, as the system says, with the path.
/// Blocks: for the writing.
Result<void> write_files(const std::string& folder, std::span<const kubernetes::OutputFile> files);

}  // namespace sidefridge::manifests
