// quote.h - foreign text made fit for one line of ours.
#pragma once

#include <string>
#include <string_view>

namespace sidefridge::text {

/// The text between single quotes, control characters as \xNN, other characters that nobody sees (a no-break space, a
/// byte order mark) as \uNNNN, and what is beyond 64 bytes replaced by "...".
std::string in_quotes(std::string_view text);

/// The text with a question mark for each control character: it stays on one line, whatever is in it.
std::string one_line(std::string_view text);

}  // namespace sidefridge::text
