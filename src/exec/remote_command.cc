// remote_command.cc - see remote_command.h.
#include "sidefridge/exec/remote_command.h"

#include <sys/random.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "sidefridge/base/exit_status.h"
#include "sidefridge/exec/kubectl.h"
#include "sidefridge/kubernetes/cksum.h"
#include "sidefridge/kubernetes/exec_stream.h"
#include "sidefridge/os/system_clock.h"
#include "sidefridge/text/time_format.h"

namespace sidefridge::exec {
namespace {

using kubernetes::Input;
using kubernetes::Verify;

constexpr std::string_view command = "kubectlexec";
constexpr int lost_code = 74;
constexpr int timeout_code = 124;

// The daemon kills us 5 s after its TERM; by then all must be over.
constexpr Duration ending_time = std::chrono::milliseconds(4000);
constexpr Duration start_patience = std::chrono::milliseconds(1500);
constexpr Duration last_output_time = std::chrono::milliseconds(300);
constexpr Duration ending_interval = std::chrono::milliseconds(500);
constexpr Duration ready_interval = std::chrono::seconds(1);

int exit_code_of(ExitStatus status) noexcept {
  return status.signalled() ? 128 + status.code : status.code;
}

Result<std::string> new_mark() {
  std::array<std::uint8_t, 16> random{};
  if (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) {
    return system_error("cannot get random bytes", errno);
  }
  return kubernetes::mark_of(random);
}

/// Owns: all that one run of kubectlexec needs. Its functions return exit codes.
class Session {
public:
  Session(const RemoteRequest& request, Kubectl& kubectl, Output& errors, std::string mark)
      : request_(request), kubectl_(kubectl), errors_(errors), mark_(std::move(mark)), stream_(mark_) {}
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  int run() {
    const int code = try_to_run();
    // After a signal a reader that is stuck does not hold us, either.
    const auto all_written = [this] { return errors_.empty() && (output_ == nullptr || output_->empty()); };
    kubectl_.wait(std::nullopt, [&] { return all_written() || kubectl_.stop_signal().has_value(); });
    if (!all_written()) kubectl_.wait(from_now(last_output_time), all_written);
    if (output_ == nullptr || !output_->failure() || code != 0) return code;
    return lost("what the command wrote could not be passed on: " + std::string(std::strerror(*output_->failure())));
  }

private:
  int try_to_run() {
    if (request_.wait_ready != Duration::zero()) {
      if (const auto code = wait_until_ready()) return *code;
    }
    if (request_.verify == Verify::checksum) {
      auto output = kubectl_.open_output(STDOUT_FILENO);
      if (!output) return failed(output.error());
      output_ = *output;
    }
    auto call = kubectl_.start(kubernetes::exec_arguments(request_.target, request_.input,
                                                          kubernetes::wrapped(mark_, request_.words, request_.verify)),
                               stdin_fd(), relayed_output(),
                               {[this](std::string_view bytes) { errors_.append(stream_.feed(bytes)); }, &errors_});
    if (!call) return failed(call.error());

    const KubectlCall& main = **call;
    const bool over = kubectl_.wait(timeout_deadline(), [&] { return main.over() || stop_asked(); }) && main.over();
    if (!over) return end_early(main);
    errors_.append(stream_.finish());
    if (stream_.trailer() && main.status().succeeded()) return certain(*stream_.trailer());
    if (stream_.pid()) return connection_lost(main);
    return not_started(main);
  }

  /// Returns: an exit code when there is no use in starting.
  std::optional<int> wait_until_ready() {
    const MonoTime deadline = from_now(request_.wait_ready);
    for (;;) {
      std::string running_since;
      std::string why_not_ready;
      auto call = kubectl_.start(kubernetes::running_since_arguments(request_.target), -1,
                                 {[&](std::string_view bytes) { running_since += bytes; }},
                                 {[&](std::string_view bytes) { why_not_ready += bytes; }});
      if (!call) return failed(call.error());
      const KubectlCall& query = **call;
      kubectl_.wait(deadline, [&] { return query.over() || kubectl_.stop_signal(); });
      end_local(query);
      if (kubectl_.stop_signal()) return 128 + *kubectl_.stop_signal();
      if (!running_since.empty() && query.over() && query.status().succeeded()) return std::nullopt;

      const MonoTime next = from_now(ready_interval);
      if (next < deadline) kubectl_.wait(next, [&] { return kubectl_.stop_signal().has_value(); });
      if (kubectl_.stop_signal()) return 128 + *kubectl_.stop_signal();
      if (next >= deadline) {
        std::string text = where() + " did not run within " + text::format_duration(request_.wait_ready);
        if (!why_not_ready.empty()) text += ": " + kubernetes::reason_of(why_not_ready);
        return failed({ErrorCode::unavailable, std::move(text)});
      }
    }
  }

  /// The command has ended and we know how.
  int certain(const kubernetes::Trailer& trailer) {
    if (request_.verify == Verify::none) return trailer.status;
    if (!trailer.checksum) return lost("the target did not tell the checksum of what the command wrote");
    const kubernetes::Checksum arrived = cksum_.value();
    if (*trailer.checksum == arrived) return trailer.status;
    return lost("the command wrote " + std::to_string(trailer.checksum->bytes) + " bytes with the checksum " +
                std::to_string(trailer.checksum->crc) + ", but " + std::to_string(arrived.bytes) +
                " bytes with the checksum " + std::to_string(arrived.crc) + " arrived; its exit code was " +
                std::to_string(trailer.status));
  }

  int connection_lost(const KubectlCall& main) {
    const Ending ended = end_remote(main, from_now(ending_time));
    return lost("the connection to " + where() + " was lost, and what the command did is unknown; " + text_of(ended));
  }

  int not_started(const KubectlCall& main) {
    if (!stream_.lacking().empty()) {
      return failed({ErrorCode::unavailable,
                     "--verify needs the program '" + stream_.lacking() + "' in " + where() + ", which lacks it"});
    }
    if (kubernetes::lacks_shell(stream_.before_start())) return run_bare();
    std::string reason = kubernetes::reason_of(stream_.before_start());
    if (reason.empty()) reason = "kubectl ended with " + format(main.status());
    return failed({ErrorCode::unavailable, "the command was not started in " + where() + ": " + reason});
  }

  /// The target has no shell: whatever kubectl says has to do.
  int run_bare() {
    const auto refuse = [this](std::string_view why) {
      return failed({ErrorCode::unavailable, where() + " has no /bin/sh, which " + std::string(why)});
    };
    if (request_.verify != Verify::none) return refuse("--verify needs");
    // The first kubectl may have read some of it.
    if (request_.input != Input::none) return refuse("--stdin needs");
    if (request_.words.front() == "/bin/sh") return refuse("a command line needs; give a program and its arguments");
    say("warning: " + where() +
        " has no /bin/sh: the command runs without a wrapper, so that a lost connection can look like success");
    auto call = kubectl_.start(kubernetes::exec_arguments(request_.target, Input::none, request_.words), -1, Capture{},
                               {[this](std::string_view bytes) { errors_.append(bytes); }, &errors_});
    if (!call) return failed(call.error());
    const KubectlCall& bare = **call;
    if (kubectl_.wait(timeout_deadline(), [&] { return bare.over() || kubectl_.stop_signal(); }) && bare.over()) {
      return exit_code_of(bare.status());
    }
    end_local(bare);
    say("the command got no signal and may still run: " + where() + " has no /bin/sh to end it with");
    return stop_code();
  }

  /// We were told to stop, or time is over.
  int end_early(const KubectlCall& main) {
    const MonoTime deadline = from_now(ending_time);
    // It may be about to start: then it would go on without us.
    kubectl_.wait(from_now(start_patience), [&] { return main.over() || stream_.pid(); });
    Ending ended = Ending::done;
    if (stream_.pid()) {
      ended = end_remote(main, deadline);
    } else if (!main.over()) {
      ended = Ending::unknown;
    }
    end_local(main);
    errors_.append(stream_.finish());
    if (output_ != nullptr && output_->failure()) {
      return lost("what the command wrote could not be passed on: " + std::string(std::strerror(*output_->failure())) +
                  "; " + text_of(ended));
    }
    std::string why = "the command in " + where();
    if (kubectl_.stop_signal()) {
      if (ended == Ending::done) return stop_code();
      why += " was to end because kubectlexec got a signal";
    } else {
      why += " took longer than " + text::format_duration(request_.timeout);
    }
    say(why + "; " + text_of(ended));
    return stop_code();
  }

  enum class Ending { done, unknown };

  /// Ends the process group of the command, and waits until both it and kubectl are gone. A connection that was lost
  /// may come back: tries until the deadline.
  Ending end_remote(const KubectlCall& main, MonoTime deadline) {
    for (;;) {
      why_not_ended_.clear();
      auto call = kubectl_.start(
          kubernetes::exec_arguments(request_.target, Input::none, kubernetes::ending(mark_, *stream_.pid())), -1,
          {[](std::string_view) {}}, {[this](std::string_view bytes) { why_not_ended_ += bytes; }});
      if (!call) return Ending::unknown;
      const KubectlCall& ending = **call;
      kubectl_.wait(deadline, [&] { return ending.over() && (main.over() || !ending.status().succeeded()); });
      if (ending.over() && ending.status().succeeded()) return Ending::done;
      end_local(ending);
      const MonoTime next = from_now(ending_interval);
      if (next >= deadline) return Ending::unknown;
      kubectl_.wait(next, [] { return false; });
    }
  }

  void end_local(const KubectlCall& call) {
    if (call.over()) return;
    call.signal(SIGKILL);
    kubectl_.wait(from_now(last_output_time), [&] { return call.over(); });
  }

  std::string text_of(Ending ended) const {
    switch (ended) {
      case Ending::done: return "it does not run any more";
      case Ending::unknown: {
        const std::string why = kubernetes::reason_of(why_not_ended_);
        return "it may still run, since it could not be ended" + (why.empty() ? "" : ": " + why);
      }
    }
    return {};
  }

  bool stop_asked() const { return kubectl_.stop_signal() || (output_ != nullptr && output_->failure()); }

  int stop_code() const { return kubectl_.stop_signal() ? 128 + *kubectl_.stop_signal() : timeout_code; }

  int stdin_fd() const { return request_.input == Input::standard_input ? STDIN_FILENO : -1; }

  Capture relayed_output() {
    if (output_ == nullptr) return {};
    return {[this](std::string_view bytes) {
              cksum_.add(bytes);
              output_->append(bytes);
            },
            output_};
  }

  std::string where() const {
    return "container '" + request_.target.container + "' of pod '" + request_.target.pod + "'";
  }

  static MonoTime from_now(Duration time) { return os::sample_now().mono + time; }

  std::optional<MonoTime> timeout_deadline() const {
    if (request_.timeout == Duration::zero()) return std::nullopt;
    return from_now(request_.timeout);
  }

  void say(const std::string& text) {
    if (!errors_.at_line_start()) errors_.append("\n");
    errors_.append("kubectlexec: " + text + "\n");
  }

  int failed(const Error& error) {
    say(error.text);
    return exit_code_of(error.code);
  }

  int lost(const std::string& text) {
    say(text);
    return lost_code;
  }

  const RemoteRequest& request_;
  Kubectl& kubectl_;
  Output& errors_;
  Output* output_ = nullptr;  // with Verify::checksum
  std::string mark_;
  kubernetes::ExecStream stream_;
  kubernetes::Cksum cksum_;
  std::string why_not_ended_;
};

}  // namespace

Result<int> run_remote(const RemoteRequest& request) {
  auto mark = new_mark();
  if (!mark) return std::move(mark).error();
  auto kubectl = Kubectl::open();
  if (!kubectl) return std::move(kubectl).error();
  auto errors = (*kubectl)->open_output(STDERR_FILENO);
  if (!errors) return std::move(errors).error();
  return Session(request, **kubectl, **errors, *std::move(mark)).run();
}

}  // namespace sidefridge::exec
