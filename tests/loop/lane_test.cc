// lane_test.cc - the order of jobs, on which thread each half runs, and what becomes of jobs that nobody awaits.
#include "sidefridge/loop/lane.h"

#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <filesystem>
#include <future>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "fixture.h"

namespace sidefridge::loop {
namespace {

/// Where work waits until the test lets it go on.
class Gate {
public:
  /// For the work of a job.
  void pass() {
    reached_.set_value();
    opened_.get_future().wait();
  }
  void wait_until_reached() { reached_.get_future().wait(); }
  void open() { opened_.set_value(); }

private:
  std::promise<void> reached_;
  std::promise<void> opened_;
};

TEST(Lane, works_on_another_thread_and_is_done_on_the_loop_thread) {
  TestLoop test;
  const std::unique_ptr<Lane> lane = Lane::open(test.loop()).value();
  std::thread::id worker;
  std::thread::id teller;
  lane->post([&] { worker = std::this_thread::get_id(); }, [&] { teller = std::this_thread::get_id(); });
  test.run_until([&] { return lane->idle(); });
  EXPECT_NE(worker, std::thread::id());
  EXPECT_NE(worker, std::this_thread::get_id());
  EXPECT_EQ(teller, std::this_thread::get_id());
}

#ifdef __GLIBC__
constexpr bool starts_threads_by_clone3 = true;
#else
constexpr bool starts_threads_by_clone3 = false;
#endif

/// From here on threads are refused, as an old seccomp profile refuses glibc's way to start one. (musl has another.)
bool forbid_threads() {
  const sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_clone3, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{std::size(filter), const_cast<sock_filter*>(filter)};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

TEST(Lane, without_a_thread_the_loop_does_the_jobs_in_turns_of_their_own) {
  EXPECT_EXIT(
      {
        if (!forbid_threads()) ::_exit(2);
        TestLoop test;
        const Result<std::unique_ptr<Lane>> lane = Lane::open(test.loop());
        if (!lane) ::_exit(3);
        if (starts_threads_by_clone3 && (*lane)->has_thread()) ::_exit(6);
        std::string told;
        (*lane)->post([] { return std::string("one "); }, [&](const std::string& work) { told += work; });
        (*lane)->post([&] { told += "two "; }, [&] { told += "done"; });
        if (!told.empty() || (*lane)->pending() != 2) ::_exit(4);
        test.run_until([&] { return (*lane)->idle(); });
        (*lane)->post([&] { told += "never"; }, [] {});
        (*lane)->abandon();
        ::_exit(told == "one two done" ? 0 : 5);
      },
      ::testing::ExitedWithCode(0), "");
}

TEST(Lane, hands_over_what_work_returned) {
  TestLoop test;
  const std::unique_ptr<Lane> lane = Lane::open(test.loop()).value();
  std::unique_ptr<std::string> answer;
  // Neither the job nor its result can be copied.
  lane->post([word = std::make_unique<std::string>("stored")]() mutable { return std::move(word); },
             [&](std::unique_ptr<std::string> returned) { answer = std::move(returned); });
  test.run_until([&] { return lane->idle(); });
  ASSERT_NE(answer, nullptr);
  EXPECT_EQ(*answer, "stored");
}

TEST(Lane, is_done_in_a_later_turn_even_if_work_takes_no_time) {
  TestLoop test;
  const std::unique_ptr<Lane> lane = Lane::open(test.loop()).value();
  bool done = false;
  lane->post([] {}, [&] { done = true; });
  EXPECT_FALSE(done);
  test.run_until([&] { return done; });
}

TEST(Lane, does_its_jobs_one_at_a_time_and_in_order) {
  TestLoop test;
  const std::unique_ptr<Lane> lane = Lane::open(test.loop()).value();
  std::atomic<int> going = 0;
  std::vector<int> begun;  // written by works alone, which are never two at once
  std::vector<int> done;
  for (int number = 0; number < 100; ++number) {
    lane->post(
        [&, number] {
          EXPECT_EQ(++going, 1);
          begun.push_back(number);
          EXPECT_EQ(--going, 0);
        },
        [&, number] {
          // Nor does a work go on while a `done` of its lane is called.
          EXPECT_EQ(begun.back(), number);
          done.push_back(number);
        });
  }
  test.run_until([&] { return lane->idle(); });
  ASSERT_EQ(done.size(), 100U);
  for (int number = 0; number < 100; ++number) EXPECT_EQ(done[static_cast<std::size_t>(number)], number);
  EXPECT_EQ(begun, done);
}

TEST(Lane, counts_what_is_not_done) {
  TestLoop test;
  const std::unique_ptr<Lane> lane = Lane::open(test.loop()).value();
  EXPECT_TRUE(lane->idle());
  std::vector<std::size_t> pending;
  for (int number = 0; number < 3; ++number) lane->post([] {}, [&] { pending.push_back(lane->pending()); });
  EXPECT_EQ(lane->pending(), 3U);
  EXPECT_FALSE(lane->idle());
  test.run_until([&] { return lane->idle(); });
  EXPECT_EQ(pending, (std::vector<std::size_t>{2, 1, 0}));
}

TEST(Lane, takes_a_job_from_the_end_of_another) {
  TestLoop test;
  const std::unique_ptr<Lane> lane = Lane::open(test.loop()).value();
  std::string order;
  lane->post([] {},
             [&] {
               order += "a";
               lane->post([] {}, [&] { order += "c"; });
             });
  lane->post([] {}, [&] { order += "b"; });
  test.run_until([&] { return lane->idle(); });
  EXPECT_EQ(order, "abc");
}

TEST(Lane, is_not_held_up_by_a_job_of_another_lane) {
  TestLoop test;
  const std::unique_ptr<Lane> stuck = Lane::open(test.loop()).value();
  const std::unique_ptr<Lane> other = Lane::open(test.loop()).value();
  Gate gate;
  stuck->post([&] { gate.pass(); }, [] {});
  bool done = false;
  other->post([] {}, [&] { done = true; });
  test.run_until([&] { return done; });
  EXPECT_EQ(stuck->pending(), 1U);
  gate.open();
  test.run_until([&] { return stuck->idle(); });
}

int threads() {
  return static_cast<int>(std::distance(std::filesystem::directory_iterator("/proc/self/task"), {}));
}

TEST(Lane, has_a_thread_as_long_as_it_lives) {
  TestLoop test;
  EXPECT_EQ(threads(), 1);
  {
    const std::unique_ptr<Lane> first = Lane::open(test.loop()).value();
    const std::unique_ptr<Lane> second = Lane::open(test.loop()).value();
    EXPECT_EQ(threads(), 3);
    second->post([] {}, [] {});
    test.run_until([&] { return second->idle(); });
    EXPECT_EQ(threads(), 3);
  }
  EXPECT_EQ(threads(), 1);
}

TEST(Lane, leaves_signals_to_the_loop_thread) {
  TestLoop test;
  const std::unique_ptr<Lane> lane = Lane::open(test.loop()).value();
  sigset_t before;
  ASSERT_EQ(::pthread_sigmask(SIG_SETMASK, nullptr, &before), 0);
  ASSERT_EQ(sigismember(&before, SIGTERM), 0);
  sigset_t mask;
  sigemptyset(&mask);
  lane->post([&] { ::pthread_sigmask(SIG_SETMASK, nullptr, &mask); }, [] {});
  test.run_until([&] { return lane->idle(); });
  for (const int signal : {SIGTERM, SIGINT, SIGCHLD, SIGHUP}) EXPECT_EQ(sigismember(&mask, signal), 1) << signal;
  sigset_t after;
  ASSERT_EQ(::pthread_sigmask(SIG_SETMASK, nullptr, &after), 0);
  EXPECT_EQ(sigismember(&after, SIGTERM), 0);
}

TEST(Lane, forgets_what_has_not_begun_when_it_is_abandoned) {
  TestLoop test;
  const std::unique_ptr<Lane> lane = Lane::open(test.loop()).value();
  Gate gate;
  std::atomic<bool> second_begun = false;
  lane->post([&] { gate.pass(); }, [] { ADD_FAILURE(); });
  lane->post([&] { second_begun = true; }, [] { ADD_FAILURE(); });
  gate.wait_until_reached();
  EXPECT_TRUE(lane->abandon());
  EXPECT_TRUE(lane->idle());
  gate.open();
  // What is posted now waits for the work that was abandoned, and comes after its end has been heard.
  bool done = false;
  lane->post([] {}, [&] { done = true; });
  EXPECT_EQ(lane->pending(), 1U);
  test.run_until([&] { return done; });
  EXPECT_FALSE(second_begun);
}

TEST(Lane, has_nothing_to_abandon_before_the_first_job_and_after_the_last) {
  TestLoop test;
  const std::unique_ptr<Lane> lane = Lane::open(test.loop()).value();
  EXPECT_FALSE(lane->abandon());
  lane->post([] {}, [] {});
  test.run_until([&] { return lane->idle(); });
  EXPECT_FALSE(lane->abandon());
}

TEST(Lane, tells_nobody_once_it_is_gone) {
  TestLoop test;
  std::unique_ptr<Lane> lane = Lane::open(test.loop()).value();
  Gate gate;
  auto freed = std::make_shared<int>();
  const std::weak_ptr<int> watched = freed;
  lane->post([&gate, freed = std::move(freed)] { gate.pass(); }, [] { ADD_FAILURE(); });
  lane->post([] { ADD_FAILURE(); }, [] { ADD_FAILURE(); });
  gate.wait_until_reached();
  lane.reset();
  EXPECT_FALSE(watched.expired()) << "work has what it uses until it returns";
  gate.open();
  test.run_until([&] { return watched.expired(); });
}

TEST(Lane, may_be_destroyed_by_the_end_of_its_job) {
  TestLoop test;
  std::unique_ptr<Lane> lane = Lane::open(test.loop()).value();
  lane->post([] {}, [&] { lane.reset(); });
  lane->post([] { ADD_FAILURE(); }, [] { ADD_FAILURE(); });
  test.run_until([&] { return lane == nullptr; });
  test.run_until_idle();
}

TEST(Lane, lets_its_loop_go_with_a_job_in_work) {
  Gate gate;
  std::promise<void> returned;
  {
    TestLoop test;
    const std::unique_ptr<Lane> lane = Lane::open(test.loop()).value();
    lane->post(
        [&] {
          gate.pass();
          returned.set_value();
        },
        [] { ADD_FAILURE(); });
    lane->post([] { ADD_FAILURE(); }, [] { ADD_FAILURE(); });
    gate.wait_until_reached();
  }
  gate.open();
  returned.get_future().wait();
}

TEST(LaneDeathTest, lets_the_process_end_while_a_job_hangs) {
  const auto end_with_a_job_that_hangs = [] {
    std::array<int, 2> never{};
    if (::pipe(never.data()) != 0) ::_exit(1);
    {
      TestLoop test;
      const std::unique_ptr<Lane> lane = Lane::open(test.loop()).value();
      std::promise<void> begun;
      lane->post(
          [&begun, from = never[0]] {
            begun.set_value();
            char byte = 0;
            return ::read(from, &byte, 1);
          },
          [](ssize_t) {});
      begun.get_future().wait();
    }
    ::_exit(7);
  };
  EXPECT_EXIT(end_with_a_job_that_hangs(), testing::ExitedWithCode(7), "");
}

}  // namespace
}  // namespace sidefridge::loop
