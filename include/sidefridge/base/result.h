// result.h - how a failure of the world travels: a code to branch on, a text to print.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace sidefridge {

/// What went wrong, as far as a caller can act on it. The exit codes follow sysexits.h where it has one.
enum class ErrorCode {
  invalid,      // what the caller gave is wrong (usage, configuration)
  not_found,    // the named thing does not exist
  unavailable,  // what is needed is not there now: no run, no target, no store
  io,           // the system refused or a connection was lost
  full,         // a disk or a limit of ours is full; what was saved before is still there
  busy,         // somebody else holds it; try later
};

/// The process exit code for a failure: 2 invalid, 69 not_found and unavailable, 74 io and full, 75 busy.
int exit_code_of(ErrorCode code) noexcept;

/// A failure. `text` is one line for a person that names the thing and, where there is one, the fix.
struct Error {
  ErrorCode code;
  std::string text;

  /// The same failure, told from one layer up: "<context>: <text>".
  Error with_context(std::string_view context) &&;
};

/// An Error that says what a system call said: "<what>: <strerror(errno_value)>".
/// Returns: code full for ENOSPC and EDQUOT, not_found for ENOENT, io for all others.
Error system_error(std::string_view what, int errno_value);

/// A value or an Error. Requires: ok() before value(), !ok() before error(); else the process aborts.
template <class T>
class [[nodiscard]] Result {
public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return ok(); }

  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const& { return std::get<1>(state_); }
  Error&& error() && { return std::get<1>(std::move(state_)); }

private:
  std::variant<T, Error> state_;
};

/// Success without a value, or an Error.
template <>
class [[nodiscard]] Result<void> {
public:
  Result() = default;
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return ok(); }

  const Error& error() const& { return std::get<1>(state_); }
  Error&& error() && { return std::get<1>(std::move(state_)); }

private:
  std::variant<std::monostate, Error> state_;
};

}  // namespace sidefridge
