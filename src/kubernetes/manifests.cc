// manifests.cc - each object once, and the files that hold them.
#include "sidefridge/kubernetes/manifests.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>

#include "sidefridge/kubernetes/names.h"
#include "sidefridge/kubernetes/yaml.h"
#include "sidefridge/text/base64.h"
#include "sidefridge/text/quote.h"

namespace sidefridge::kubernetes {
namespace {

constexpr std::string_view sidecar_name = "sidefridge";
constexpr std::string_view made_by = "Made by make-k8s-cfg-files: run it again rather than edit this file.\n";

// 0555 is octal to YAML 1.1 and decimal to YAML 1.2; the decimal number is the same to both.
constexpr int script_mode = 0555;

// More than SIDEFRIDGE_GRACE's 15 s and the 13 s that the rest of an ending may take.
constexpr int termination_grace_seconds = 60;

constexpr int example_user = 65532;

std::string file_name(const Project& project, std::string_view rest) {
  return project.name + "-" + std::string(rest);
}

std::string account_name(const Project& project) {
  return project.name + "-sidefridge";
}

std::string config_map_name(const Project& project, core::Hook hook) {
  return project.name + "-" + dashed_name_of(hook);
}

// Not the project's name, which may be too long for a volume's; but nothing else of a Pod is called so.
std::string volume_name(core::Hook hook) {
  return "sidefridge-" + dashed_name_of(hook);
}

bool has_hook(const Project& project, core::Hook hook) {
  return std::any_of(project.hooks.begin(), project.hooks.end(),
                     [&](const HookFiles& files) { return files.hook == hook; });
}

Yaml labels(const Project& project) {
  return Yaml::map({{"app.kubernetes.io/name", sidecar_name},
                    {"app.kubernetes.io/instance", project.name},
                    {"app.kubernetes.io/component", "backup"},
                    {"app.kubernetes.io/managed-by", "make-k8s-cfg-files"}});
}

Yaml object(std::string_view api_version, std::string_view kind, const std::string& name, const Project& project) {
  return Yaml::map(
      {{"apiVersion", api_version},
       {"kind", kind},
       {"metadata",
        Yaml::map({{"name", name}, {"namespace", project.kubernetes_namespace}, {"labels", labels(project)}})}});
}

/// The documents of one file, in order.
std::string format_all(const std::vector<Yaml>& documents, std::string_view comment) {
  std::string text = comment_lines(comment);
  for (const Yaml& document : documents) {
    if (&document != &documents.front()) text += "---\n";
    text += document.format();
  }
  return text;
}

std::string told(std::string_view first, std::string_view then) {
  return std::string(first).append(then);
}

Yaml config_map(const Project& project, const HookFiles& hook) {
  std::vector<Yaml::Field> texts;
  std::vector<Yaml::Field> binaries;
  for (const HookFile& file : hook.files) {
    if (is_yaml_text(file.bytes)) {
      texts.push_back({file.name, Yaml::block(file.bytes)});
    } else {
      binaries.push_back({file.name, text::format_base64(file.bytes)});
    }
  }
  Yaml map = object("v1", "ConfigMap", config_map_name(project, hook.hook), project);
  if (!texts.empty()) map.add({"data", Yaml::map(std::move(texts))});
  if (!binaries.empty()) map.add({"binaryData", Yaml::map(std::move(binaries))});
  return map;
}

std::string config_maps(const Project& project) {
  std::vector<Yaml> maps;
  for (const HookFiles& hook : project.hooks) maps.push_back(config_map(project, hook));
  return format_all(maps, told(made_by, "A ConfigMap for each hook; each key is a file of the hook's folder."));
}

Yaml names(const std::vector<std::string>& texts) {
  std::vector<Yaml> list;
  for (const std::string& text : texts) list.emplace_back(text);
  return Yaml::list(std::move(list));
}

std::string accounts(const Project& project) {
  const std::string name = account_name(project);
  Yaml role = object("rbac.authorization.k8s.io/v1", "Role", name, project);
  Yaml pods = Yaml::map({{"apiGroups", Yaml::list({""})}, {"resources", Yaml::list({"pods"})}});
  Yaml exec = Yaml::map({{"apiGroups", Yaml::list({""})}, {"resources", Yaml::list({"pods/exec"})}});
  for (Yaml* const rule : {&pods, &exec}) {
    if (!project.pods.empty()) rule->add({"resourceNames", names(project.pods)});
  }
  pods.add({"verbs", Yaml::list({"get"})});
  exec.add({"verbs", Yaml::list({"get", "create"}), "kubectl asks for \"get\" (websockets) or \"create\" (SPDY)."});
  role.add({"rules", Yaml::list({std::move(pods), std::move(exec)})});
  Yaml binding = object("rbac.authorization.k8s.io/v1", "RoleBinding", name, project);
  binding.add({"roleRef", Yaml::map({{"apiGroup", "rbac.authorization.k8s.io"}, {"kind", "Role"}, {"name", name}})});
  binding.add(
      {"subjects", Yaml::list({Yaml::map(
                       {{"kind", "ServiceAccount"}, {"name", name}, {"namespace", project.kubernetes_namespace}})})});
  return format_all(
      {object("v1", "ServiceAccount", name, project), std::move(role), std::move(binding)},
      told(made_by, project.pods.empty()
                        ? "Who the Pod is, and what it may do, with all of its containers: run commands in "
                          "those of\nany Pod of the namespace, no more."
                        : "Who the Pod is, and what it may do, with all of its containers: run commands in "
                          "those of\nthese Pods, no more."));
}

std::vector<Yaml> hook_volumes(const Project& project) {
  std::vector<Yaml> volumes;
  for (const HookFiles& hook : project.hooks) {
    volumes.push_back(
        Yaml::map({{"name", volume_name(hook.hook)},
                   {"configMap", Yaml::map({{"name", config_map_name(project, hook.hook)},
                                            {"defaultMode", Yaml::number(script_mode),
                                             volumes.empty() ? "0555 in octal: all may read and execute." : ""}})}}));
  }
  return volumes;
}

std::vector<Yaml> hook_mounts(const Project& project) {
  std::vector<Yaml> mounts;
  for (const HookFiles& hook : project.hooks) {
    mounts.push_back(Yaml::map({{"name", volume_name(hook.hook)},
                                {"mountPath", project.scripts_path + "/" + std::string(core::name_of(hook.hook))},
                                {"readOnly", Yaml::truth(true)}}));
  }
  return mounts;
}

Yaml variable(std::string_view name, std::string_view value) {
  return Yaml::map({{"name", name}, {"value", value}});
}

Yaml variable_from(std::string_view name, std::string_view field) {
  return Yaml::map({{"name", name}, {"valueFrom", Yaml::map({{"fieldRef", Yaml::map({{"fieldPath", field}})}})}});
}

/// What the sidecar is told of where it is, and of pipes.
std::vector<Yaml> place_variables(const Project& project) {
  std::vector<Yaml> variables{
      variable("TARGET_CONTAINER", project.target_container), variable_from("POD_NAME", "metadata.name"),
      variable_from("POD_NAMESPACE", "metadata.namespace"), variable("SIDEFRIDGE_PIPEFAIL", "true")};
  if (project.scripts_path != "/scripts") variables.push_back(variable("SIDEFRIDGE_SCRIPTS_DIR", project.scripts_path));
  return variables;
}

std::string partial_service_account_and_volumes(const Project& project) {
  const Yaml piece =
      Yaml::map({{"serviceAccountName", account_name(project)},
                 {"volumes", Yaml::list(hook_volumes(project)),
                  "No \"items\" in these, so that a new key in a ConfigMap is a new file in the running Pod."}});
  return format_all({piece}, told(made_by, "To paste into the spec of the Pod (spec.template.spec of a Deployment)."));
}

std::string partial_volume_mounts(const Project& project) {
  const Yaml piece = Yaml::map({{"volumeMounts", Yaml::list(hook_mounts(project))}});
  const Yaml environment = Yaml::map({{"env", Yaml::list(place_variables(project))}});
  return format_all({piece}, told(made_by,
                                  "To paste into the sidecar's container. Its \"env\" needs, beside "
                                  "CRON_BACKUP_SCHEDULE:\n\n") +
                                 environment.format());
}

/// No rights that neither a sidecar nor an example needs.
Yaml restricted() {
  return Yaml::map(
      {{"allowPrivilegeEscalation", Yaml::truth(false)}, {"capabilities", Yaml::map({{"drop", Yaml::list({"ALL"})}})}});
}

Yaml resources() {
  return Yaml::map(
      {{"requests", Yaml::map({{"cpu", "10m"}, {"memory", "32Mi"}})}, {"limits", Yaml::map({{"memory", "256Mi"}})}});
}

/// Restarts the sidecar alone, and only when its state cannot be read for minutes on end. A run would end with it, so a
/// machine that is busy, with a backup as a rule, is no reason; and whether the Pod serves is not the sidecar's matter,
/// so there is no other probe.
Yaml liveness_probe() {
  return Yaml::map({{"exec", Yaml::map({{"command", Yaml::list({"sidefridge", "status"})}})},
                    {"periodSeconds", Yaml::number(60)},
                    {"timeoutSeconds", Yaml::number(30)},
                    {"failureThreshold", Yaml::number(5)}});
}

/// The sidecar's container.
Yaml sidecar_container(const Project& project, const Sidecar& sidecar) {
  std::vector<Yaml> variables{variable("CRON_BACKUP_SCHEDULE", sidecar.schedule)};
  for (Yaml& place : place_variables(project)) variables.push_back(std::move(place));
  // The root file system is read-only; kubectl keeps a cache in its home.
  variables.push_back(variable("HOME", "/tmp"));

  std::vector<Yaml> mounts = hook_mounts(project);
  mounts.push_back(Yaml::map({{"name", "sidefridge-state"}, {"mountPath", "/run/sidefridge"}}));
  mounts.push_back(Yaml::map({{"name", "sidefridge-tmp"}, {"mountPath", "/tmp"}}));

  Yaml container = Yaml::map({{"name", sidecar_name}, {"image", sidecar.image}});
  if (sidecar.kind == Sidecar::Kind::native) {
    container.add(
        {"restartPolicy", "Always",
         "A native sidecar (Kubernetes 1.29 or later): begins before the other containers, ends after them."});
  }
  container.add({"env", Yaml::list(std::move(variables))});
  container.add({"livenessProbe", liveness_probe(),
                 "Restarts the sidecar, and no other container, when its state cannot be read for five minutes."});
  container.add({"resources", resources()});
  Yaml rights = restricted();
  rights.add({"readOnlyRootFilesystem", Yaml::truth(true)});
  container.add({"securityContext", std::move(rights),
                 has_hook(project, core::Hook::install_dependencies)
                     ? "To install packages (apk add), install_dependencies needs root, its usual capabilities and a\n"
                       "writable root file system: leave all of this out then, or put the packages into the image."
                     : ""});
  container.add({"volumeMounts", Yaml::list(std::move(mounts))});
  return container;
}

std::vector<Yaml> sidecar_volumes(const Project& project) {
  std::vector<Yaml> volumes = hook_volumes(project);
  volumes.push_back(
      Yaml::map({{"name", "sidefridge-state", "Variables and the history; it outlives the container, not the Pod."},
                 {"emptyDir", Yaml::map({})}}));
  volumes.push_back(Yaml::map({{"name", "sidefridge-tmp"}, {"emptyDir", Yaml::map({})}}));
  return volumes;
}

Yaml example_container(const Project& project) {
  return Yaml::map(
      {{"name", project.target_container, "An example of an application: put your own here."},
       {"image", "busybox:1.37"},
       {"command", Yaml::list({"/bin/sh", "-c", "trap 'exit 0' TERM; while :; do sleep 3600 & wait; done"})},
       {"resources", resources()},
       {"securityContext", restricted()}});
}

Result<void> check_apart(const Project& project) {
  if (project.target_container != sidecar_name) return {};
  return Error{ErrorCode::invalid,
               "CONTAINER_NAME 'sidefridge' is what the sidecar itself is called; "
               "name the application's container, which kubectlexec runs commands in"};
}

Yaml deployment(const Project& project, const Sidecar& sidecar) {
  // What selects Pods must never change, so it is the least that tells them from others.
  const Yaml selected = Yaml::map({{"app.kubernetes.io/name", project.name}});
  Yaml spec =
      Yaml::map({{"serviceAccountName", account_name(project)},
                 {"terminationGracePeriodSeconds", Yaml::number(termination_grace_seconds),
                  "More than SIDEFRIDGE_GRACE (15 s) and the 13 s that the rest of an ending may take."},
                 {"securityContext", Yaml::map({{"runAsNonRoot", Yaml::truth(true)},
                                                {"runAsUser", Yaml::number(example_user)},
                                                {"runAsGroup", Yaml::number(example_user)},
                                                {"fsGroup", Yaml::number(example_user)},
                                                {"seccompProfile", Yaml::map({{"type", "RuntimeDefault"}})}})}});
  if (sidecar.kind == Sidecar::Kind::native) {
    spec.add({"initContainers", Yaml::list({sidecar_container(project, sidecar)})});
    spec.add({"containers", Yaml::list({example_container(project)})});
  } else {
    spec.add({"containers", Yaml::list({example_container(project), sidecar_container(project, sidecar)})});
  }
  spec.add({"volumes", Yaml::list(sidecar_volumes(project))});

  Yaml whole = Yaml::map(
      {{"apiVersion", "apps/v1"},
       {"kind", "Deployment"},
       {"metadata",
        Yaml::map({{"name", project.name}, {"namespace", project.kubernetes_namespace}, {"labels", selected}})}});
  return whole.add({"spec", Yaml::map({{"replicas", Yaml::number(1), "Each replica has a sidecar, and each backs up."},
                                       {"strategy", Yaml::map({{"type", "Recreate"}})},
                                       {"selector", Yaml::map({{"matchLabels", selected}})},
                                       {"template", Yaml::map({{"metadata", Yaml::map({{"labels", selected}})},
                                                               {"spec", std::move(spec)}})}})});
}

/// A strategic merge patch: lists of containers and volumes are merged by name.
Yaml sidecar_patch(const Project& project, const Sidecar& sidecar) {
  const std::string_view place = sidecar.kind == Sidecar::Kind::native ? "initContainers" : "containers";
  Yaml spec = Yaml::map({{"serviceAccountName", account_name(project)},
                         {"terminationGracePeriodSeconds", Yaml::number(termination_grace_seconds)},
                         {std::string(place), Yaml::list({sidecar_container(project, sidecar)})},
                         {"volumes", Yaml::list(sidecar_volumes(project))}});
  return Yaml::map({{"apiVersion", "apps/v1"},
                    {"kind", "Deployment"},
                    {"metadata", Yaml::map({{"name", project.name}})},
                    {"spec", Yaml::map({{"template", Yaml::map({{"spec", std::move(spec)}})}})}});
}

Error too_large(const HookFiles& hook, std::size_t bytes) {
  return Error{ErrorCode::invalid, "the files of hook '" + std::string(core::name_of(hook.hook)) + "' are " +
                                       std::to_string(bytes) + " bytes; a ConfigMap holds " +
                                       std::to_string(config_map_limit_bytes) +
                                       " at most: move what is large into the image or a volume"};
}

Result<void> check_hook(const HookFiles& hook) {
  std::size_t bytes = 0;
  for (const HookFile& file : hook.files) {
    const std::string what = "in hook '" + std::string(core::name_of(hook.hook)) + "', file";
    if (auto checked_key = check_key(what, file.name); !checked_key) return checked_key;
    bytes += file.bytes.size();
  }
  if (bytes > config_map_limit_bytes) return too_large(hook, bytes);
  return {};
}

}  // namespace

Result<Project> checked(Project project) {
  if (auto good = check_label("NAMESPACE", project.kubernetes_namespace); !good) return std::move(good).error();
  if (auto good = check_project_name("PROJECT_NAME", project.name); !good) return std::move(good).error();
  if (auto good = check_label("CONTAINER_NAME", project.target_container); !good) return std::move(good).error();
  if (auto good = check_mount_path("the path of the scripts", project.scripts_path); !good)
    return std::move(good).error();
  while (project.scripts_path.ends_with('/')) project.scripts_path.pop_back();
  for (const std::string& pod : project.pods) {
    if (!is_name(pod)) return Error{ErrorCode::invalid, "--pod " + text::in_quotes(pod) + " is not the name of a pod"};
  }

  std::erase_if(project.hooks, [](const HookFiles& hook) { return hook.files.empty(); });
  if (project.hooks.empty()) return Error{ErrorCode::invalid, "there is no file in any hook's folder"};
  for (HookFiles& hook : project.hooks) {
    if (auto good = check_hook(hook); !good) return std::move(good).error();
    std::sort(hook.files.begin(), hook.files.end(),
              [](const HookFile& a, const HookFile& b) { return a.name < b.name; });
  }
  return project;
}

std::vector<OutputFile> project_files(const Project& project) {
  return {
      {file_name(project, "config-maps.yaml"), config_maps(project)},
      {file_name(project, "accounts.yaml"), accounts(project)},
      {file_name(project, "partial_service_account_name_volumes.yaml"), partial_service_account_and_volumes(project)},
      {file_name(project, "partial_volume_mounts.yaml"), partial_volume_mounts(project)}};
}

Result<OutputFile> deployment_example(const Project& project, const Sidecar& sidecar) {
  if (auto good = check_apart(project); !good) return std::move(good).error();
  return OutputFile{
      file_name(project, "deployment-example.yaml"),
      format_all({deployment(project, sidecar)},
                 "Made by make-k8s-cfg-files: an example to copy from. It runs as it is, once there is an\n"
                 "image of sidefridge where the cluster looks for it.")};
}

Result<std::vector<OutputFile>> kustomize_component(const Project& project, const Sidecar& sidecar) {
  if (auto good = check_apart(project); !good) return std::move(good).error();
  const std::string folder = file_name(project, "kustomize/");
  const Yaml component =
      Yaml::map({{"apiVersion", "kustomize.config.k8s.io/v1alpha1"},
                 {"kind", "Component"},
                 {"resources", Yaml::list({"config-maps.yaml", "accounts.yaml"})},
                 {"patches",
                  Yaml::list({Yaml::map({{"path", "sidecar.yaml"},
                                         {"target", Yaml::map({{"kind", "Deployment"}, {"name", project.name}})}})})}});
  return std::vector<OutputFile>{
      {folder + "kustomization.yaml",
       format_all({component}, told(made_by,
                                    "Adds the sidecar to the Deployment named below. List this folder under "
                                    "\"components\"\nin the kustomization.yaml that has it."))},
      {folder + "config-maps.yaml", config_maps(project)},
      {folder + "accounts.yaml", accounts(project)},
      {folder + "sidecar.yaml", format_all({sidecar_patch(project, sidecar)}, made_by)}};
}

}  // namespace sidefridge::kubernetes
