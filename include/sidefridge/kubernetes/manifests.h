// manifests.h - a folder of hooks as the files that put it into a cluster: values in, texts out.
#pragma once

#include <string>
#include <vector>

#include "sidefridge/base/result.h"
#include "sidefridge/core/hook.h"

namespace sidefridge::kubernetes {

/// A file of a hook: a key of the hook's ConfigMap.
struct HookFile {
  std::string name;   // check_key() holds
  std::string bytes;  // any
};

/// A hook and all of its files.
struct HookFiles {
  core::Hook hook = core::Hook::backups;
  std::vector<HookFile> files;
};

/// What is to be put into a cluster. `target_container` is the application's container, which kubectlexec runs
/// commands in: the sidecar learns of it as TARGET_CONTAINER.
struct Project {
  std::string kubernetes_namespace;
  std::string name;
  std::string target_container;
  std::string scripts_path;         // where the sidecar finds the hooks: "/scripts"
  std::vector<HookFiles> hooks;     // those with a file at least, in the order of core::all_hooks
  std::vector<std::string> pods{};  // those whose containers the account may run commands in; empty: the namespace's
};

/// How the sidecar's container is written down, where it is.
struct Sidecar {
  enum class Kind {
    native,  // an init container that stays: begins before the application and ends after it (KEP-753)
    plain,   // one container among others
  };
  Kind kind = Kind::native;
  std::string image;
  std::string schedule;
};

/// A file to write; `path` is relative to the folder of all of them.
struct OutputFile {
  std::string path;
  std::string text;
};

/// A project with its files sorted by name and hooks without any left out. Errors: invalid, when a name, the path, a
/// key or a hook's size is not what Kubernetes accepts, or when there is no file at all.
Result<Project> checked(Project project);

/// All of these want a checked() project; the same project makes the same bytes.

/// P-config-maps.yaml, P-accounts.yaml, and two pieces to paste into a Pod's spec: P-partial_service_account_name_
/// volumes.yaml and P-partial_volume_mounts.yaml.
std::vector<OutputFile> project_files(const Project& project);

/// P-deployment-example.yaml: a Deployment of an example application with the sidecar beside it.
/// Errors: invalid, when the application's container is called as the sidecar's.
Result<OutputFile> deployment_example(const Project& project, const Sidecar& sidecar);

/// P-kustomize/: a Component of kustomize that adds the sidecar to the Deployment called as the project.
/// Errors: as deployment_example().
Result<std::vector<OutputFile>> kustomize_component(const Project& project, const Sidecar& sidecar);

}  // namespace sidefridge::kubernetes
