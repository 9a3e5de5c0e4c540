// check.h - an assertion that stays on in release: a bug of ours ends the process where it shows.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace sidefridge {

/// Aborts with `claim` on stderr unless it holds.
inline void check(bool holds, const char* claim) noexcept {
  if (holds) return;
  std::fprintf(
      stderr, "sidefridge: internal error: expected that %s; please report it with the lines before this one\n", claim);
  std::abort();
}

}  // namespace sidefridge
