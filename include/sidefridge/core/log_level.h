// log_level.h - how the log looks and how much of it there is.
#pragma once

#include <cstdint>
#include <string_view>

namespace sidefridge::core {

/// SIDEFRIDGE_LOG_FORMAT.
enum class LogFormat : std::uint8_t { text, json };

/// SIDEFRIDGE_LOG_LEVEL, from the most to the least said: a message is written when its level is not below this one.
enum class LogLevel : std::uint8_t { debug, info, warning, error };

/// "text", "json".
std::string_view name_of(LogFormat format) noexcept;
/// "debug", "info", "warning", "error".
std::string_view name_of(LogLevel level) noexcept;

}  // namespace sidefridge::core
