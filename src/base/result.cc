// result.cc - texts and exit codes of failures.
#include "sidefridge/base/result.h"

#include <cerrno>
#include <system_error>

namespace sidefridge {

int exit_code_of(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::invalid: return 2;
    case ErrorCode::not_found:
    case ErrorCode::unavailable: return 69;
    case ErrorCode::io:
    case ErrorCode::full: return 74;
    case ErrorCode::busy: return 75;
  }
  return 74;
}

Error Error::with_context(std::string_view context) && {
  std::string told(context);
  told += ": ";
  told += text;
  return Error{code, std::move(told)};
}

Error system_error(std::string_view what, int errno_value) {
  ErrorCode code = ErrorCode::io;
  if (errno_value == ENOSPC || errno_value == EDQUOT) code = ErrorCode::full;
  if (errno_value == ENOENT) code = ErrorCode::not_found;
  return Error{code, std::generic_category().message(errno_value)}.with_context(what);
}

}  // namespace sidefridge
