// write_files.h - several files at once: all of them, or none.
#pragma once

#include <span>
#include <string>

#include "sidefridge/base/result.h"
#include "sidefridge/kubernetes/manifests.h"

namespace sidefridge::manifests {

/// Writes each file below `folder`, which is made if it is missing. All are written to a folder of their own first, and
/// only then take their places, so that nobody ever sees half a file. When anything fails, what was there before is
/// there again. A process that is killed leaves that folder (.make-k8s-cfg-files) to the next, which removes it.
/// Errors: busy while another process writes there; io, full, not_found, as the system says, with the path; io for a
///         link in the place of a folder below `folder`.
/// Blocks: for the writing.
Result<void> write_files(const std::string& folder, std::span<const kubernetes::OutputFile> files);

}  // namespace sidefridge::manifests
