// lane.cc - a thread that waits for one job at a time, and a uv_async_t that tells the loop of its end.
#include "sidefridge/loop/lane.h"

#include <uv.h>

#include <condition_variable>
#include <csignal>
#include <mutex>
#include <utility>

namespace sidefridge::loop {
namespace {

// Threads inherit the mask of the one that starts them, and a signal that all threads but one block is that one's.
class AllSignalsBlocked {
public:
  AllSignalsBlocked() noexcept {
    sigset_t all;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  AllSignalsBlocked(const AllSignalsBlocked&) = delete;
  AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;
  ~AllSignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

private:
  sigset_t before_;
};

}  // namespace

// What the two threads share. The loop's makes and destroys it: when the lane is gone and no job is in work.
struct Lane::Worker {
  enum class State { idle, working, telling };

  // The loop thread's alone.
  uv_async_t returned{};
  uv_thread_t thread{};
  Lane* lane = nullptr;  // null once that is gone
  bool has_thread = true;
  State state = State::idle;
  bool awaited = false;  // the job's `done` is to be called

  std::unique_ptr<Job> job;  // the worker's from when `begun` is set until `over` is
  std::mutex mutex;
  std::condition_variable change;
  // Under the mutex.
  bool begun = false;   // the job waits for the thread
  bool over = false;    // the work of the job has returned
  bool ending = false;  // the thread is to return

  // The thread.
  void run() {
    std::unique_lock lock(mutex);
    for (;;) {
      change.wait(lock, [this] { return begun || ending; });
      if (ending) return;
      begun = false;
      lock.unlock();
      job->work();
      lock.lock();
      over = true;
      uv_async_send(&returned);
    }
  }

  void begin(std::unique_ptr<Job> next) {
    job = std::move(next);
    state = State::working;
    awaited = true;
    const std::lock_guard lock(mutex);
    begun = true;
    if (has_thread) {
      change.notify_one();
    } else {
      uv_async_send(&returned);
    }
  }

  // Returns: whether the job waited still.
  bool take_back() {
    {
      const std::lock_guard lock(mutex);
      if (!std::exchange(begun, false)) return false;
    }
    job.reset();
    state = State::idle;
    return true;
  }

  // On the loop thread, after the work of a job returned; where there is no other thread, before it begins.
  void hear() {
    if (!has_thread && std::exchange(begun, false)) {
      job->work();
      over = true;
    }
    {
      const std::lock_guard lock(mutex);
      if (!std::exchange(over, false)) return;
    }
    state = State::telling;
    if (std::exchange(awaited, false)) job->done();
    job.reset();
    state = State::idle;
    if (lane == nullptr) {
      end();
    } else {
      lane->begin_next();
    }
  }

  // Requires: idle.
  void end() {
    {
      const std::lock_guard lock(mutex);
      ending = true;
      change.notify_one();
    }
    if (has_thread) uv_thread_join(&thread);
    close();
  }

  void close() {
    uv_close(reinterpret_cast<uv_handle_t*>(&returned),
             [](uv_handle_t* handle) { delete static_cast<Worker*>(handle->data); });
  }
};

Result<std::unique_ptr<Lane>> Lane::open(Loop& loop) {
  auto worker = std::make_unique<Worker>();
  worker->returned.data = worker.get();
  const int watched = uv_async_init(loop.handle(), &worker->returned,
                                    [](uv_async_t* async) { static_cast<Worker*>(async->data)->hear(); });
  if (watched != 0) return system_error("cannot watch a thread", -watched);
  const AllSignalsBlocked while_it_starts;
  const int started = uv_thread_create(
      &worker->thread, [](void* self) { static_cast<Worker*>(self)->run(); }, worker.get());
  if (started == UV_EPERM) {
    worker->has_thread = false;
  } else if (started != 0) {
    worker.release()->close();
    if (started != UV_EAGAIN) return system_error("cannot start a thread", -started);
    return Error{ErrorCode::io,
                 "cannot start a thread: the system allows no more (RLIMIT_NPROC or the pod's pids limit)"};
  }
  return std::unique_ptr<Lane>(new Lane(worker.release()));
}

Lane::Lane(Worker* worker) noexcept : worker_(worker) {
  worker_->lane = this;
}

bool Lane::has_thread() const noexcept {
  return worker_->has_thread;
}

Lane::~Lane() {
  abandon();
  worker_->lane = nullptr;
  // Else it ends when it has heard of the job.
  if (worker_->state == Worker::State::idle) worker_->end();
}

std::size_t Lane::pending() const noexcept {
  return waiting_.size() + (worker_->awaited ? 1 : 0);
}

bool Lane::abandon() noexcept {
  waiting_.clear();
  worker_->awaited = false;
  return worker_->state == Worker::State::working && !worker_->take_back();
}

void Lane::push(std::unique_ptr<Job> job) {
  waiting_.push_back(std::move(job));
  if (worker_->state == Worker::State::idle) begin_next();
}

void Lane::begin_next() {
  if (waiting_.empty()) return;
  std::unique_ptr<Job> next = std::move(waiting_.front());
  waiting_.pop_front();
  worker_->begin(std::move(next));
}

}  // namespace sidefridge::loop
