// file_system.h - what a file system does not do as others do.
#pragma once

#include <string>

namespace sidefridge::os {

/// Whether inotify tells of every change below `path`. It does not on network and user-space file systems, where
/// somebody else may change files behind the kernel's back (inotify(7)). What does not exist is not doubted.
bool tells_changes(const std::string& path) noexcept;

}  // namespace sidefridge::os
