// fault.h - lets the N-th write of this program fail, also of LMDB. To be included in one file of a program only.
#pragma once

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>

namespace sidefridge::store {

enum class Lasts { once, on };

struct Fault {
  int countdown = 0;  // the call that brings it to zero fails
  int error = 0;      // 0: only a part is written
  Lasts lasts = Lasts::once;
  bool struck = false;
};
inline Fault fault;

inline bool fault_strikes() {
  if (fault.countdown == 0 || --fault.countdown > 0) return false;
  if (fault.lasts == Lasts::on) fault.countdown = 1;
  fault.struck = true;
  return true;
}

inline ssize_t faulty_write() {
  if (fault.error == 0) return 100;
  errno = fault.error;
  return -1;
}

inline void arm(int nth, int error, Lasts lasts = Lasts::once) {
  fault = Fault{nth, error, lasts, false};
}
inline void disarm() {
  fault.countdown = 0;
}
inline bool fault_struck() {
  return fault.struck;
}

/// The ways a disk has to refuse: errors, and 0 for a write that takes a part.
inline constexpr std::array disk_faults{ENOSPC, EDQUOT, EIO, 0};

inline std::string name_of_disk_fault(const testing::TestParamInfo<int>& fault_code) {
  switch (fault_code.param) {
    case ENOSPC: return "full";
    case EDQUOT: return "quota_reached";
    case EIO: return "broken";
    default: return "takes_a_part";
  }
}

}  // namespace sidefridge::store

// These stand before the C library's own.
extern "C" ssize_t pwrite(int fd, const void* data, size_t size, off_t at) {
  using namespace sidefridge::store;
  return fault_strikes() ? faulty_write() : ::syscall(SYS_pwrite64, fd, data, size, at);
}
extern "C" ssize_t writev(int fd, const iovec* parts, int count) {
  using namespace sidefridge::store;
  return fault_strikes() ? faulty_write() : ::syscall(SYS_writev, fd, parts, count);
}
extern "C" int fdatasync(int fd) {
  using namespace sidefridge::store;
  if (!fault_strikes()) return static_cast<int>(::syscall(SYS_fdatasync, fd));
  errno = fault.error == 0 ? EIO : fault.error;
  return -1;
}
