// write_files_test.cc - all files or none.
#include "sidefridge/manifests/write_files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

namespace sidefridge::manifests {
namespace {

namespace fs = std::filesystem;
using kubernetes::OutputFile;

class WriteFiles : public testing::Test {
protected:
  WriteFiles() {
    std::string pattern = (fs::temp_directory_path() / "write_files_test.XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
  }
  ~WriteFiles() override { fs::remove_all(root_); }

  std::string read(const std::string& path) const {
    std::ifstream file(root_ / path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }

  std::size_t entries() const {
    return static_cast<std::size_t>(std::distance(fs::recursive_directory_iterator(root_), {}));
  }

  fs::path root_;
};

TEST_F(WriteFiles, makes_folders_and_files) {
  const std::vector<OutputFile> files{{"a.yaml", "a\n"}, {"more/b.yaml", ""}};
  ASSERT_TRUE(write_files(root_ / "x/y", files));
  EXPECT_EQ(read("x/y/a.yaml"), "a\n");
  EXPECT_TRUE(fs::is_regular_file(root_ / "x/y/more/b.yaml"));
  EXPECT_EQ(entries(), 5u);
}

TEST_F(WriteFiles, replaces_what_was_there) {
  const std::vector<OutputFile> old{{"a", "something longer"}};
  const std::vector<OutputFile> fresh{{"a", "short"}};
  ASSERT_TRUE(write_files(root_, old));
  fs::permissions(root_ / "a", fs::perms::owner_read);
  ASSERT_TRUE(write_files(root_, fresh));
  EXPECT_EQ(read("a"), "short");
  EXPECT_EQ(fs::status(root_ / "a").permissions(), fs::perms::owner_read);
  EXPECT_EQ(entries(), 1u);
}

TEST_F(WriteFiles, leaves_the_mode_of_what_was_there_and_gives_new_files_that_of_the_umask) {
  const mode_t before = ::umask(0022);
  const std::vector<OutputFile> files{{"kept", "1"}, {"new", "2"}};
  std::ofstream(root_ / "kept") << "old";
  ASSERT_EQ(::chmod((root_ / "kept").c_str(), 0600), 0);
  ASSERT_TRUE(write_files(root_, files));
  ::umask(before);
  const auto mode_of = [&](const char* name) { return static_cast<unsigned>(fs::status(root_ / name).permissions()); };
  EXPECT_EQ(mode_of("kept"), 0600U);
  EXPECT_EQ(mode_of("new"), 0644U);
  EXPECT_EQ(read("kept"), "1");
}

// The name that a process of this number would once have used.
TEST_F(WriteFiles, writes_through_no_link_that_waits_for_it) {
  std::ofstream(root_ / "elsewhere") << "mine";
  fs::create_symlink("elsewhere", root_ / (".a." + std::to_string(::getpid())));
  fs::create_symlink("elsewhere", root_ / "a");
  const std::vector<OutputFile> files{{"a", "text"}};
  ASSERT_TRUE(write_files(root_, files));
  EXPECT_EQ(read("elsewhere"), "mine");
  EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(root_ / "a")));
}

TEST_F(WriteFiles, leaves_all_as_it_was_when_one_cannot_be_written) {
  const std::vector<OutputFile> old{{"a", "old"}};
  ASSERT_TRUE(write_files(root_, old));
  fs::create_directory(root_ / "b");
  const std::vector<OutputFile> files{{"a", "new"}, {"b", "new"}};
  const auto written = write_files(root_, files);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::io);
  EXPECT_NE(written.error().text.find("/b'"), std::string::npos) << written.error().text;
  EXPECT_EQ(read("a"), "old");
  EXPECT_EQ(entries(), 2u);
}

TEST_F(WriteFiles, leaves_all_as_it_was_when_there_is_no_room) {
  const std::vector<OutputFile> old{{"a", "old"}, {"b", "old"}};
  ASSERT_TRUE(write_files(root_, old));
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{4096, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::vector<OutputFile> files{{"a", "new"}, {"b", std::string(5000, 'x')}};
  const auto written = write_files(root_, files);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_FALSE(written);
  EXPECT_EQ(read("a") + read("b"), "oldold");
  EXPECT_EQ(entries(), 2u);
}

// A file that may not be replaced shows only when its turn comes.
TEST_F(WriteFiles, puts_back_what_it_has_replaced_when_the_last_one_is_refused) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can forbid it to all";
  const std::vector<OutputFile> old{{"a", "old"}, {"c/d", "old"}};
  ASSERT_TRUE(write_files(root_, old));
  const int fd = ::open((root_ / "c/d").c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_GE(fd, 0);
  int flags = FS_IMMUTABLE_FL;
  if (::ioctl(fd, FS_IOC_SETFLAGS, &flags) != 0) GTEST_SKIP() << "this file system knows no immutable files";
  const std::vector<OutputFile> files{{"a", "new"}, {"b", "new"}, {"more/e", "new"}, {"c/d", "new"}};
  const auto written = write_files(root_, files);
  flags = 0;
  ASSERT_EQ(::ioctl(fd, FS_IOC_SETFLAGS, &flags), 0);
  ::close(fd);
  ASSERT_FALSE(written);
  EXPECT_NE(written.error().text.find("c/d'"), std::string::npos) << written.error().text;
  EXPECT_EQ(read("a") + read("c/d"), "oldold");
  EXPECT_EQ(entries(), 3u) << "nothing is left of b, more/e and the folder for new files";
}

TEST_F(WriteFiles, removes_what_a_killed_process_left) {
  fs::create_directory(root_ / ".make-k8s-cfg-files");
  std::ofstream(root_ / ".make-k8s-cfg-files" / "new-0") << "half";
  ASSERT_TRUE(write_files(root_, std::vector<OutputFile>{{"a", "text"}}));
  EXPECT_EQ(read("a"), "text");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(WriteFiles, refuses_to_write_while_another_process_does) {
  const fs::path staging = root_ / ".make-k8s-cfg-files";
  fs::create_directory(staging);
  const int fd = ::open(staging.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  ASSERT_EQ(::flock(fd, LOCK_EX), 0);
  const auto written = write_files(root_, std::vector<OutputFile>{{"a", "text"}});
  ::close(fd);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::busy);
  EXPECT_EQ(entries(), 1u);
}

TEST_F(WriteFiles, follows_no_link_below_the_folder) {
  fs::create_directory(root_ / "elsewhere");
  fs::create_directory(root_ / "out");
  fs::create_directory_symlink(root_ / "elsewhere", root_ / "out/more");
  const auto written = write_files(root_ / "out", std::vector<OutputFile>{{"a", "text"}, {"more/b", "text"}});
  ASSERT_FALSE(written);
  EXPECT_NE(written.error().text.find("out/more': it is a link"), std::string::npos) << written.error().text;
  EXPECT_TRUE(fs::is_empty(root_ / "elsewhere"));
  EXPECT_FALSE(fs::exists(root_ / "out/a"));
}

TEST_F(WriteFiles, names_the_folder_that_cannot_be_made) {
  const std::vector<OutputFile> files{{"a", "text"}};
  ASSERT_TRUE(write_files(root_, files));
  const auto written = write_files(root_ / "a/sub", files);
  ASSERT_FALSE(written);
  EXPECT_NE(written.error().text.find("/a': Not a directory"), std::string::npos) << written.error().text;
  EXPECT_EQ(read("a"), "text");
}

}  // namespace
}  // namespace sidefridge::manifests
