// output_stream_test.cc - one writer before pipes, terminals, sockets and files; slow readers, gone readers, full
// disks.
#include "sidefridge/os/output_stream.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "fixture.h"
#include "sidefridge/os/system_clock.h"

namespace sidefridge::os {
namespace {

using Flush = OutputStream::Flush;
using namespace std::chrono_literals;

class OutputStreamTest : public testing::Test {
protected:
  void SetUp() override {
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);
  }
};

bool is_blocking(int fd) {
  return (::fcntl(fd, F_GETFL) & O_NONBLOCK) == 0;
}

/// A numbered line, so that loss, doubling and disorder show.
std::string numbered(int number) {
  return "line " + std::to_string(number) + std::string(90, '.') + '\n';
}

/// Appends numbered lines until the stream blocks. Returns: how many.
int fill(OutputStream& stream) {
  int count = 0;
  do {
    stream.append(numbered(count++));
  } while (stream.flush() == Flush::drained);
  return count;
}

std::string numbered_lines(int count) {
  std::string text;
  for (int number = 0; number < count; ++number) text += numbered(number);
  return text;
}

std::string read_file(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

/// Reads what is there now.
std::string read_some(int fd) {
  std::string bytes(1 << 20, '\0');
  const ssize_t count = ::recv(fd, bytes.data(), bytes.size(), MSG_DONTWAIT);
  const ssize_t got = count >= 0 ? count : ::read(fd, bytes.data(), bytes.size());
  bytes.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  return bytes;
}

/// Fills the stream, reads it empty, and expects every byte once and in order. `read_fd` does not block.
void expect_back_pressure_without_loss(OutputStream& stream, int read_fd) {
  const int count = fill(stream);
  EXPECT_GT(stream.pending_bytes(), 0u);
  const std::string expected = numbered_lines(count);
  std::string got;
  while (got.size() < expected.size()) {
    std::array<pollfd, 2> either{
        {{read_fd, POLLIN, 0}, {stream.pending_bytes() > 0 ? stream.ready_fd() : -1, POLLIN, 0}}};
    ASSERT_GT(::poll(either.data(), either.size(), wait_limit_ms), 0);
    if (either[0].revents != 0) got += read_some(read_fd);
    if (either[1].revents != 0) stream.flush();
  }
  EXPECT_EQ(got, expected);
  EXPECT_EQ(stream.flush(), Flush::drained);
  EXPECT_EQ(stream.lost_lines(), 0u);
}

TEST_F(OutputStreamTest, waits_for_the_reader_of_a_pipe_and_loses_nothing) {
  const Pipe pipe = open_pipe().value();
  OutputStream stream = OutputStream::open(pipe.write_end.get()).value();
  expect_back_pressure_without_loss(stream, pipe.read_end.get());
}

TEST_F(OutputStreamTest, is_ready_only_when_the_reader_made_room) {
  const Pipe pipe = open_pipe().value();
  OutputStream stream = OutputStream::open(pipe.write_end.get()).value();
  fill(stream);
  EXPECT_FALSE(is_readable(stream.ready_fd()));
  read_some(pipe.read_end.get());
  EXPECT_TRUE(becomes_readable(stream.ready_fd()));
}

TEST_F(OutputStreamTest, leaves_a_shared_pipe_blocking_for_the_others) {
  const Pipe pipe = open_pipe().value();
  OutputStream stream = OutputStream::open(pipe.write_end.get()).value();
  fill(stream);
  EXPECT_TRUE(is_blocking(pipe.write_end.get()));
}

TEST_F(OutputStreamTest, writes_to_a_pipe_it_may_not_open_anew) {
  const Pipe pipe = open_pipe().value();
  ASSERT_EQ(::fchmod(pipe.write_end.get(), 0), 0);
  const WithoutRoot nobody;
  const std::string path = "/proc/self/fd/" + std::to_string(pipe.write_end.get());
  ASSERT_FALSE(UniqueFd(::open(path.c_str(), O_WRONLY | O_CLOEXEC)));
  OutputStream stream = OutputStream::open(pipe.write_end.get()).value();
  expect_back_pressure_without_loss(stream, pipe.read_end.get());
  EXPECT_TRUE(is_blocking(pipe.write_end.get()));
}

TEST_F(OutputStreamTest, waits_for_the_reader_of_a_socket_and_leaves_it_blocking) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  const UniqueFd ours(ends[0]);
  const UniqueFd theirs(ends[1]);
  OutputStream stream = OutputStream::open(ours.get()).value();
  expect_back_pressure_without_loss(stream, theirs.get());
  EXPECT_TRUE(is_blocking(ours.get()));
}

TEST_F(OutputStreamTest, survives_a_socket_that_was_closed) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  const UniqueFd ours(ends[0]);
  ::close(ends[1]);
  std::signal(SIGPIPE, SIG_DFL);
  OutputStream stream = OutputStream::open(ours.get()).value();
  stream.append("one\n");
  EXPECT_EQ(stream.flush(), Flush::broken);
  EXPECT_EQ(stream.lost_lines(), 1u);
}

TEST_F(OutputStreamTest, writes_to_a_terminal_that_others_share) {
  int controller = -1;
  int terminal = -1;
  termios raw{};
  ::cfmakeraw(&raw);
  ASSERT_EQ(::openpty(&controller, &terminal, nullptr, &raw, nullptr), 0);
  const UniqueFd screen(controller);
  const UniqueFd shared(terminal);
  ASSERT_EQ(::fcntl(screen.get(), F_SETFL, O_RDWR | O_NONBLOCK), 0);
  OutputStream stream = OutputStream::open(shared.get()).value();
  expect_back_pressure_without_loss(stream, screen.get());
  EXPECT_TRUE(is_blocking(shared.get()));
}

TEST_F(OutputStreamTest, continues_a_file_where_others_left_off) {
  const TempDir folder;
  const UniqueFd file(::open((folder / "log").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  ASSERT_EQ(::write(file.get(), "before\n", 7), 7);
  OutputStream stream = OutputStream::open(file.get()).value();
  EXPECT_EQ(stream.ready_fd(), -1);
  stream.append("ours\n");
  EXPECT_EQ(stream.flush(), Flush::drained);
  ASSERT_EQ(::write(file.get(), "after\n", 6), 6);
  stream.append("ours again\n");
  EXPECT_EQ(stream.flush(), Flush::drained);
  EXPECT_EQ(read_file(folder / "log"), "before\nours\nafter\nours again\n");
}

TEST_F(OutputStreamTest, takes_everything_for_dev_null) {
  const UniqueFd null(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  OutputStream stream = OutputStream::open(null.get()).value();
  EXPECT_EQ(stream.ready_fd(), -1);
  for (int round = 0; round < 10; ++round) {
    stream.append(std::string(1 << 20, 'x'));
    EXPECT_EQ(stream.flush(), Flush::drained);
  }
}

TEST_F(OutputStreamTest, counts_the_lines_a_full_disk_refuses_and_goes_on) {
  const UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  OutputStream stream = OutputStream::open(full.get()).value();
  stream.append("one\ntwo\n");
  EXPECT_EQ(stream.flush(), Flush::broken);
  EXPECT_EQ(stream.pending_bytes(), 0u);
  stream.append("three\n");
  EXPECT_EQ(stream.flush(), Flush::broken);
  EXPECT_EQ(stream.lost_lines(), 3u);
  EXPECT_EQ(stream.last_error(), ENOSPC);
}

TEST_F(OutputStreamTest, ends_the_line_that_a_full_disk_cut) {
  const TempDir folder;
  const UniqueFd file(::open((folder / "log").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  OutputStream stream = OutputStream::open(file.get()).value();
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &limit), 0);
  const rlimit unlimited = limit;
  limit.rlim_cur = 12;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  stream.append("whole\ncut off here\nlost\n");
  EXPECT_EQ(stream.flush(), Flush::broken);
  // Nothing waits that could never be written.
  EXPECT_EQ(stream.pending_bytes(), 0u);
  EXPECT_EQ(stream.flush(), Flush::drained);
  stream.append("lost, too\n");
  EXPECT_EQ(stream.flush(), Flush::broken);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &unlimited), 0);
  stream.append("there is room\n");
  EXPECT_EQ(stream.flush(), Flush::drained);
  EXPECT_EQ(read_file(folder / "log"), "whole\ncut of\nthere is room\n");
  EXPECT_EQ(stream.lost_lines(), 3u);
}

TEST_F(OutputStreamTest, drops_and_counts_while_nobody_reads_a_pipe) {
  Pipe pipe = open_pipe().value();
  OutputStream stream = OutputStream::open(pipe.write_end.get()).value();
  const int count = fill(stream);
  pipe.read_end.reset();
  ASSERT_TRUE(becomes_readable(stream.ready_fd()));
  EXPECT_EQ(stream.flush(), Flush::broken);
  EXPECT_FALSE(stream.congested());
  EXPECT_GT(stream.lost_lines(), 0u);
  EXPECT_LT(stream.lost_lines(), static_cast<std::uint64_t>(count));
  const std::uint64_t lost = stream.lost_lines();
  stream.append("more\n");
  EXPECT_EQ(stream.flush(), Flush::broken);
  EXPECT_EQ(stream.lost_lines(), lost + 1);
  EXPECT_EQ(stream.last_error(), EPIPE);
}

TEST_F(OutputStreamTest, flows_again_when_a_fifo_has_a_new_reader) {
  const TempDir folder;
  ASSERT_EQ(::mkfifo((folder / "fifo").c_str(), 0600), 0);
  UniqueFd reader(::open((folder / "fifo").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  const UniqueFd writer(::open((folder / "fifo").c_str(), O_WRONLY | O_CLOEXEC));
  OutputStream stream = OutputStream::open(writer.get()).value();
  reader.reset();
  stream.append("lost\n");
  EXPECT_EQ(stream.flush(), Flush::broken);
  reader.reset(::open((folder / "fifo").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  stream.append("heard\n");
  EXPECT_EQ(stream.flush(), Flush::drained);
  EXPECT_EQ(read_some(reader.get()), "heard\n");
}

TEST_F(OutputStreamTest, is_congested_from_the_high_water_mark_on) {
  const Pipe pipe = open_pipe().value();
  OutputStream stream = OutputStream::open(pipe.write_end.get()).value();
  stream.append(std::string(OutputStream::high_water_bytes - 1, 'x'));
  EXPECT_FALSE(stream.congested());
  stream.append("x");
  EXPECT_TRUE(stream.congested());
}

TEST_F(OutputStreamTest, gives_memory_back_after_a_stall) {
  const UniqueFd null(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  OutputStream stream = OutputStream::open(null.get()).value();
  stream.append(std::string(4 * OutputStream::high_water_bytes, 'x'));
  EXPECT_EQ(stream.flush(), Flush::drained);
  EXPECT_LT(stream.buffer().capacity(), OutputStream::high_water_bytes);
}

TEST_F(OutputStreamTest, drains_as_soon_as_somebody_reads) {
  Pipe pipe = open_pipe().value();
  OutputStream stream = OutputStream::open(pipe.write_end.get()).value();
  const int count = fill(stream);
  stream.append("the end\n");
  std::string got;
  std::thread reader([&] { got = read_to_end(pipe.read_end.get()); });
  EXPECT_EQ(stream.drain_until(sample_now().mono + 20s), Flush::drained);
  pipe.write_end.reset();
  { const OutputStream ends_here = std::move(stream); }
  reader.join();
  EXPECT_EQ(got, numbered_lines(count) + "the end\n");
}

TEST_F(OutputStreamTest, stops_draining_at_the_deadline) {
  const Pipe pipe = open_pipe().value();
  OutputStream stream = OutputStream::open(pipe.write_end.get()).value();
  fill(stream);
  const MonoTime deadline = sample_now().mono + 50ms;
  EXPECT_EQ(stream.drain_until(deadline), Flush::blocked);
  EXPECT_GE(sample_now().mono, deadline);
  EXPECT_EQ(stream.drain_until(deadline), Flush::blocked);  // a deadline in the past
}

TEST_F(OutputStreamTest, refuses_what_is_written_to_a_descriptor_that_is_open_for_reading) {
  const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  OutputStream stream = OutputStream::open(null.get()).value();
  stream.append("line\n");
  EXPECT_EQ(stream.flush(), Flush::broken);
  EXPECT_EQ(stream.last_error(), EBADF);
}

TEST_F(OutputStreamTest, names_a_descriptor_that_is_closed) {
  const auto stream = OutputStream::open(987);
  ASSERT_FALSE(stream.ok());
  EXPECT_NE(stream.error().text.find("descriptor 987"), std::string::npos);
}

}  // namespace
}  // namespace sidefridge::os
