// kubectl.cc - see kubectl.h.
#include "sidefridge/exec/kubectl.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <utility>

#include "sidefridge/base/check.h"
#include "sidefridge/os/pipe.h"
#include "sidefridge/os/reaper.h"
#include "sidefridge/os/spawn.h"
#include "sidefridge/os/system_clock.h"

namespace sidefridge::exec {
namespace {

constexpr std::size_t read_bytes = 64 * 1024;

Result<std::string> find_in_path(std::string_view name) {
  const char* const path = std::getenv("PATH");
  std::string_view rest = path != nullptr ? path : "";
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(':'), rest.size());
    const std::string_view folder = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    std::string candidate = std::string(folder.empty() ? "." : folder) + "/" + std::string(name);
    struct stat status {};
    const bool is_file = ::stat(candidate.c_str(), &status) == 0 && S_ISREG(status.st_mode);
    if (is_file && ::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return Error{ErrorCode::unavailable,
               std::string(name) + " is not in PATH; install it in this container (the image of sidefridge has it)"};
}

Result<loop::FdWatch> watch_input(loop::Loop& loop, int fd, Waker& waker) {
  auto watch = loop::FdWatch::open(loop, fd, waker);
  if (watch) watch->want(loop::Interest::input);
  return watch;
}

}  // namespace

Result<std::unique_ptr<Output>> Output::open(loop::Loop& loop, int fd) {
  auto stream = os::OutputStream::open(fd);
  if (!stream) return std::move(stream).error();
  std::unique_ptr<Output> self(new Output(*std::move(stream)));
  if (self->stream_.ready_fd() < 0) return self;
  auto watch = loop::FdWatch::open(loop, self->stream_.ready_fd(), self->waker_);
  if (!watch) return std::move(watch).error();
  self->watch_ = *std::move(watch);
  return self;
}

void Output::append(std::string_view bytes) {
  if (bytes.empty()) return;
  stream_.append(bytes);
  at_line_start_ = bytes.back() == '\n';
}

void Output::flush() noexcept {
  if (stream_.flush() == os::OutputStream::Flush::broken) failure_ = stream_.last_error();
  if (watch_) watch_->want(empty() ? loop::Interest::nothing : loop::Interest::input);
}

Result<std::unique_ptr<Input>> Input::open(loop::Loop& loop, int fd) {
  std::unique_ptr<Input> self(new Input(fd));
  self->ready_ = os::UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
  if (!self->ready_) return system_error("cannot watch stdin", errno);
  epoll_event event{};
  event.events = EPOLLIN;
  if (::epoll_ctl(self->ready_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    if (errno != EPERM) return system_error("cannot watch stdin", errno);
    return self;
  }
  auto watch = loop::FdWatch::open(loop, self->ready_.get(), self->waker_);
  if (!watch) return std::move(watch).error();
  self->watch_ = *std::move(watch);
  return self;
}

std::string_view Input::read(std::span<char> room) noexcept {
  if (over_) return {};
  pollfd entry{fd_, POLLIN, 0};
  if (watch_ && ::poll(&entry, 1, 0) == 0) return {};
  const ssize_t got = ::read(fd_, room.data(), room.size());
  if (got > 0) return {room.data(), static_cast<std::size_t>(got)};
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return {};
  over_ = true;
  if (got < 0) failure_ = errno;
  return {};
}

void Input::want(loop::Interest interest) noexcept {
  if (watch_) watch_->want(over_ ? loop::Interest::nothing : interest);
}

KubectlCall::~KubectlCall() {
  signal(SIGKILL);
  if (input_ != nullptr) input_->want(loop::Interest::nothing);
  std::erase(kubectl_.calls_, this);
}

void KubectlCall::signal(int number) const noexcept {
  // Not reaped yet, so the number is still its own.
  if (pid_ > 0 && !status_) ::kill(-pid_, number);
}

void KubectlCall::feed(std::string_view bytes) {
  if (!takes_input()) return;
  in_->append(bytes);
  in_->flush();
}

void KubectlCall::end_input() noexcept {
  in_ends_ = true;
  if (takes_input() && !in_->empty()) return;
  in_.reset();
  in_pipe_.reset();
}

void KubectlCall::relay_input(std::span<char> buffer) noexcept {
  if (in_) in_->flush();
  if (input_ != nullptr) {
    const auto takes_more = [this] { return takes_input() && !in_ends_ && !in_->congested(); };
    while (takes_more()) {
      const std::string_view bytes = input_->read(buffer);
      if (bytes.empty()) break;
      feed(bytes);
    }
    input_->want(takes_more() ? loop::Interest::input : loop::Interest::nothing);
    // What could be read only in part must not look whole: then its end does not come.
    if (input_->over() && !input_->failure()) in_ends_ = true;
  }
  if (in_ends_) end_input();
}

Kubectl::Kubectl(std::string program, loop::Loop loop, os::SignalFd signals, os::MonoTimer timer)
    : program_(std::move(program)),
      buffer_(read_bytes),
      loop_(std::move(loop)),
      signals_(std::move(signals)),
      timer_(std::move(timer)) {
  for (char** entry = environ; *entry != nullptr; ++entry) environment_.emplace_back(*entry);
}

Result<std::unique_ptr<Kubectl>> Kubectl::open() {
  auto program = find_in_path("kubectl");
  if (!program) return std::move(program).error();
  auto loop = loop::Loop::open();
  if (!loop) return std::move(loop).error();
  auto signals = os::SignalFd::open();
  if (!signals) return std::move(signals).error();
  auto timer = os::MonoTimer::open();
  if (!timer) return std::move(timer).error();
  std::unique_ptr<Kubectl> self(
      new Kubectl(*std::move(program), *std::move(loop), *std::move(signals), *std::move(timer)));
  auto signal_watch = watch_input(self->loop_, self->signals_.fd(), self->waker_);
  if (!signal_watch) return std::move(signal_watch).error();
  self->signal_watch_ = *std::move(signal_watch);
  auto timer_watch = watch_input(self->loop_, self->timer_.fd(), self->waker_);
  if (!timer_watch) return std::move(timer_watch).error();
  self->timer_watch_ = *std::move(timer_watch);
  return self;
}

Result<Output*> Kubectl::open_output(int fd) {
  auto output = Output::open(loop_, fd);
  if (!output) return std::move(output).error();
  outputs_.push_back(*std::move(output));
  return outputs_.back().get();
}

Result<Input*> Kubectl::open_input(int fd) {
  auto input = Input::open(loop_, fd);
  if (!input) return std::move(input).error();
  input_ = *std::move(input);
  return input_.get();
}

Result<std::unique_ptr<KubectlCall>> Kubectl::start(const std::vector<std::string>& argv, Stdin in, Capture out,
                                                    Capture err) {
  std::unique_ptr<KubectlCall> call(new KubectlCall(*this));
  call->out_.capture = std::move(out);
  call->err_.capture = std::move(err);
  // Closed here once kubectl has them: then its end is the end of the stream.
  os::UniqueFd in_end;
  os::UniqueFd out_end;
  os::UniqueFd err_end;
  if (in == Stdin::fed) {
    auto pipe = os::open_pipe();
    if (!pipe) return std::move(pipe).error();
    in_end = std::move(pipe->read_end);
    // What shares kubectl's stdin expects it to block.
    ::fcntl(in_end.get(), F_SETFL, O_RDONLY);
    call->in_pipe_ = std::move(pipe->write_end);
    auto output = Output::open(loop_, call->in_pipe_.get());
    if (!output) return std::move(output).error();
    call->in_ = *std::move(output);
  }
  for (auto [reader, write_end] : {std::pair(&call->out_, &out_end), std::pair(&call->err_, &err_end)}) {
    auto pipe = os::open_pipe();
    if (!pipe) return std::move(pipe).error();
    reader->pipe = std::move(pipe->read_end);
    *write_end = std::move(pipe->write_end);
    auto watch = watch_input(loop_, reader->pipe.get(), reader->waker);
    if (!watch) return std::move(watch).error();
    reader->watch = *std::move(watch);
  }
  auto pid = os::spawn({program_, argv, environment_, {}, out_end.get(), err_end.get(), in_end.get()});
  // An empty file, a script without a first line, a program for another machine: none of them is a kubectl.
  if (!pid) return Error{ErrorCode::unavailable, std::move(pid).error().text};
  call->pid_ = *pid;
  calls_.push_back(call.get());
  return call;
}

bool Kubectl::wait(std::optional<MonoTime> deadline, const std::function<bool()>& holds) {
  holds_ = &holds;
  deadline_ = deadline;
  const Result<void> armed = deadline ? timer_.arm(*deadline) : timer_.disarm();
  check(armed.ok(), "a timerfd takes any instant");
  loop_.run(*this);
  return holds();
}

void Kubectl::on_turn() noexcept {
  take_signals();
  // Readiness alone matters: the clock decides.
  static_cast<void>(timer_.drain().ok());
  for (const auto& output : outputs_) output->flush();
  for (KubectlCall* const call : calls_) {
    // One that has ended is read to its end at once: no more may come to wake us.
    do {
      read(*call, call->out_);
      read(*call, call->err_);
      for (const auto& output : outputs_) output->flush();
    } while (call->status_ && (call->out_.may_read() || call->err_.may_read()));
    call->relay_input(buffer_);
  }
  watch_readers();
  if ((*holds_)() || (deadline_ && os::sample_now().mono >= *deadline_)) loop_.stop();
}

/// Only after all was flushed it is known which outputs take more: one that was full may have been emptied since.
void Kubectl::watch_readers() noexcept {
  for (KubectlCall* const call : calls_) {
    for (KubectlCall::Reader* reader : {&call->out_, &call->err_}) {
      if (reader->watch) reader->watch->want(reader->may_read() ? loop::Interest::input : loop::Interest::nothing);
    }
  }
}

void Kubectl::take_signals() noexcept {
  const Result<os::SignalSet> seen = signals_.drain();
  if (!seen) return;
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) {
    if (!stop_signal_ && seen->has(number)) stop_signal_ = number;
  }
  if (seen->has(SIGCHLD)) reap();
}

void Kubectl::reap() noexcept {
  while (const auto exited = os::reap_one()) {
    for (KubectlCall* const call : calls_) {
      if (call->pid_ == exited->pid) call->status_ = exited->status;
    }
  }
}

/// One read, if the output that its bytes go to takes any.
void Kubectl::read(const KubectlCall& call, KubectlCall::Reader& reader) noexcept {
  if (!reader.may_read()) return;
  const ssize_t got = ::read(reader.pipe.get(), buffer_.data(), buffer_.size());
  if (got > 0) {
    reader.capture.sink({buffer_.data(), static_cast<std::size_t>(got)});
    return;
  }
  const bool nothing_now = got < 0 && (errno == EAGAIN || errno == EINTR);
  // Other holders of the pipe are not waited for after kubectl's end.
  if (nothing_now && !call.status_) return;
  reader.watch.reset();
  reader.pipe.reset();
}

}  // namespace sidefridge::exec
