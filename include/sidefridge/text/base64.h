// base64.h - bytes as letters (RFC 4648, section 4).
#pragma once

#include <string>
#include <string_view>

namespace sidefridge::text {

/// The standard alphabet, with padding, on one line.
std::string format_base64(std::string_view bytes);

}  // namespace sidefridge::text
