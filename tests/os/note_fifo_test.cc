// note_fifo_test.cc - notes through a FIFO, with and without somebody who reads them.
#include "sidefridge/os/note_fifo.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <string>

#include "fixture.h"

namespace sidefridge::os {
namespace {

using namespace std::chrono_literals;

TEST(NoteFifo, keeps_notes_until_they_are_drained) {
  const TempDir folder;
  NoteFifo fifo = NoteFifo::open(folder / "notes").value();
  EXPECT_EQ(fifo.drain(), "");
  EXPECT_TRUE(send_note(folder / "notes", "one\n", 0s).ok());
  EXPECT_TRUE(send_note(folder / "notes", "two\n", 0s).ok());
  EXPECT_TRUE(is_readable(fifo.fd()));
  EXPECT_EQ(fifo.drain(), "one\ntwo\n");
  EXPECT_FALSE(is_readable(fifo.fd()));
}

TEST(NoteFifo, is_ours_alone_and_serves_the_next_one_too) {
  const TempDir folder;
  { const NoteFifo first = NoteFifo::open(folder / "notes").value(); }
  NoteFifo next = NoteFifo::open(folder / "notes").value();
  struct stat status {};
  ASSERT_EQ(::stat((folder / "notes").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600U);
  EXPECT_TRUE(send_note(folder / "notes", "one\n", 0s).ok());
  EXPECT_EQ(next.drain(), "one\n");
}

TEST(NoteFifo, sends_nothing_where_nobody_reads) {
  const TempDir folder;
  EXPECT_EQ(send_note(folder / "notes", "one\n", 0s).error().code, ErrorCode::not_found);
  { const NoteFifo gone = NoteFifo::open(folder / "notes").value(); }
  EXPECT_EQ(send_note(folder / "notes", "one\n", 0s).error().code, ErrorCode::unavailable);
}

TEST(NoteFifo, does_not_wait_for_ever_for_room) {
  std::signal(SIGPIPE, SIG_IGN);
  const TempDir folder;
  NoteFifo fifo = NoteFifo::open(folder / "notes").value();
  const std::string note(longest_note_bytes, 'x');
  int sent = 0;
  while (send_note(folder / "notes", note, 0s).ok()) ++sent;
  EXPECT_EQ(send_note(folder / "notes", note, 10ms).error().code, ErrorCode::unavailable);
  EXPECT_EQ(fifo.drain().size(), static_cast<std::size_t>(sent) * note.size());
}

TEST(NoteFifo, takes_nothing_else_for_one) {
  const TempDir folder;
  std::ofstream(folder / "file") << "content";
  EXPECT_EQ(NoteFifo::open(folder / "file").error().code, ErrorCode::unavailable);
  EXPECT_FALSE(send_note(folder / "file", "one\n", 0s).ok());
  ASSERT_EQ(::symlink("file", (folder / "link").c_str()), 0);
  EXPECT_FALSE(NoteFifo::open(folder / "link").ok());
}

}  // namespace
}  // namespace sidefridge::os
