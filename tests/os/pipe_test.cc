#include "sidefridge/os/pipe.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "fixture.h"

namespace sidefridge::os {
namespace {

TEST(Pipe, only_its_read_end_does_not_block) {
  const Pipe pipe = *open_pipe();
  EXPECT_NE(::fcntl(pipe.read_end.get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_EQ(::fcntl(pipe.write_end.get(), F_GETFL) & O_NONBLOCK, 0);
}

TEST(Pipe, both_ends_are_close_on_exec) {
  const Pipe pipe = *open_pipe();
  EXPECT_EQ(::fcntl(pipe.read_end.get(), F_GETFD), FD_CLOEXEC);
  EXPECT_EQ(::fcntl(pipe.write_end.get(), F_GETFD), FD_CLOEXEC);
}

TEST(Pipe, has_the_capacity_asked_for) {
  const Pipe pipe = *open_pipe(256 * 1024);
  EXPECT_EQ(::fcntl(pipe.write_end.get(), F_GETPIPE_SZ), 256 * 1024);
}

TEST(Pipe, keeps_the_kernels_capacity_where_another_is_refused) {
  const std::size_t beyond_int = std::size_t{1} << 31;
  const Result<Pipe> pipe = open_pipe(beyond_int);
  ASSERT_TRUE(pipe.ok());
  EXPECT_GT(::fcntl(pipe->write_end.get(), F_GETPIPE_SZ), 0);
}

TEST(Pipe, forgets_what_a_program_did_to_its_end) {
  const Pipe pipe = *open_pipe();
  const int fd = pipe.write_end.get();
  ASSERT_EQ(::fcntl(fd, F_SETFL, O_WRONLY | O_NONBLOCK | O_APPEND | O_DIRECT), 0);
  reset_pipe_flags(fd);
  EXPECT_EQ(::fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK | O_APPEND | O_DIRECT), O_WRONLY);
}

TEST(Pipe, tells_how_many_bytes_wait) {
  const Pipe pipe = *open_pipe();
  EXPECT_EQ(bytes_waiting(pipe.read_end.get()), 0U);
  ASSERT_EQ(::write(pipe.write_end.get(), "12345", 5), 5);
  EXPECT_EQ(bytes_waiting(pipe.read_end.get()), 5U);
  char c = 0;
  ASSERT_EQ(::read(pipe.read_end.get(), &c, 1), 1);
  EXPECT_EQ(bytes_waiting(pipe.read_end.get()), 4U);
}

TEST(Pipe, knows_what_waits_after_the_writer_has_gone) {
  Pipe pipe = *open_pipe();
  ASSERT_EQ(::write(pipe.write_end.get(), "12345", 5), 5);
  pipe.write_end.reset();
  EXPECT_EQ(bytes_waiting(pipe.read_end.get()), 5U);
}

}  // namespace
}  // namespace sidefridge::os
