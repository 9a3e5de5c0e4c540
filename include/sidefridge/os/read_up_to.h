// read_up_to.h - the beginning of a small file.
#pragma once

#include <sys/types.h>

#include <span>

namespace sidefridge::os {

/// Reads from `fd` until `buffer` is full or the file ends. Returns: the bytes read; -1 with errno.
ssize_t read_up_to(int fd, std::span<char> buffer) noexcept;

}  // namespace sidefridge::os
