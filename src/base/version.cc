// version.cc - the version the build was given.
#include "sidefridge/base/version.h"

namespace sidefridge {

std::string_view version() noexcept {
  return SIDEFRIDGE_VERSION;
}

}  // namespace sidefridge
