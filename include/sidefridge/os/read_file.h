// read_file.h - the whole of a small file.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace sidefridge::os {

/// What a file may be to be read.
enum class Readable {
  regular,   // a regular file, or a link to one
  anything,  // a FIFO, a terminal or a device, too: what can be read from it without waiting
};

/// All that a file holds, but its first `limit_bytes` bytes at most: to tell what is too large, allow one byte more.
/// The files of /proc, whose size is not known before, are read to their end as well. Returns: the bytes; nothing, with
/// errno, when it cannot be read. Where Readable::regular is asked for, errno is
///          EISDIR for a folder, ENXIO for a socket and EOPNOTSUPP for all else.
/// Blocks:  for the reading of one small file; never for another process to open or write a FIFO.
std::optional<std::string> read_file(const std::string& path, std::size_t limit_bytes, Readable kind);

}  // namespace sidefridge::os
