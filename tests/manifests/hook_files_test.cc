// hook_files_test.cc - what is read of a folder of hooks, and what is refused.
#include "sidefridge/manifests/hook_files.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "sidefridge/kubernetes/names.h"

namespace sidefridge::manifests {
namespace {

namespace fs = std::filesystem;

class HookFiles : public testing::Test {
protected:
  HookFiles() {
    std::string pattern = (fs::temp_directory_path() / "hook_files_test.XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
    write("backups/10-dump", "dump\n");
  }
  ~HookFiles() override { fs::remove_all(root_); }

  void write(const std::string& path, std::string_view bytes) const {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path, std::ios::binary) << bytes;
  }

  HookContent content() const {
    auto read = read_hook_files(root_.string() + "/", "db-");
    EXPECT_TRUE(read) << (read ? "" : read.error().text);
    return read ? std::move(*read) : HookContent{};
  }

  Error refusal() const {
    auto read = read_hook_files(root_, "db-");
    EXPECT_FALSE(read);
    return read ? Error{ErrorCode::busy, "nothing"} : read.error();
  }

  void expect_refusal_of(const std::string& path, std::string_view why) const {
    const Error error = refusal();
    EXPECT_EQ(error.code, ErrorCode::invalid);
    EXPECT_NE(error.text.find(path), std::string::npos) << error.text;
    EXPECT_NE(error.text.find(why), std::string::npos) << error.text;
  }

  fs::path root_;
};

std::string all_of(const kubernetes::HookFiles& hook) {
  std::vector<std::string> files;
  for (const auto& file : hook.files) files.push_back(file.name + "=" + file.bytes + ";");
  std::sort(files.begin(), files.end());
  std::string text;
  for (const std::string& file : files) text += file;
  return text;
}

TEST_F(HookFiles, are_read_byte_for_byte) {
  const std::string bytes("\0\xff\r\n\n", 5);
  write("backups/20-bytes", bytes);
  write("on_error/empty", "");
  const HookContent found = content();
  ASSERT_EQ(found.hooks.size(), core::all_hooks.size());
  EXPECT_EQ(all_of(found.hooks[2]), "10-dump=dump\n;20-bytes=" + bytes + ";");
  EXPECT_EQ(all_of(found.hooks[4]), "empty=;");
  EXPECT_TRUE(found.hooks[0].files.empty());
  ASSERT_EQ(found.warnings.size(), 1u);
  EXPECT_NE(found.warnings[0].find("/on_error/empty' cannot be started: it is empty"), std::string::npos);
}

TEST_F(HookFiles, are_found_behind_links) {
  write("else/real", "text");
  fs::create_symlink(root_ / "else", root_ / "on_error");
  fs::create_symlink(root_ / "else/real", root_ / "backups/link");
  const HookContent found = content();
  EXPECT_EQ(all_of(found.hooks[2]), "10-dump=dump\n;link=text;");
  EXPECT_EQ(all_of(found.hooks[4]), "real=text;");
}

TEST_F(HookFiles, are_read_from_a_mounted_config_map) {
  write("on_error/..2026_11_23/tell", "text");
  fs::create_directory_symlink("..2026_11_23", root_ / "on_error/..data");
  fs::create_symlink("..data/tell", root_ / "on_error/tell");
  EXPECT_EQ(all_of(content().hooks[4]), "tell=text;");
}

TEST_F(HookFiles, may_be_hidden_but_not_unnoticed) {
  write("backups/.lib", "text");
  const HookContent found = content();
  EXPECT_EQ(all_of(found.hooks[2]), ".lib=text;10-dump=dump\n;");
  ASSERT_EQ(found.warnings.size(), 1u);
  EXPECT_NE(found.warnings[0].find("/backups/.lib' goes into the ConfigMap but will not run"), std::string::npos);
}

TEST_F(HookFiles, that_cannot_be_keys_are_refused) {
  write("backups/10 dump", "");
  expect_refusal_of("backups', file '10 dump'", "a key of a ConfigMap");
}

TEST_F(HookFiles, that_are_folders_are_refused) {
  fs::create_directory(root_ / "backups/lib");
  expect_refusal_of("backups/lib'", "is a folder");
}

TEST_F(HookFiles, that_are_no_files_are_refused) {
  ASSERT_EQ(::mkfifo((root_ / "backups/pipe").c_str(), 0600), 0);
  expect_refusal_of("backups/pipe'", "no regular file");
}

TEST_F(HookFiles, that_lead_nowhere_are_refused) {
  fs::create_symlink("nowhere", root_ / "backups/link");
  EXPECT_NE(refusal().text.find("backups/link'"), std::string::npos);
}

TEST_F(HookFiles, over_a_mebibyte_are_refused) {
  write("backups/large", std::string(kubernetes::config_map_limit_bytes, 'x'));
  EXPECT_EQ(content().hooks[2].files.size(), 2u);
  write("backups/large", std::string(kubernetes::config_map_limit_bytes + 1, 'x'));
  expect_refusal_of("backups/large'", "over 1 MiB");
}

TEST_F(HookFiles, in_a_misspelt_hook_are_warned_about) {
  write("before_backup/10-lock", "");
  const HookContent found = content();
  ASSERT_EQ(found.warnings.size(), 1u);
  EXPECT_NE(found.warnings[0].find("did you mean 'before_backups'?"), std::string::npos) << found.warnings[0];
}

TEST_F(HookFiles, beside_the_hooks_are_warned_about_unless_they_are_ours) {
  write("lib.sh", "");
  write("lib/functions.sh", "");
  write("db-config-maps.yaml", "");
  const HookContent found = content();
  ASSERT_EQ(found.warnings.size(), 2u);
  EXPECT_NE(found.warnings[0].find("/lib' is in no hook's folder"), std::string::npos) << found.warnings[0];
  EXPECT_NE(found.warnings[1].find("/lib.sh' is in no hook's folder"), std::string::npos) << found.warnings[1];
}

TEST_F(HookFiles, have_the_findings_of_check) {
  write("backups/10-empty", "");
  write("backups/20-windows", "echo\r\n");
  write("backups/30-late", "\n#!/bin/elsewhere\n");
  write("backups/40-pipe", "#!/bin/dash\ntrue\ndump | gzip >x\n");
  write("backups/50-guarded", "#!/bin/bash\ndump | gzip >x\n");
  const HookContent found = content();
  ASSERT_EQ(found.warnings.size(), 4u);
  const char* const parts[] = {"/30-late: its '#!' comes after blank lines", "/40-pipe:3: a pipe without pipefail",
                               "/10-empty' cannot be started: it is empty",
                               "/20-windows' cannot be started: its lines end with CRLF"};
  for (const char* const part : parts) {
    EXPECT_TRUE(std::any_of(found.warnings.begin(), found.warnings.end(), [&](const std::string& warning) {
      return warning.find(part) != std::string::npos;
    })) << part;
  }
}

TEST_F(HookFiles, need_a_folder) {
  const auto read = read_hook_files((root_ / "nowhere").string(), "db-");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace sidefridge::manifests
