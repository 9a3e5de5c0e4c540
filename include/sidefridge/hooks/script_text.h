// script_text.h - what can be told of a script by reading it.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace sidefridge::hooks {

/// The first line (from 1) of a shell script with a pipeline, also in the command line of a kubectlexec; nothing where
/// there is none, or where the script says `pipefail` somewhere. Reads like a person in a hurry: no shell is parsed.
std::optional<std::size_t> line_of_unguarded_pipe(std::string_view script) noexcept;

}  // namespace sidefridge::hooks
