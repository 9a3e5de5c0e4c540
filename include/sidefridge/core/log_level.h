// log_level.h - how loud the log is, and in which form.
#pragma once

namespace sidefridge::core {

/// How much a line matters; a log shows its own level and all above.
enum class LogLevel { debug, info, warning, error };

/// The form of a line on stdout.
enum class LogFormat { text, json };

}  // namespace sidefridge::core
