// file_check.h - what LMDB takes on trust when it opens a file, looked at before.
#pragma once

#include <string>

#include "sidefridge/base/result.h"

namespace sidefridge::store {

/// Whether LMDB may open what lies at `path`: it opens by path, follows links, and waits for the other end of a FIFO.
/// Nothing there is fine.  Requires: the folder is ours alone.  Errors: io, with the mend.  Blocks: never.
Result<void> check_regular(const std::string& path);

}  // namespace sidefridge::store
