// hook_tree.h - reading the folder of hooks.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sidefridge/base/result.h"
#include "sidefridge/core/hook.h"

namespace sidefridge::hooks {

/// Beside the hooks' folders: what scripts find as "$(dirname "$0")/../lib", and nobody takes for a hook.
inline constexpr std::string_view library_folder = "lib";

/// What the folder of hooks holds at one moment. All texts are one line and name a path.
struct HookReading {
  core::HookSet hooks;                  // paths: <scripts_dir>/<hook>/<name>; digests and interpreters: unknown
  std::vector<std::string> warnings;    // a folder that is no hook, a hook that is no folder, nothing to back up
  std::vector<std::string> skipped;     // what is in a hook's folder and is no script, and why; but for the hidden
  std::vector<std::string> hidden;      // the same of what is no script on purpose: its name starts with '.', or it is
                                        // `library_folder`
  std::optional<Error> unreadable;      // why a hook's folder, or a script, cannot be read
  std::vector<std::string> neighbours;  // names of what lies beside the hooks' folders, but for the kubelet's, which
                                        // begin with ".."; sorted
};

/// Reads the hook folders in `scripts_dir`; links to folders count. Their scripts are the regular files, links
/// followed, whose names do not start with '.'. A missing folder is a hook without scripts. Of a hook whose folder, or
/// what a link in it leads to, cannot be read, one script stands for all: it has the folder's path, and fails at its
/// turn with the reason, so that the other hooks, on_error among them, are not lost with it.
/// Returns: scripts that run from where they are (run_path is path).
/// Errors: not_found when `scripts_dir` is missing; io when it cannot be read.
/// Blocks: for the listing of `scripts_dir` and of each hook's folder.
Result<HookReading> read_hook_tree(const std::string& scripts_dir);

/// Whether a script is one that stands for all of an unreadable hook.
bool stands_for_hook(const core::Script& script) noexcept;

}  // namespace sidefridge::hooks
