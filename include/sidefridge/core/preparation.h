// preparation.h - whether install_dependencies has to run.
#pragma once

#include <cstdint>
#include <optional>

#include "sidefridge/core/hook.h"

namespace sidefridge::core {

/// Remembers what install_dependencies was when it last succeeded. It runs at start, and before a run once its content
/// has changed. A value.
class Preparation {
public:
  /// Whether install_dependencies succeeded as it is in `hooks`, or has nothing to do.
  bool done(const HookSet& hooks) const {
    const bool nothing_to_do = hooks.scripts(Hook::install_dependencies).empty();
    return nothing_to_do || installed_ == hooks.digest(Hook::install_dependencies);
  }

  /// It is being run as it is in `hooks`.
  void begin(const HookSet& hooks) { running_ = hooks.digest(Hook::install_dependencies); }

  /// The run that began has succeeded.
  void succeed() { installed_ = running_; }

private:
  std::optional<std::uint64_t> installed_;
  std::uint64_t running_ = 0;
};

}  // namespace sidefridge::core
