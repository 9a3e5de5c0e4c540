// page_file.h - LMDB's data files, read and checked without LMDB, which trusts every byte of them.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "sidefridge/base/result.h"

namespace sidefridge::store {

/// A key and its value.
struct Item {
  std::string key;
  std::string value;
};

/// Whether both meta pages of a data file make sense: LMDB divides by their page size and maps, or makes the file, as
/// large as they say. An empty file is fine, and so is none.  Errors: invalid.
Result<void> check_meta_pages(const std::string& path);

/// The same of a file that is open and may not be empty.
Result<void> check_meta_pages(int fd, const std::string& path);

/// Whether LMDB can read and change what the newest meta page leads to: each page is there and of the kind, order and
/// size that its place asks for, and no page has two uses, of which being free is one. So LMDB cannot leave its map,
/// cross the end of the file, meet one of its own asserts or overwrite what is in use.  Requires: `fd` is the file at
/// `path`, and nobody commits meanwhile.  Errors: invalid, also for an empty file; io.
Result<void> check_pages(int fd, const std::string& path);

/// What is in the named databases of a data file, by key, as one commit left it; of one that is not there, nothing.
/// Takes no lock and no map: no writer and no damage holds the caller up, and a file that is only read is not changed.
/// Errors: unavailable when there is none, invalid when it is damaged, io.  Blocks: for the disk.
Result<std::vector<std::vector<Item>>> read_databases(const std::string& path, std::span<const std::string> names);

}  // namespace sidefridge::store
