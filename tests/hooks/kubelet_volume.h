// kubelet_volume.h - a folder written as the kubelet writes the volume of a ConfigMap.
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace sidefridge::hooks {

/// Files by their path in the volume: "bkp", or "backups/bkp" for an item with a path.
using Payload = std::map<std::string, std::string>;

/// One system call of a writer, and its name for who reads of a failure.
struct Step {
  std::string name;
  std::function<void()> run;
};

/// When the links that users see are made: kubelets did it before the swap first, later ones after it.
enum class NewLinks { before_the_swap, after_the_swap };

/// The atomic writer of pkg/volume/util/atomic_writer.go, step by step.
class KubeletVolume {
public:
  explicit KubeletVolume(std::string folder) : folder_(std::move(folder)) {
    std::filesystem::create_directories(folder_);
  }

  /// What the kubelet does when the ConfigMap has become `payload`. Requires: the steps before were run.
  std::vector<Step> steps_to(const Payload& payload, NewLinks new_links = NewLinks::before_the_swap) {
    const std::string version = "..2026_11_05_10_20_30." + std::to_string(++versions_);
    const std::string target = folder_ + "/" + version;
    std::vector<Step> steps;
    const auto make_folder = [&](const std::string& path) {
      steps.push_back({"mkdir " + path, [path] { EXPECT_EQ(::mkdir(path.c_str(), 0700), 0); }});
      steps.push_back({"chmod " + path, [path] { EXPECT_EQ(::chmod(path.c_str(), 0755), 0); }});
    };
    make_folder(target);
    for (const std::string& name : folders_of(payload)) make_folder(target + "/" + name);
    std::set<std::string> links;
    for (const auto& [name, content] : payload) {
      links.insert(name.substr(0, name.find('/')));
      const std::string path = target + "/" + name;
      steps.push_back({"write " + path, [path, text = content] { std::ofstream(path) << text; }});
      steps.push_back({"chmod " + path, [path] { EXPECT_EQ(::chmod(path.c_str(), 0755), 0); }});
    }

    const auto make_new_links = [&] {
      for (const std::string& name : links) {
        if (links_.count(name) != 0) continue;
        steps.push_back({"link " + name, [this, name] { make_link("..data/" + name, name); }});
      }
    };
    if (new_links == NewLinks::before_the_swap) make_new_links();
    steps.push_back({"link ..data_tmp", [this, version] { make_link(version, "..data_tmp"); }});
    steps.push_back(
        {"rename ..data_tmp", [this] { std::filesystem::rename(folder_ + "/..data_tmp", folder_ + "/..data"); }});
    if (new_links == NewLinks::after_the_swap) make_new_links();
    for (const std::string& name : links_) {
      if (links.count(name) == 0) steps.push_back({"remove " + name, remover_of(folder_ + "/" + name)});
    }
    if (!version_.empty()) remove_all(steps, folder_ + "/" + version_);

    links_ = links;
    files_ = payload;
    version_ = version;
    return steps;
  }

  /// All steps at once; `between` is called after each.
  void become(
      const Payload& payload, const std::function<void()>& between = [] {}) {
    for (const Step& step : steps_to(payload)) {
      step.run();
      between();
    }
  }

  /// What the kubelet does at each sync where nothing has changed: it compares.
  void sync() const {
    EXPECT_EQ(std::filesystem::read_symlink(folder_ + "/..data"), version_);
    for (const auto& item : std::filesystem::recursive_directory_iterator(folder_ + "/" + version_)) {
      struct stat status {};
      EXPECT_EQ(::lstat(item.path().c_str(), &status), 0);
    }
    for (const auto& [name, content] : files_) {
      std::ifstream file(folder_ + "/..data/" + name);
      const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
      EXPECT_EQ(text, content);
    }
  }

private:
  void make_link(const std::string& target, const std::string& name) const {
    std::filesystem::create_symlink(target, folder_ + "/" + name);
  }

  static std::function<void()> remover_of(const std::string& path) {
    return [path] { EXPECT_TRUE(std::filesystem::remove(path)) << path; };
  }

  /// The folders that these files are in, the outer ones first.
  static std::set<std::string> folders_of(const Payload& payload) {
    std::set<std::string> folders;
    for (const auto& [name, content] : payload) {
      for (std::size_t end = name.find('/'); end != std::string::npos; end = name.find('/', end + 1)) {
        folders.insert(name.substr(0, end));
      }
    }
    return folders;
  }

  void remove_all(std::vector<Step>& steps, const std::string& version) const {
    const auto remove = [&](const std::string& path) { steps.push_back({"remove " + path, remover_of(path)}); };
    for (const auto& [name, content] : files_) remove(version + "/" + name);
    const std::set<std::string> folders = folders_of(files_);
    std::for_each(folders.rbegin(), folders.rend(), [&](const std::string& name) { remove(version + "/" + name); });
    remove(version);
  }

  std::string folder_;
  int versions_ = 0;
  std::string version_;          // the folder that ..data leads to
  std::set<std::string> links_;  // that users see
  Payload files_;
};

}  // namespace sidefridge::hooks
