// lane.cc - uv_queue_work.
#include "sidefridge/loop/lane.h"

#include <uv.h>

#include <csignal>
#include <cstdlib>
#include <string>

#include "sidefridge/base/check.h"

namespace sidefridge::loop {

struct Lane::Request {
  uv_work_t work;
  std::unique_ptr<Job> job;
  Lane* lane;           // null once that is gone
  bool awaited = true;  // its `done` is to be called
};

namespace {

// Threads inherit the mask of whoever begins them, and a signal that all threads but one block is that one's alone.
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

Lane::Lane(Loop& loop) noexcept : loop_(loop.handle()) {
  // libuv reads this when it begins its threads, once in the life of the process.
  ::setenv("UV_THREADPOOL_SIZE", std::to_string(threads).c_str(), 1);
}

Lane::~Lane() {
  abandon();
  if (in_work_ != nullptr) in_work_->lane = nullptr;
}

std::size_t Lane::pending() const noexcept {
  return waiting_.size() + (in_work_ != nullptr && in_work_->awaited ? 1 : 0);
}

bool Lane::abandon() noexcept {
  waiting_.clear();
  if (in_work_ == nullptr) return false;
  in_work_->awaited = false;
  // What is cancelled is reported as well, in a later turn.
  return uv_cancel(reinterpret_cast<uv_req_t*>(&in_work_->work)) != 0;
}

void Lane::push(std::unique_ptr<Job> job) {
  waiting_.push_back(std::move(job));
  if (in_work_ == nullptr) begin_next();
}

void Lane::begin_next() {
  if (waiting_.empty()) return;
  in_work_ = new Request{.work = {}, .job = std::move(waiting_.front()), .lane = this};
  waiting_.pop_front();
  in_work_->work.data = in_work_;
  const AllSignalsBlocked while_threads_begin;
  const int code = uv_queue_work(
      loop_, &in_work_->work, [](uv_work_t* work) { static_cast<Request*>(work->data)->job->work(); },
      [](uv_work_t* work, int) {
        const std::unique_ptr<Request> over(static_cast<Request*>(work->data));
        if (over->awaited) {
          over->awaited = false;
          over->job->done();
        }
        if (over->lane == nullptr) return;
        over->lane->in_work_ = nullptr;
        over->lane->begin_next();
      });
  check(code == 0, "a job can be queued");
}

}  // namespace sidefridge::loop
