// file_check.cc - the kind of a file, and LMDB's meta pages as its mdb.c lays them out (data version 1).
#include "sidefridge/store/file_check.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace sidefridge::store {
namespace {

constexpr std::uint16_t meta_page_flag = 0x08;
constexpr std::uint32_t lmdb_magic = 0xBEEFC0DE;
constexpr std::uint32_t data_version = 1;
constexpr std::uint32_t smallest_page_bytes = 512;
constexpr std::uint32_t largest_page_bytes = 64 * 1024;
// SIDEFRIDGE_STORE_LIMIT is no more than that.
constexpr std::uint64_t largest_map_bytes = std::uint64_t{1} << 40;

// MDB_db: one of the two databases that each meta page describes.
struct Tree {
  std::uint32_t page_bytes;  // in the first of them
  std::uint16_t flags;
  std::uint16_t depth;
  std::size_t branch_pages;
  std::size_t leaf_pages;
  std::size_t overflow_pages;
  std::size_t entries;
  std::size_t root;
};

// MDB_page and, behind its header, MDB_meta.
struct MetaPage {
  std::size_t number;
  std::uint16_t unused;
  std::uint16_t flags;
  std::uint32_t bounds;
  std::uint32_t magic;
  std::uint32_t version;
  std::size_t address;
  std::size_t map_bytes;
  Tree free_pages;
  Tree main;
  std::size_t last_page;
  std::size_t transaction;
};

Error senseless(const std::string& path, const std::string& why) {
  return Error{ErrorCode::invalid, path + " is damaged or not an LMDB file: " + why};
}

std::optional<std::string> what_is_wrong(const MetaPage& page) {
  if ((page.flags & meta_page_flag) == 0 || page.magic != lmdb_magic) return "its header is not one of LMDB";
  if (page.version != data_version) return "its version is " + std::to_string(page.version);
  const std::uint32_t page_bytes = page.free_pages.page_bytes;
  if (!std::has_single_bit(page_bytes) || page_bytes < smallest_page_bytes || page_bytes > largest_page_bytes) {
    return "its pages have " + std::to_string(page_bytes) + " bytes";
  }
  if (page.map_bytes > largest_map_bytes) return "it claims a map of " + std::to_string(page.map_bytes) + " bytes";
  // The two meta pages are pages 0 and 1.
  if (page.last_page < 1 || page.last_page >= page.map_bytes / page_bytes) {
    return "its last page is number " + std::to_string(page.last_page) + " of a map of " +
           std::to_string(page.map_bytes) + " bytes";
  }
  return std::nullopt;
}

Result<void> check_meta_pages(int fd, const std::string& path) {
  struct stat found {};
  if (::fstat(fd, &found) != 0) return system_error("cannot look at " + path, errno);
  if (found.st_size == 0) return {};
  MetaPage first{};
  for (off_t at = 0, page = 0; page < 2; ++page, at += first.free_pages.page_bytes) {
    MetaPage meta{};
    const ssize_t got = ::pread(fd, &meta, sizeof meta, at);
    if (got < 0) return system_error("cannot read " + path, errno);
    if (got != ssize_t{sizeof meta}) return senseless(path, "it is cut short");
    if (const auto wrong = what_is_wrong(meta)) return senseless(path, *wrong);
    if (page == 0) first = meta;
    if (meta.free_pages.page_bytes != first.free_pages.page_bytes) {
      return senseless(path, "its meta pages disagree on the size of a page");
    }
  }
  return {};
}

}  // namespace

Result<void> check_regular(const std::string& path) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) {
    if (errno == ENOENT) return {};
    return system_error("cannot look at " + path, errno);
  }
  if (S_ISREG(found.st_mode)) return {};
  return Error{ErrorCode::io, path + " is not a regular file; remove it"};
}

Result<void> check_meta_pages(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) {
    if (errno == ENOENT) return {};
    return system_error("cannot open " + path, errno);
  }
  auto checked = check_meta_pages(fd, path);
  ::close(fd);
  return checked;
}

}  // namespace sidefridge::store
