// bench.h - what the benchmarks have in common.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

namespace sidefridge::bench {

/// Ends the benchmark when what it stands on does not hold.
inline void must(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "%s: failed: %s\n", program_invocation_short_name, what);
  std::exit(1);
}

inline double median(std::vector<double> values) {
  must(!values.empty(), "something was measured");
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// A folder of hooks, a folder of state, both told to whom is started. Removed at the end.
struct Place {
  std::filesystem::path root;

  explicit Place(const std::filesystem::path& parent = std::filesystem::temp_directory_path()) {
    std::string name = (parent / "sidefridge_bench_XXXXXX").string();
    must(::mkdtemp(name.data()) != nullptr, "mkdtemp");
    root = name;
    std::filesystem::create_directories(root / "scripts" / "backups");
    ::setenv("SIDEFRIDGE_SCRIPTS_DIR", (root / "scripts").c_str(), 1);
    ::setenv("SIDEFRIDGE_STATE_DIR", (root / "state").c_str(), 1);
  }
  ~Place() { std::filesystem::remove_all(root); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
};

}  // namespace sidefridge::bench
