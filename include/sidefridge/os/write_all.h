// write_all.h - all of a text to a descriptor that takes it in pieces.
#pragma once

#include <string_view>

namespace sidefridge::os {

/// Writes `text` to `fd`, which blocks. Returns: 0, or an errno value when it took only a part or nothing.
int write_all(int fd, std::string_view text) noexcept;

}  // namespace sidefridge::os
