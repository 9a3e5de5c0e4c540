// hook_files.h - reading a folder of hooks whole, for make-k8s-cfg-files.
#pragma once

#include <string>
#include <vector>

#include "sidefridge/base/result.h"
#include "sidefridge/kubernetes/manifests.h"

namespace sidefridge::manifests {

/// What a folder of hooks holds. Warnings are one line each and name a path.
struct HookContent {
  std::vector<kubernetes::HookFiles> hooks;  // all of them, in the order of core::all_hooks; files in no order
  std::vector<std::string> warnings;         // what will be in no ConfigMap, and what is likely a mistake
};

/// Reads every file of the hooks' folders in `input_dir`, links followed. What a ConfigMap cannot hold is an error
/// rather than left out: a folder within a hook, a name that is no key, what is not a regular file. Of `input_dir`
/// itself, files that begin with `own_prefix` (what an earlier run made) are passed over.
/// Errors: invalid, as said; not_found and io when something cannot be read.
/// Blocks: for the reading of the files, as many as ConfigMaps can hold.
Result<HookContent> read_hook_files(const std::string& input_dir, const std::string& own_prefix);

}  // namespace sidefridge::manifests
