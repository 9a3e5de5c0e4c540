// mount_info.h - what is mounted where.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sidefridge::os {

/// One line of /proc/self/mountinfo (proc(5)).
struct Mount {
  std::string point;      // where it is, without the kernel's escapes
  std::string_view line;  // all of it, borrowed from the text
};

/// The mounts in a text like that of /proc/self/mountinfo, in its order. A line of another form is left out.
/// Returns: views of `text`, which must outlive them.
std::vector<Mount> parse_mounts(std::string_view text);

/// The regular files below `folder`, at any depth, that are mounts of their own, as a `subPath` of a ConfigMap is: the
/// kubelet never changes these. `folder` may be a link.
/// Returns: paths that begin with `folder`, sorted; none when it does not exist or /proc is not there.
/// Blocks:  for the reading of a file of the kernel's, and a look at each mount below `folder`.
std::vector<std::string> file_mounts_below(const std::string& folder,
                                           const std::string& mount_info = "/proc/self/mountinfo");

}  // namespace sidefridge::os
