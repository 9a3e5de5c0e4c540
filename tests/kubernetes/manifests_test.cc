// manifests_test.cc - whole files, their parts, and that names fit together.
#include "sidefridge/kubernetes/manifests.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <stdexcept>

#include "sidefridge/kubernetes/names.h"
#include "yaml_reader.h"

namespace sidefridge::kubernetes {
namespace {

using core::Hook;

Project a_project() {
  return {"shop",
          "db",
          "postgres",
          "/scripts",
          {{Hook::before_backups, {}},
           {Hook::backups, {{"20-copy", "cp a b\n"}, {"10-dump", "#!/bin/sh\npg_dump\n"}}},
           {Hook::on_error, {{"tell", std::string("\0\xff", 2)}}}}};
}

Project checked_or_die(Project project) {
  auto good = checked(std::move(project));
  if (!good) throw std::runtime_error(good.error().text);
  return std::move(*good);
}

std::string refusal(Project project) {
  const auto result = checked(std::move(project));
  if (result) return "";
  EXPECT_EQ(result.error().code, ErrorCode::invalid);
  return result.error().text;
}

std::vector<YamlValue> read(const OutputFile& file) {
  auto documents = YamlReader::read(file.text);
  if (!documents) throw std::runtime_error("not YAML: " + file.text);
  return *documents;
}

Sidecar a_sidecar(Sidecar::Kind kind) {
  return {kind, "registry.example/sidefridge:1", "30 2 * * *"};
}

TEST(Manifests, makes_the_four_files) {
  const auto files = project_files(checked_or_die(a_project()));
  ASSERT_EQ(files.size(), 4u);
  EXPECT_EQ(files[0].path, "db-config-maps.yaml");
  EXPECT_EQ(files[1].path, "db-accounts.yaml");
  EXPECT_EQ(files[2].path, "db-partial_service_account_name_volumes.yaml");
  EXPECT_EQ(files[3].path, "db-partial_volume_mounts.yaml");
  EXPECT_EQ(files[0].text, R"(# Made by make-k8s-cfg-files: run it again rather than edit this file.
# A ConfigMap for each hook; each key is a file of the hook's folder.
apiVersion: v1
kind: ConfigMap
metadata:
  name: db-backups
  namespace: shop
  labels:
    app.kubernetes.io/name: sidefridge
    app.kubernetes.io/instance: db
    app.kubernetes.io/component: backup
    app.kubernetes.io/managed-by: make-k8s-cfg-files
data:
  10-dump: |
    #!/bin/sh
    pg_dump
  20-copy: |
    cp a b
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: db-on-error
  namespace: shop
  labels:
    app.kubernetes.io/name: sidefridge
    app.kubernetes.io/instance: db
    app.kubernetes.io/component: backup
    app.kubernetes.io/managed-by: make-k8s-cfg-files
binaryData:
  tell: "AP8="
)");
  EXPECT_EQ(files[2].text, R"(# Made by make-k8s-cfg-files: run it again rather than edit this file.
# To paste into the spec of the Pod (spec.template.spec of a Deployment).
serviceAccountName: db-sidefridge
# No "items" in these, so that a new key in a ConfigMap is a new file in the running Pod.
volumes:
  - name: sidefridge-backups
    configMap:
      name: db-backups
      # 0555 in octal: all may read and execute.
      defaultMode: 365
  - name: sidefridge-on-error
    configMap:
      name: db-on-error
      defaultMode: 365
)");
  EXPECT_EQ(files[3].text, R"(# Made by make-k8s-cfg-files: run it again rather than edit this file.
# To paste into the sidecar's container. Its "env" needs, beside CRON_BACKUP_SCHEDULE:
#
# env:
#   - name: TARGET_CONTAINER
#     value: postgres
#   - name: POD_NAME
#     valueFrom:
#       fieldRef:
#         fieldPath: metadata.name
#   - name: POD_NAMESPACE
#     valueFrom:
#       fieldRef:
#         fieldPath: metadata.namespace
#   - name: SIDEFRIDGE_PIPEFAIL
#     value: "true"
volumeMounts:
  - name: sidefridge-backups
    mountPath: /scripts/backups
    readOnly: true
  - name: sidefridge-on-error
    mountPath: /scripts/on_error
    readOnly: true
)");
}

TEST(Manifests, gives_the_account_the_least_rights) {
  const auto documents = read(project_files(checked_or_die(a_project()))[1]);
  ASSERT_EQ(documents.size(), 3u);
  const YamlValue& rules = documents[1]["rules"];
  ASSERT_EQ(rules.items.size(), 2u);
  const auto words = [](const YamlValue& list) {
    std::string text;
    for (const YamlValue& item : list.items) text += item.scalar + " ";
    return text;
  };
  EXPECT_EQ(documents[1]["apiVersion"].scalar, "rbac.authorization.k8s.io/v1");
  EXPECT_EQ(words(rules.items[0]["resources"]) + words(rules.items[0]["verbs"]), "pods get ");
  EXPECT_EQ(words(rules.items[1]["resources"]) + words(rules.items[1]["verbs"]), "pods/exec get create ");
  EXPECT_EQ(documents[2]["roleRef"]["name"].scalar, documents[1]["metadata"]["name"].scalar);
  EXPECT_EQ(documents[2]["subjects"].items[0]["name"].scalar, documents[0]["metadata"]["name"].scalar);
  EXPECT_EQ(documents[2]["subjects"].items[0]["namespace"].scalar, "shop");
}

TEST(Manifests, bind_the_rights_to_the_pods_that_are_named) {
  Project project = a_project();
  project.pods = {"db-0", "db-1"};
  const auto documents = read(project_files(checked_or_die(project))[1]);
  for (const YamlValue& rule : documents[1]["rules"].items) {
    ASSERT_EQ(rule["resourceNames"].items.size(), 2u);
    EXPECT_EQ(rule["resourceNames"].items[1].scalar, "db-1");
  }
  project.pods = {"--all"};
  EXPECT_EQ(refusal(project), "--pod '--all' is not the name of a pod");
}

TEST(Manifests, says_which_name_is_bad) {
  Project project = a_project();
  project.kubernetes_namespace = "Shop";
  EXPECT_NE(refusal(project).find("NAMESPACE 'Shop'"), std::string::npos);
  project = a_project();
  project.name = "d_b";
  EXPECT_NE(refusal(project).find("PROJECT_NAME 'd_b'"), std::string::npos);
  project = a_project();
  project.target_container = "a.b";
  EXPECT_NE(refusal(project).find("CONTAINER_NAME 'a.b'"), std::string::npos);
  project = a_project();
  project.scripts_path = "scripts";
  EXPECT_NE(refusal(project).find("the path of the scripts 'scripts'"), std::string::npos);
  project = a_project();
  project.hooks[1].files[0].name = "a b";
  EXPECT_NE(refusal(project).find("in hook 'backups', file 'a b'"), std::string::npos);
}

TEST(Manifests, refuses_hooks_without_any_file) {
  EXPECT_NE(refusal({"shop", "db", "app", "/scripts", {{Hook::backups, {}}}}), "");
  EXPECT_NE(refusal({"shop", "db", "app", "/scripts", {}}), "");
}

TEST(Manifests, takes_a_hook_of_a_mebibyte_and_no_more) {
  Project project = a_project();
  project.hooks[1].files = {{"a", std::string(config_map_limit_bytes - 1, 'x')}, {"b", "y"}};
  EXPECT_EQ(refusal(project), "");
  project.hooks[1].files[1].bytes = "yy";
  EXPECT_NE(refusal(project).find("hook 'backups' are 1048577 bytes; a ConfigMap holds 1048576"), std::string::npos);
}

TEST(Manifests, are_the_same_whatever_the_order_of_files) {
  Project turned = a_project();
  std::reverse(turned.hooks[1].files.begin(), turned.hooks[1].files.end());
  const auto one = project_files(checked_or_die(a_project()));
  const auto other = project_files(checked_or_die(turned));
  for (std::size_t index = 0; index < one.size(); ++index) EXPECT_EQ(one[index].text, other[index].text);
}

TEST(Manifests, mount_hooks_elsewhere_if_told) {
  Project project = a_project();
  project.scripts_path = "/opt/hooks//";
  const std::string text = project_files(checked_or_die(project))[3].text;
  EXPECT_NE(text.find("mountPath: /opt/hooks/backups\n"), std::string::npos) << text;
  EXPECT_NE(text.find("#   - name: SIDEFRIDGE_SCRIPTS_DIR\n#     value: /opt/hooks\n"), std::string::npos) << text;
}

std::set<std::string> names(const YamlValue& list) {
  std::set<std::string> found;
  for (const YamlValue& item : list.items) found.insert(item["name"].scalar);
  return found;
}

/// Whether all that a Pod's spec mounts is there, and all that is there is mounted.
void expect_consistent(const YamlValue& spec, const YamlValue& sidecar) {
  EXPECT_EQ(names(spec["volumes"]), names(sidecar["volumeMounts"]));
  EXPECT_EQ(sidecar["name"].scalar, "sidefridge");
  EXPECT_EQ(names(sidecar["env"]), (std::set<std::string>{"CRON_BACKUP_SCHEDULE", "HOME", "POD_NAME", "POD_NAMESPACE",
                                                          "SIDEFRIDGE_PIPEFAIL", "TARGET_CONTAINER"}));
  EXPECT_EQ(sidecar["env"].items[0]["value"].scalar, "30 2 * * *");
  EXPECT_EQ(sidecar["image"].scalar, "registry.example/sidefridge:1");
  EXPECT_GT(std::stoi(spec["terminationGracePeriodSeconds"].scalar), 30);
  const YamlValue& liveness = sidecar["livenessProbe"];
  EXPECT_EQ(liveness["exec"]["command"].items.at(0).scalar, "sidefridge");
  EXPECT_EQ(liveness["exec"]["command"].items.at(1).scalar, "status");
  // A run must not end because the machine is busy with it.
  EXPECT_GE(std::stoi(liveness["periodSeconds"].scalar) * std::stoi(liveness["failureThreshold"].scalar), 300);
  EXPECT_TRUE(sidecar["readinessProbe"].items.empty());
}

TEST(Manifests, show_a_native_sidecar) {
  const auto file = deployment_example(checked_or_die(a_project()), a_sidecar(Sidecar::Kind::native));
  ASSERT_TRUE(file);
  EXPECT_EQ(file->path, "db-deployment-example.yaml");
  const YamlValue deployment = read(*file).at(0);
  const YamlValue& spec = deployment["spec"]["template"]["spec"];
  ASSERT_EQ(spec["initContainers"].items.size(), 1u);
  EXPECT_EQ(spec["initContainers"].items[0]["restartPolicy"].scalar, "Always");
  EXPECT_EQ(names(spec["containers"]), std::set<std::string>{"postgres"});
  expect_consistent(spec, spec["initContainers"].items[0]);
}

TEST(Manifests, show_a_plain_sidecar) {
  const auto file = deployment_example(checked_or_die(a_project()), a_sidecar(Sidecar::Kind::plain));
  ASSERT_TRUE(file);
  const YamlValue deployment = read(*file).at(0);
  const YamlValue& spec = deployment["spec"]["template"]["spec"];
  EXPECT_TRUE(spec["initContainers"].items.empty());
  ASSERT_EQ(spec["containers"].items.size(), 2u);
  EXPECT_EQ(spec["containers"].items[1]["restartPolicy"].scalar, "");
  expect_consistent(spec, spec["containers"].items[1]);
}

TEST(Manifests, say_that_installing_wants_root_where_something_is_installed) {
  Project project = a_project();
  const auto without = deployment_example(checked_or_die(project), a_sidecar(Sidecar::Kind::native));
  EXPECT_EQ(without->text.find("apk add"), std::string::npos);
  project.hooks.insert(project.hooks.begin(), {Hook::install_dependencies, {{"10-tools", "apk add x\n"}}});
  const auto with = deployment_example(checked_or_die(project), a_sidecar(Sidecar::Kind::native));
  EXPECT_NE(with->text.find("# To install packages (apk add)"), std::string::npos);
}

TEST(Manifests, make_a_component_of_what_there_is) {
  const auto files = kustomize_component(checked_or_die(a_project()), a_sidecar(Sidecar::Kind::native));
  ASSERT_TRUE(files);
  std::set<std::string> paths;
  for (const OutputFile& file : *files) paths.insert(file.path);
  const YamlValue component = read(files->at(0)).at(0);
  EXPECT_EQ(component["kind"].scalar, "Component");
  for (const YamlValue& resource : component["resources"].items) {
    EXPECT_TRUE(paths.contains("db-kustomize/" + resource.scalar)) << resource.scalar;
  }
  EXPECT_TRUE(paths.contains("db-kustomize/" + component["patches"].items.at(0)["path"].scalar));
  const YamlValue patch = read(files->at(3)).at(0);
  const YamlValue& spec = patch["spec"]["template"]["spec"];
  expect_consistent(spec, spec["initContainers"].items.at(0));
}

TEST(Manifests, refuse_two_containers_of_one_name) {
  Project project = a_project();
  project.target_container = "sidefridge";
  EXPECT_FALSE(deployment_example(checked_or_die(project), a_sidecar(Sidecar::Kind::native)));
  EXPECT_FALSE(kustomize_component(checked_or_die(project), a_sidecar(Sidecar::Kind::plain)));
}

TEST(Manifests, use_names_that_fit_with_the_longest_project_name) {
  Project project = a_project();
  project.name = std::string(63, 'p');
  project.hooks.insert(project.hooks.begin(), {Hook::install_dependencies, {{"a", "b"}}});
  const auto files = project_files(checked_or_die(project));
  for (const OutputFile& file : {files[0], files[1]}) {
    for (const YamlValue& document : read(file)) EXPECT_LE(document["metadata"]["name"].scalar.size(), 253u);
  }
  for (const std::string& name : names(read(files[2]).at(0)["volumes"]))
    EXPECT_TRUE(check_label("volume", name)) << name;
}

}  // namespace
}  // namespace sidefridge::kubernetes
