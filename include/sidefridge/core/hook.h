// hook.h - the five hooks, and the scripts that hang on them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sidefridge/base/result.h"
#include "sidefridge/core/interpreter.h"

namespace sidefridge::core {

/// A moment in a pod's backup life; also the name of the folder that holds its scripts. The numbers are in records on
/// people's disks, and places in a HookSet.
enum class Hook : std::uint8_t {
  install_dependencies = 0,
  before_backups = 1,
  backups = 2,
  after_backups = 3,
  on_error = 4,
};

inline constexpr std::array all_hooks{Hook::install_dependencies, Hook::before_backups, Hook::backups,
                                      Hook::after_backups, Hook::on_error};

/// The folder's name: "before_backups"; "unknown" for one of a newer version's records.
std::string_view name_of(Hook hook) noexcept;

/// The hook of a folder's name, or nothing.
std::optional<Hook> parse_hook(std::string_view name) noexcept;

/// One script of one hook, as a user knows it.
struct Script {
  Hook hook = Hook::backups;
  std::string name;                                 // file name: "10-dump"
  std::string path;                                 // as a user would type it: "/scripts/backups/10-dump"
  std::string run_path{};                           // what is executed: `path`, or a copy of it
  std::uint64_t digest = 0;                         // of its content and whether it may be executed; 0: unknown
  Result<Interpreter> interpreter = Interpreter{};  // or why it cannot be started

  /// "backups/10-dump": how log lines call it.
  std::string tag() const;

  /// What to hand to the kernel: the program and its arguments, the file itself the last of them, as the kernel would
  /// build it. So neither a missing x permission nor a noexec mount keeps a script from running.
  /// Requires: interpreter.ok().
  std::vector<std::string> argv() const;

  /// Where a copy lies is no difference, and the content says what executes it: run_path and interpreter are ignored.
  friend bool operator==(const Script& a, const Script& b) {
    return a.hook == b.hook && a.name == b.name && a.path == b.path && a.digest == b.digest;
  }
};

/// Everything there is to run, read at one moment. Scripts of a hook are sorted bytewise by name.
class HookSet {
public:
  const std::vector<Script>& scripts(Hook hook) const { return scripts_[static_cast<std::size_t>(hook)]; }

  /// Of everything in the hook's folder, scripts and whatever lies beside them: names, content, and what may be
  /// executed. 0: unknown.
  std::uint64_t digest(Hook hook) const { return digests_[static_cast<std::size_t>(hook)]; }

  /// Takes the scripts of one hook, in any order, and sorts them.
  void assign(Hook hook, std::vector<Script> scripts, std::uint64_t digest = 0);

  /// Of two sets with known digests: whether they would run the same.
  friend bool operator==(const HookSet&, const HookSet&) = default;

private:
  std::array<std::vector<Script>, all_hooks.size()> scripts_;
  std::array<std::uint64_t, all_hooks.size()> digests_{};
};

}  // namespace sidefridge::core
