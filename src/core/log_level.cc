// log_level.cc - the words for log formats and levels.
#include "sidefridge/core/log_level.h"

namespace sidefridge::core {

std::string_view name_of(LogFormat format) noexcept {
  switch (format) {
    case LogFormat::text: return "text";
    case LogFormat::json: return "json";
  }
  return "";
}

std::string_view name_of(LogLevel level) noexcept {
  switch (level) {
    case LogLevel::debug: return "debug";
    case LogLevel::info: return "info";
    case LogLevel::warning: return "warning";
    case LogLevel::error: return "error";
  }
  return "";
}

}  // namespace sidefridge::core
