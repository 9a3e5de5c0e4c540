// lane.h - jobs done off the loop thread, one after the other.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "sidefridge/base/result.h"
#include "sidefridge/loop/loop.h"

namespace sidefridge::loop {

/// A thread, and a queue of jobs for it: one at a time and in order. A job that hangs holds up its own lane alone.
/// Owns:   its thread and its jobs; jobs are destroyed on the loop thread. Neither copied nor moved.
/// Thread: loop thread only; of a job, `work` alone runs on the lane's.
/// Blocks: never. Between two jobs no thread wakes up.
/// Requires: destroyed before its loop. What the work of a job uses outlives that work, which may be longer than the
/// lane: if abandon() says that a job has begun, it is to be kept for good.
/// How the process ends: if a job may hang, by _exit(2), because exit(3) destroys what that job uses.
class Lane {
public:
  /// Starts the thread, with every signal blocked. Where the system forbids threads (EPERM: glibc's clone3(2) under the
  /// seccomp profile of an old container runtime) the loop thread does the jobs itself, each in a turn of its own.
  /// Errors: io: the system allows no more threads (RLIMIT_NPROC, a pids limit), or memory or descriptors are short.
  static Result<std::unique_ptr<Lane>> open(Loop& loop);

  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;
  /// As abandon(). Waits for the thread, unless a job has begun: then the thread ends after that.
  ~Lane();

  /// Whether a job that hangs holds up nobody but its lane.
  bool has_thread() const noexcept;

  /// Calls `work()` on the lane's thread, after all jobs before this one; then, in a later turn of the loop,
  /// `done(result of work)`, or `done()` if work returns nothing. The next job begins when `done` has returned.
  /// Requires: neither throws. `done` is a callback of the loop: it only posts. It may destroy the lane.
  template <class Work, class Done>
  void post(Work work, Done done);

  /// Returns: how many jobs were posted whose `done` is still to be called.
  std::size_t pending() const noexcept;
  bool idle() const noexcept { return pending() == 0; }

  /// So many that a job must be hanging: what can be left out is not to be posted now, so that memory has its limit.
  static constexpr std::size_t most_pending = 1000;
  bool full() const noexcept { return pending() >= most_pending; }

  /// Forgets all jobs: those not begun never begin, and no `done` is called. What is posted later waits all the same
  /// until the work that has begun has returned; a new lane does not.
  /// Returns: whether the work of a job has begun and may still be going on.
  bool abandon() noexcept;

private:
  class Job {
  public:
    virtual ~Job() = default;
    virtual void work() noexcept = 0;
    virtual void done() noexcept = 0;
  };
  template <class Work, class Done>
  class TypedJob;
  struct Worker;

  explicit Lane(Worker* worker) noexcept;
  void push(std::unique_ptr<Job> job);
  void begin_next();

  std::deque<std::unique_ptr<Job>> waiting_;
  Worker* worker_;  // its own owner, because it may outlive the lane
};

template <class Work, class Done>
class Lane::TypedJob final : public Job {
public:
  TypedJob(Work work, Done done) : work_(std::move(work)), done_(std::move(done)) {}

  void work() noexcept override {
    if constexpr (std::is_void_v<Returned>) {
      work_();
    } else {
      returned_.emplace(work_());
    }
  }

  void done() noexcept override {
    if constexpr (std::is_void_v<Returned>) {
      done_();
    } else {
      done_(*std::move(returned_));
    }
  }

private:
  using Returned = std::invoke_result_t<Work&>;

  Work work_;
  Done done_;
  std::optional<std::conditional_t<std::is_void_v<Returned>, std::monostate, Returned>> returned_;
};

template <class Work, class Done>
void Lane::post(Work work, Done done) {
  push(std::make_unique<TypedJob<Work, Done>>(std::move(work), std::move(done)));
}

}  // namespace sidefridge::loop
