// version.cc - the version the build was given.
#include "sidefridge/core/version.h"

namespace sidefridge::core {

std::string_view version() noexcept {
  return SIDEFRIDGE_VERSION;
}

}  // namespace sidefridge::core
