// atomic_writer.h - what the kubelet does to the folder of a ConfigMap (kubernetes/pkg/volume/util/atomic_writer.go).
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace sidefridge::os {

/// A volume's folder: keys are links through "..data", which leads to a folder named by its date.
class AtomicWriter {
public:
  using Files = std::map<std::string, std::string>;  // path below the folder ("10-db", "backups/10-db") and content

  explicit AtomicWriter(std::string folder) : folder_(std::move(folder)) {
    std::filesystem::create_directories(folder_);
  }

  /// Replaces the content by `files`, in the kubelet's order; `between` is called between any two steps.
  void write(
      const Files& files, const std::function<void()>& between = [] {}) {
    namespace fs = std::filesystem;
    const std::string old_name = version_;
    std::array<char, 64> name{};
    // The kubelet's names are a date and a random number.
    std::snprintf(name.data(), name.size(), "..2026_01_02_03_04_05.%u", ++count_);
    version_ = name.data();
    EXPECT_EQ(::mkdir(path(version_).c_str(), 0755), 0);
    between();
    for (const auto& [file, content] : files) {
      fs::create_directories(fs::path(path(version_ + "/" + file)).parent_path());
      std::ofstream(path(version_ + "/" + file), std::ios::binary) << content;
      EXPECT_EQ(::chmod(path(version_ + "/" + file).c_str(), 0555), 0);
      between();
    }
    // The links of new keys come before the swap and dangle until it.
    for (const auto& [file, content] : files) {
      const std::string key = file.substr(0, file.find('/'));
      if (!fs::is_symlink(path(key))) {
        fs::create_symlink("..data/" + key, path(key));
        between();
      }
    }
    fs::create_symlink(version_, path("..data_tmp"));
    between();
    EXPECT_EQ(::rename(path("..data_tmp").c_str(), path("..data").c_str()), 0);
    between();
    for (const auto& entry : fs::directory_iterator(folder_)) {
      const std::string key = entry.path().filename();
      if (key.starts_with("..") || fs::exists(path(version_ + "/" + key))) continue;
      fs::remove(entry.path());
      between();
    }
    if (!old_name.empty()) fs::remove_all(path(old_name));
  }

private:
  std::string path(std::string_view name) const { return folder_ + "/" + std::string(name); }

  std::string folder_;
  std::string version_;  // the name of the folder that ..data leads to
  unsigned count_ = 0;
};

}  // namespace sidefridge::os
