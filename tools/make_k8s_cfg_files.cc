// make_k8s_cfg_files.cc - turns a folder of hooks into the files that put it into a Kubernetes cluster.
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "command.h"
#include "sidefridge/base/version.h"
#include "sidefridge/cron/schedule.h"
#include "sidefridge/kubernetes/manifests.h"
#include "sidefridge/manifests/hook_files.h"
#include "sidefridge/manifests/write_files.h"
#include "sidefridge/os/inherited_limits.h"
#include "sidefridge/os/standard_fds.h"
#include "sidefridge/os/zone_file.h"
#include "sidefridge/text/quote.h"

namespace sidefridge::tools {
namespace {

constexpr std::string_view command = "make-k8s-cfg-files";

constexpr std::string_view usage =
    R"(Usage: make-k8s-cfg-files [OPTION]... NAMESPACE PROJECT_NAME CONTAINER_NAME INPUT_DIR OUTPUT_DIR

Turns a folder of hooks into the files that put it into a Kubernetes cluster. With P for PROJECT_NAME, it writes:

  P-config-maps.yaml                           to apply: a ConfigMap for each hook that has files
  P-accounts.yaml                              to apply: a ServiceAccount that may run kubectl exec
  P-partial_service_account_name_volumes.yaml  to paste into the Pod's spec
  P-partial_volume_mounts.yaml                 to paste into the sidecar's container

  NAMESPACE       where the Pod is; it has to exist
  PROJECT_NAME    begins the names of the files and of what is in them
  CONTAINER_NAME  the application's container, for kubectlexec: the sidecar's TARGET_CONTAINER
  INPUT_DIR       has the folders install_dependencies, before_backups, backups, after_backups, on_error,
                  or some of them; what is in them comes back byte for byte
  OUTPUT_DIR      is made if it is missing; files of these names in it are replaced, all of them or none

  --container-scripts-path PATH  where the sidecar has the hooks (default: /scripts)
  --pod NAME         the account may run commands in this pod only, or in these when given again: the pods of a
                     StatefulSet have names that are known (default: in all pods of NAMESPACE)
  --full             also write P-deployment-example.yaml: a whole Deployment with an example application
  --kustomize        also write P-kustomize/, a Component that adds the sidecar to the Deployment PROJECT_NAME
  --plain            in these the sidecar is a plain container, for Kubernetes before 1.29, instead of a native sidecar
  --image IMAGE      the sidecar's image in these (default: sidefridge:)";

constexpr std::string_view usage_end = R"()
  --schedule EXPR    the sidecar's CRON_BACKUP_SCHEDULE in these (default: 30 2 * * *)
  --help             print this
  --version          print the version

Same input, same output. Exit codes: 0 written, 2 wrong usage or a name, file or size that Kubernetes would refuse,
69 no such folder, 74 a disk or the output refused, 75 another one is writing there. When anything cannot be written, what was in OUTPUT_DIR stays.
)";

// What kubectl apply keeps of an object, for its next time, has to fit into 256 KiB of JSON.
constexpr std::size_t apply_limit_bytes = 128 * 1024;

struct Request {
  std::string kubernetes_namespace;
  std::string project_name;
  std::string container_name;
  std::string input_dir;
  std::string output_dir;
  std::string scripts_path = "/scripts";
  enum class Extra { none, wanted };
  Extra deployment = Extra::none;
  Extra component = Extra::none;
  std::vector<std::string> pods;
  kubernetes::Sidecar sidecar{kubernetes::Sidecar::Kind::native, "sidefridge:" + std::string(version()), "30 2 * * *"};
};

Error wrong_usage(std::string_view what) {
  return Error{ErrorCode::invalid, std::string(what) + "; see make-k8s-cfg-files --help"};
}

/// The arguments one by one, options in either form: "--image X" or "--image=X".
class Parser {
public:
  explicit Parser(std::span<const std::string> arguments) : rest_(arguments) {}

  Result<Request> parse() && {
    while (!rest_.empty()) {
      const std::string& argument = rest_.front();
      rest_ = rest_.subspan(1);
      if (argument == "--") {
        words_.insert(words_.end(), rest_.begin(), rest_.end());
        break;
      }
      if (!argument.starts_with('-')) {
        words_.push_back(argument);
      } else if (auto taken = take_option(argument); !taken) {
        return std::move(taken).error();
      }
    }
    return finish();
  }

private:
  Result<void> take_option(const std::string& argument) {
    const std::size_t equals = argument.find('=');
    const std::string name = argument.substr(0, equals);
    inline_value_ = equals == std::string::npos ? std::nullopt : std::optional(argument.substr(equals + 1));
    if (name == "--container-scripts-path") return take_value(name, request_.scripts_path);
    if (name == "--pod") return take_value(name, request_.pods.emplace_back());
    if (name == "--image") return take_sidecar_value(name, request_.sidecar.image);
    if (name == "--schedule") return take_sidecar_value(name, request_.sidecar.schedule);
    if (name != "--full" && name != "--kustomize" && name != "--plain") {
      return wrong_usage("unknown option " + text::in_quotes(argument));
    }
    if (inline_value_) return wrong_usage("option " + name + " takes no value");
    if (name == "--full") request_.deployment = Request::Extra::wanted;
    if (name == "--kustomize") request_.component = Request::Extra::wanted;
    if (name == "--plain") {
      request_.sidecar.kind = kubernetes::Sidecar::Kind::plain;
      sidecar_option_ = name;
    }
    return {};
  }

  Result<void> take_sidecar_value(const std::string& name, std::string& value) {
    sidecar_option_ = name;
    return take_value(name, value);
  }

  Result<void> take_value(const std::string& name, std::string& value) {
    if (inline_value_) {
      value = *inline_value_;
    } else if (!rest_.empty()) {
      value = rest_.front();
      rest_ = rest_.subspan(1);
    } else {
      return wrong_usage("option " + name + " needs a value");
    }
    if (value.empty()) return wrong_usage("the value of option " + name + " is empty");
    return {};
  }

  Result<Request> finish() {
    if (words_.size() != 5) {
      return wrong_usage("expected NAMESPACE PROJECT_NAME CONTAINER_NAME INPUT_DIR OUTPUT_DIR, got " +
                         std::to_string(words_.size()) + " arguments");
    }
    if (!sidecar_option_.empty() && request_.deployment == Request::Extra::none &&
        request_.component == Request::Extra::none) {
      return wrong_usage("option " + sidecar_option_ + " changes nothing without --full or --kustomize");
    }
    request_.kubernetes_namespace = words_[0];
    request_.project_name = words_[1];
    request_.container_name = words_[2];
    request_.input_dir = words_[3];
    request_.output_dir = words_[4];
    if (request_.input_dir.empty()) return wrong_usage("INPUT_DIR is empty");
    if (request_.output_dir.empty()) return wrong_usage("OUTPUT_DIR is empty");
    return std::move(request_);
  }

  std::span<const std::string> rest_;
  std::optional<std::string> inline_value_;
  std::vector<std::string> words_;
  std::string sidecar_option_;  // one that is about the sidecar's container, if there was any
  Request request_;
};

Result<void> check_sidecar(const kubernetes::Sidecar& sidecar) {
  const auto is_wrong = [](unsigned char c) { return c <= ' ' || c >= 0x7f; };
  if (std::any_of(sidecar.image.begin(), sidecar.image.end(), is_wrong)) {
    return Error{ErrorCode::invalid, "--image " + text::in_quotes(sidecar.image) +
                                         " holds a character that is not allowed in an image's name"};
  }
  if (!std::all_of(sidecar.schedule.begin(), sidecar.schedule.end(),
                   [](unsigned char c) { return c >= ' ' && c < 0x7f; })) {
    return Error{ErrorCode::invalid, "--schedule " + text::in_quotes(sidecar.schedule) +
                                         " holds a character that is not allowed in a schedule"};
  }
  const auto schedule =
      cron::parse_schedule(sidecar.schedule, "", [](std::string_view zone) { return os::load_zone(zone); });
  // Which zones the cluster's image has is not known here.
  if (schedule || schedule.error().code == ErrorCode::unavailable) return {};
  return Error(schedule.error()).with_context("--schedule");
}

/// What is written into a hook's folder would be a script of it the next time.
Result<void> check_outside_hooks(const Request& request) {
  namespace fs = std::filesystem;
  std::error_code failure;
  const fs::path output = fs::weakly_canonical(fs::absolute(request.output_dir, failure), failure);
  for (const core::Hook hook : core::all_hooks) {
    const fs::path folder =
        fs::weakly_canonical(fs::absolute(request.input_dir, failure) / std::string(core::name_of(hook)), failure);
    if (std::mismatch(folder.begin(), folder.end(), output.begin(), output.end()).first != folder.end()) continue;
    return Error{ErrorCode::invalid, "OUTPUT_DIR " + text::in_quotes(request.output_dir) +
                                         " is within the folder of a hook, whose scripts these files would become"};
  }
  return {};
}

Result<std::vector<kubernetes::OutputFile>> make_files(const Request& request, const kubernetes::Project& project) {
  std::vector<kubernetes::OutputFile> files = kubernetes::project_files(project);
  if (request.deployment == Request::Extra::wanted) {
    auto example = kubernetes::deployment_example(project, request.sidecar);
    if (!example) return std::move(example).error();
    files.push_back(std::move(*example));
  }
  if (request.component == Request::Extra::wanted) {
    auto component = kubernetes::kustomize_component(project, request.sidecar);
    if (!component) return std::move(component).error();
    for (kubernetes::OutputFile& file : *component) files.push_back(std::move(file));
  }
  return files;
}

bool is_large(const kubernetes::HookFiles& hook) {
  std::size_t bytes = 0;
  for (const kubernetes::HookFile& file : hook.files) bytes += file.bytes.size();
  return bytes > apply_limit_bytes;
}

/// "out/demo-config-maps.yaml", quoted if a shell would not take it for one word.
std::string shell_path(const Request& request, std::string_view rest) {
  std::string path = (std::filesystem::path(request.output_dir) / (request.project_name + std::string(rest))).string();
  const auto harmless = [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("/._-+,@%").find(static_cast<char>(c)) != std::string_view::npos;
  };
  if (std::all_of(path.begin(), path.end(), harmless)) return path;
  std::string quoted = "'";
  for (const char c : path) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

void tell(const Request& request, const kubernetes::Project& project, std::span<const kubernetes::OutputFile> files) {
  for (const kubernetes::OutputFile& file : files) {
    std::cout << "wrote " << (std::filesystem::path(request.output_dir) / file.path).string() << '\n';
  }
  const bool large = std::any_of(project.hooks.begin(), project.hooks.end(), is_large);
  const std::string apply = large ? "kubectl apply --server-side -f " : "kubectl apply -f ";
  std::cout << "\nNext, for the hooks and what kubectlexec needs:\n"
            << "  " << apply << shell_path(request, "-config-maps.yaml") << " -f "
            << shell_path(request, "-accounts.yaml") << '\n';
  if (request.deployment == Request::Extra::wanted) {
    std::cout << "Then, for an example of a Deployment with the sidecar:\n"
              << "  kubectl apply -f " << shell_path(request, "-deployment-example.yaml") << '\n';
  }
  if (request.component == Request::Extra::wanted) {
    std::cout << "Or list the folder under \"components\" in the kustomization.yaml of Deployment " << project.name
              << ":\n  " << shell_path(request, "-kustomize") << '\n';
  }
  if (request.deployment == Request::Extra::none && request.component == Request::Extra::none) {
    std::cout << "Then paste into the Pod's spec:\n"
              << "  " << shell_path(request, "-partial_service_account_name_volumes.yaml") << '\n'
              << "and into the sidecar's container, whose variables it tells too:\n"
              << "  " << shell_path(request, "-partial_volume_mounts.yaml") << '\n';
  }
}

Result<void> make(const Request& request) {
  if (auto good = check_sidecar(request.sidecar); !good) return good;
  if (auto good = check_outside_hooks(request); !good) return good;
  auto content = manifests::read_hook_files(request.input_dir, request.project_name + "-");
  if (!content) return std::move(content).error();
  auto project = kubernetes::checked({request.kubernetes_namespace, request.project_name, request.container_name,
                                      request.scripts_path, std::move(content->hooks), request.pods});
  if (!project) return std::move(project).error();
  auto files = make_files(request, *project);
  if (!files) return std::move(files).error();
  if (auto written = manifests::write_files(request.output_dir, *files); !written) return written;
  for (const std::string& warning : content->warnings) std::cerr << command << ": warning: " << warning << '\n';
  tell(request, *project, *files);
  return {};
}

int run(std::span<const std::string> arguments) {
  os::ignore_file_size_signal();
  if (auto opened = os::open_standard_fds(); !opened) return fail(command, opened.error());
  if (arguments.size() == 1 && arguments.front() == "--help") {
    std::cout << usage << version() << usage_end;
  } else if (arguments.size() == 1 && arguments.front() == "--version") {
    return print_version(command);
  } else {
    const auto request = Parser(arguments).parse();
    if (!request) return fail(command, request.error());
    if (auto made = make(*request); !made) return fail(command, made.error());
  }
  std::cout << std::flush;
  return std::cout ? 0 : fail(command, Error{ErrorCode::io, "cannot write the output"});
}

}  // namespace
}  // namespace sidefridge::tools

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  return sidefridge::tools::run(arguments);
}
