// names.h - what Kubernetes accepts as a name, and what hooks are called there.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "sidefridge/base/result.h"
#include "sidefridge/core/hook.h"

namespace sidefridge::kubernetes {

/// The most that the values of one ConfigMap may hold together (the API server's own limit).
inline constexpr std::size_t config_map_limit_bytes = 1024 * 1024;

/// Whether a name can be one of Kubernetes' (RFC 1123: letters in lower case, digits, '-' and '.'). What passes here
/// is neither an option to kubectl nor anything in a JSONPath.
bool is_name(std::string_view name) noexcept;

/// Each checks one name; `what` is how the user knows it ("NAMESPACE"), and begins the text of the error.
/// Errors: invalid, with the rule that the name breaks.

/// A DNS label (RFC 1123): namespaces, containers, volumes. At most 63 of a-z, 0-9 and '-'.
Result<void> check_label(std::string_view what, std::string_view name);

/// A project's name. Labels joined by '.', at most 63 bytes in all, because it is a label's value as well as the
/// beginning of objects' names.
Result<void> check_project_name(std::string_view what, std::string_view name);

/// A key of a ConfigMap, which is the name of a file: at most 253 of A-Z, a-z, 0-9, '-', '_' and '.', not '..' first.
Result<void> check_key(std::string_view what, std::string_view name);

/// A folder to mount something at: absolute, without ':' (which the API server refuses) and control characters.
Result<void> check_mount_path(std::string_view what, std::string_view path);

/// The hook's name as part of an object's name: "before-backups".
std::string dashed_name_of(core::Hook hook);

}  // namespace sidefridge::kubernetes
