// read_file_test.cc - small files of every kind.
#include "sidefridge/os/read_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <string>

#include "fixture.h"

namespace sidefridge::os {
namespace {

TEST(ReadFile, gives_all_bytes_of_a_file_of_any_size) {
  const TempDir dir;
  for (const std::size_t size : {0U, 1U, 4095U, 4096U, 4097U, 100'000U}) {
    std::string content(size, 'x');
    if (size > 0) content.back() = '\0';
    EXPECT_EQ(read_file(dir.write("file", content), 1'000'000, Readable::regular), content) << size;
  }
}

TEST(ReadFile, gives_no_more_than_the_limit) {
  const TempDir dir;
  const std::string path = dir.write("file", std::string(9000, 'x'));
  for (const std::size_t limit : {0U, 1U, 4096U, 8192U, 8999U, 9000U}) {
    EXPECT_EQ(read_file(path, limit, Readable::regular), std::string(limit, 'x'));
  }
  EXPECT_EQ(read_file(path, 9001, Readable::regular), std::string(9000, 'x'));
}

TEST(ReadFile, reads_a_file_of_proc_to_its_end_although_its_size_is_zero) {
  // More than one page, and than a read of such a file gives at once.
  const auto maps = read_file("/proc/self/smaps", 1 << 30, Readable::regular);
  ASSERT_TRUE(maps.has_value());
  EXPECT_GT(maps->size(), 8192U);
  EXPECT_TRUE(maps->ends_with('\n'));
}

TEST(ReadFile, says_by_errno_why_it_gives_nothing) {
  const TempDir dir;
  const auto reason = [](const std::string& path) {
    errno = 0;
    return read_file(path, 100, Readable::regular) ? 0 : errno;
  };
  ASSERT_EQ(::mkfifo((dir / "fifo").c_str(), 0600), 0);
  dir.write("file", "x");
  dir.link("loop", "loop");
  dir.link("file", "link");
  EXPECT_EQ(reason(dir / "missing"), ENOENT);
  EXPECT_EQ(reason(dir / "file/below"), ENOTDIR);
  EXPECT_EQ(reason(dir / "loop"), ELOOP);
  EXPECT_EQ(reason(dir.path()), EISDIR);
  EXPECT_EQ(reason(dir / "fifo"), EOPNOTSUPP);
  EXPECT_EQ(reason("/dev/zero"), EOPNOTSUPP);
  EXPECT_EQ(reason(dir / "link"), 0);
}

TEST(ReadFile, does_not_wait_for_anybody_at_a_fifo) {
  const TempDir dir;
  const std::string path = dir / "fifo";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(read_file(path, 100, Readable::anything), "");
  const UniqueFd both(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  errno = 0;
  EXPECT_EQ(read_file(path, 100, Readable::anything), std::nullopt);
  EXPECT_EQ(errno, EAGAIN);
  ASSERT_EQ(::write(both.get(), "word", 4), 4);
  EXPECT_EQ(read_file(path, 4, Readable::anything), "word");
}

TEST(ReadFile, reads_a_device_up_to_the_limit) {
  EXPECT_EQ(read_file("/dev/zero", 5000, Readable::anything), std::string(5000, '\0'));
  EXPECT_EQ(read_file("/dev/null", 5000, Readable::anything), "");
}

}  // namespace
}  // namespace sidefridge::os
