// fd_watch.cc - uv_poll_t.
#include "sidefridge/loop/fd_watch.h"

#include <uv.h>

#include <string>
#include <utility>

#include "sidefridge/base/check.h"

namespace sidefridge::loop {

struct FdWatch::Handle {
  uv_poll_t poll;
  FdListener* listener;
  Interest interest = Interest::nothing;
};

namespace {

int poll_events_of(Interest interest) noexcept {
  switch (interest) {
    case Interest::nothing: return 0;
    case Interest::input: return UV_READABLE;
    case Interest::news: return UV_PRIORITIZED;
  }
  return 0;
}

}  // namespace

Result<FdWatch> FdWatch::open(Loop& loop, int fd, FdListener& listener) {
  auto handle = std::make_unique<Handle>();
  if (const int code = uv_poll_init(loop.handle(), &handle->poll, fd); code != 0) {
    return system_error("cannot watch descriptor " + std::to_string(fd), -code);
  }
  handle->poll.data = handle.get();
  handle->listener = &listener;
  return FdWatch(handle.release());
}

FdWatch::FdWatch(Handle* handle) noexcept : handle_(handle) {}

FdWatch::FdWatch(FdWatch&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}

FdWatch& FdWatch::operator=(FdWatch&& other) noexcept {
  if (this != &other) {
    close();
    handle_ = std::exchange(other.handle_, nullptr);
  }
  return *this;
}

FdWatch::~FdWatch() {
  close();
}

void FdWatch::close() noexcept {
  if (handle_ == nullptr) return;
  uv_close(reinterpret_cast<uv_handle_t*>(&handle_->poll),
           [](uv_handle_t* handle) { delete static_cast<Handle*>(handle->data); });
  handle_ = nullptr;
}

void FdWatch::want(Interest interest) noexcept {
  if (handle_->interest == interest) return;
  handle_->interest = interest;
  if (interest == Interest::nothing) {
    uv_poll_stop(&handle_->poll);
    return;
  }
  const int code = uv_poll_start(&handle_->poll, poll_events_of(interest), [](uv_poll_t* poll, int status, int) {
    auto* ready = static_cast<Handle*>(poll->data);
    // libuv has stopped the handle when it reports an error.
    if (status < 0) ready->interest = Interest::nothing;
    ready->listener->on_ready();
  });
  check(code == 0, "a watch can be started");
}

}  // namespace sidefridge::loop
