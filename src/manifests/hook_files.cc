// hook_files.cc - five folders and their files.
#include "sidefridge/manifests/hook_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

#include "sidefridge/hooks/hook_tree.h"
#include "sidefridge/hooks/script_findings.h"
#include "sidefridge/kubernetes/names.h"
#include "sidefridge/os/folder.h"
#include "sidefridge/os/read_file.h"

namespace sidefridge::manifests {
namespace {

Error unfit(const std::string& path, std::string_view why) {
  return Error{ErrorCode::invalid, "'" + path + "' " + std::string(why)};
}

/// Whether a mounted ConfigMap has this beside its keys; what is in it is reached through the keys.
bool is_kubelets_own(std::string_view name) {
  return name == "..data" || name.starts_with("..2");
}

Result<std::string> read_key(const std::string& path) {
  auto bytes = os::read_file(path, kubernetes::config_map_limit_bytes + 1, os::Readable::regular);
  if (!bytes) {
    switch (errno) {
      case ENXIO: return unfit(path, "is a socket, which a ConfigMap cannot hold");
      case EISDIR:
        return unfit(path, "is a folder, which a ConfigMap cannot hold: move its files into the hook's own folder");
      case EOPNOTSUPP: return unfit(path, "is no regular file, and a ConfigMap holds nothing else");
      default: return system_error("cannot read '" + path + "'", errno);
    }
  }
  if (bytes->size() > kubernetes::config_map_limit_bytes) {
    return unfit(path, "is over 1 MiB, the most that a ConfigMap holds: move it into the image or a volume");
  }
  return *std::move(bytes);
}

/// Adds the files of one hook. A hook without a folder has none; what else is wrong with it, hooks::read_hook_tree()
/// told.
Result<void> read_hook(const std::string& path, kubernetes::HookFiles& hook, std::vector<std::string>& warnings) {
  const os::Directory folder = os::open_folder(AT_FDCWD, path.c_str());
  if (!folder) return {};
  return os::for_each_entry(folder.get(), path, [&](const dirent& item) -> Result<void> {
    const std::string_view name(item.d_name);
    if (is_kubelets_own(name)) return {};
    const std::string file_path = path + "/" + item.d_name;
    if (auto key = kubernetes::check_key("in '" + path + "', file", name); !key) return key;
    auto bytes = read_key(file_path);
    if (!bytes) return std::move(bytes).error();
    if (name.starts_with('.')) {
      warnings.push_back("'" + file_path + "' goes into the ConfigMap but will not run: its name starts with '.'");
    }
    hook.files.push_back({std::string(name), std::move(*bytes)});
    return {};
  });
}

Result<void> look_beside_hooks(const std::string& input_dir, const std::string& own_prefix,
                               std::vector<std::string>& warnings) {
  const os::Directory folder = os::open_folder(AT_FDCWD, input_dir.c_str());
  if (!folder) return system_error("cannot read folder '" + input_dir + "'", errno);
  return os::for_each_entry(folder.get(), input_dir, [&](const dirent& item) -> Result<void> {
    const std::string_view name(item.d_name);
    if (name.starts_with('.') || name.starts_with(own_prefix)) return {};
    struct stat status {};
    if (::fstatat(::dirfd(folder.get()), item.d_name, &status, 0) != 0) return {};
    // Of other folders hooks::read_hook_tree() told.
    if (!S_ISREG(status.st_mode) && !(S_ISDIR(status.st_mode) && name == hooks::library_folder)) return {};
    if (core::parse_hook(name)) return {};
    warnings.push_back("'" + input_dir + "/" + item.d_name + "' is in no hook's folder, so it gets into no ConfigMap");
    return {};
  });
}

}  // namespace

Result<HookContent> read_hook_files(const std::string& input_dir, const std::string& own_prefix) {
  std::string root = input_dir;
  while (root.size() > 1 && root.ends_with('/')) root.pop_back();
  auto reading = hooks::read_hook_tree(root);
  if (!reading) return std::move(reading).error();
  if (reading->unreadable) return *std::move(reading)->unreadable;
  HookContent content{{}, std::move(reading->warnings)};
  if (auto looked = look_beside_hooks(root, own_prefix, content.warnings); !looked) return std::move(looked).error();
  for (const core::Hook hook : core::all_hooks) {
    content.hooks.push_back({hook, {}});
    const std::string path = root + "/" + std::string(core::name_of(hook));
    auto read = read_hook(path, content.hooks.back(), content.warnings);
    if (!read) return std::move(read).error();
    for (const core::Script& script : reading->hooks.scripts(hook)) {
      // The manifests set SIDEFRIDGE_PIPEFAIL.
      hooks::ScriptFindings found =
          hooks::examine(script, core::Pipes::each_command_counts, hooks::RunsWhere::elsewhere);
      if (!found.problem.empty()) content.warnings.push_back(std::move(found.problem));
      for (std::string& warning : found.warnings) content.warnings.push_back(std::move(warning));
    }
  }
  std::sort(content.warnings.begin(), content.warnings.end());
  return content;
}

}  // namespace sidefridge::manifests
