// version.h - which release this is.
#pragma once

#include <string_view>

namespace sidefridge {

/// "0.1.0": the version of the CMake project.
std::string_view version() noexcept;

}  // namespace sidefridge
