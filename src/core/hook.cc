// hook.cc - names of hooks, order of scripts.
#include "sidefridge/core/hook.h"

#include <algorithm>
#include <utility>

namespace sidefridge::core {

std::string_view name_of(Hook hook) noexcept {
  switch (hook) {
    case Hook::install_dependencies: return "install_dependencies";
    case Hook::before_backups: return "before_backups";
    case Hook::backups: return "backups";
    case Hook::after_backups: return "after_backups";
    case Hook::on_error: return "on_error";
  }
  return "unknown";
}

std::optional<Hook> parse_hook(std::string_view name) noexcept {
  for (const Hook hook : all_hooks) {
    if (name_of(hook) == name) return hook;
  }
  return std::nullopt;
}

std::string Script::tag() const {
  std::string text(name_of(hook));
  text += '/';
  text += name;
  return text;
}

std::vector<std::string> Script::argv() const {
  std::vector<std::string> argv;
  if (!interpreter->program.empty()) argv.push_back(interpreter->program);
  if (!interpreter->argument.empty()) argv.push_back(interpreter->argument);
  argv.push_back(run_path);
  return argv;
}

void HookSet::assign(Hook hook, std::vector<Script> scripts, std::uint64_t digest) {
  // std::string compares as unsigned bytes, as `LC_ALL=C ls` does.
  std::sort(scripts.begin(), scripts.end(), [](const Script& a, const Script& b) { return a.name < b.name; });
  scripts_[static_cast<std::size_t>(hook)] = std::move(scripts);
  digests_[static_cast<std::size_t>(hook)] = digest;
}

}  // namespace sidefridge::core
