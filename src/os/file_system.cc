// file_system.cc - statfs(2).
#include "sidefridge/os/file_system.h"

#include <sys/vfs.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace sidefridge::os {
namespace {

// From linux/magic.h, which does not have all of them everywhere.
constexpr std::array<std::uint32_t, 9> silent{
    0x00006969,  // NFS
    0x0000517b,  // SMB
    0xff534d42,  // CIFS
    0xfe534d42,  // SMB2
    0x65735546,  // FUSE, virtiofs too
    0x01021997,  // 9P
    0x00c36400,  // Ceph
    0x5346414f,  // AFS
    0x73757245,  // Coda
};

}  // namespace

bool tells_changes(const std::string& path) noexcept {
  struct statfs status {};
  if (::statfs(path.c_str(), &status) != 0) return true;
  return std::find(silent.begin(), silent.end(), static_cast<std::uint32_t>(status.f_type)) == silent.end();
}

}  // namespace sidefridge::os
