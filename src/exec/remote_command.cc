// remote_command.cc - see remote_command.h.
#include "sidefridge/exec/remote_command.h"

#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
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

using kubernetes::KubectlStdin;
using kubernetes::Verify;

constexpr int lost_code = 74;
constexpr int timeout_code = 124;

// The daemon kills us 5 s after its TERM; by then all must be over.
constexpr Duration ending_time = std::chrono::milliseconds(4000);
constexpr Duration last_output_time = std::chrono::milliseconds(300);
constexpr Duration last_words_time = std::chrono::seconds(5);
constexpr Duration ending_interval = std::chrono::milliseconds(500);
constexpr Duration ready_interval = std::chrono::seconds(1);

// How long kubectl may take to end after all has arrived: what the command left behind may hold its streams for ever.
constexpr Duration farewell_time = std::chrono::seconds(1);
// How long nothing at all may come once one stream has ended and the other has not.
constexpr Duration silence_time = std::chrono::seconds(30);

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

/// What a run of kubectlexec comes to.
struct Verdict {
  enum class By {
    command,  // the code is its own, and stands if all that it wrote is passed on
    us,       // we have said why
  };
  By by;
  int code;
};

/// Owns: all that one run of kubectlexec needs.
class Session {
public:
  Session(const RemoteRequest& request, Kubectl& kubectl, Output& output, Output& errors, kubernetes::Marks marks)
      : request_(request),
        kubectl_(kubectl),
        output_(output),
        errors_(errors),
        marks_(std::move(marks)),
        stream_(marks_),
        output_end_(marks_) {}
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  int run() {
    const Verdict verdict = try_to_run();
    pass_on_the_rest(verdict.by);
    if (verdict.by == Verdict::By::us) return verdict.code;
    if (!all_written()) return not_taken(verdict.code).code;
    for (const Output* output : {&output_, &errors_}) {
      if (!output->failure()) continue;
      const Verdict loss = lost(not_passed_on(*output) + "; its exit code was " + std::to_string(verdict.code));
      pass_on_the_rest(loss.by);
      return loss.code;
    }
    return verdict.code;
  }

private:
  Verdict try_to_run() {
    if (request_.wait_ready != Duration::zero()) {
      if (const auto verdict = wait_until_ready()) return *verdict;
    }
    if (request_.wrapping.input == kubernetes::Input::standard_input) {
      auto input = kubectl_.open_input(STDIN_FILENO);
      if (!input) return failed(input.error());
      input_ = *input;
    }
    const std::vector<std::string> wrapper = kubernetes::wrapped(marks_.begin, request_.words, request_.wrapping);
    deadline_ = deadline_of_timeout();
    auto call = kubectl_.start(kubernetes::exec_arguments(request_.target, KubectlStdin::passed_on, wrapper),
                               Kubectl::Stdin::fed, {[this](std::string_view bytes) { take_output(bytes); }, &output_},
                               {[this](std::string_view bytes) { take_errors(bytes); }, &errors_});
    if (!call) return failed(call.error());
    main_ = call->get();
    const std::optional<Verdict> verdict = follow(*main_);
    return verdict ? *verdict : run_bare();
  }

  void take_output(std::string_view bytes) {
    bytes_seen_ += bytes.size();
    output_bytes_ += bytes.size();
    pass_on(output_end_.feed(bytes));
  }

  void pass_on(std::string_view bytes) {
    if (request_.wrapping.verify == Verify::checksum) cksum_.add(bytes);
    // Behind a loss nothing more: there is to be no hole in what arrives.
    if (!output_.failure()) output_.append(bytes);
  }

  void take_errors(std::string_view bytes) {
    bytes_seen_ += bytes.size();
    errors_.append(stream_.feed(bytes));
    if (stream_.pid() && !allowed_ && !stop_asked()) allow();
  }

  /// Lets the command start. Before this nothing of it has.
  void allow() {
    allowed_ = true;
    main_->feed(marks_.end + "\n");
    if (input_ != nullptr) main_->feed_from(*input_);
  }

  /// Returns: nothing when the target has no shell.
  std::optional<Verdict> follow(KubectlCall& main) {
    switch (await_end(main)) {
      case Await::stopped: return end_early(main);
      case Await::ended: acknowledge(main); return certain(*stream_.trailer());
      case Await::kubectl_over:
      case Await::silent: break;
    }
    pass_on(output_end_.finish());
    errors_.append(stream_.finish());
    if (stream_.trailer()) {
      end_local(main);
      return lost("the command ended with exit code " + std::to_string(stream_.trailer()->status) +
                  ", but the end of what it wrote to stdout did not arrive");
    }
    return allowed_ ? connection_lost(main) : not_started(main);
  }

  enum class Await {
    ended,         // both streams are whole, and how the command ended is known
    kubectl_over,  // and there is more to come, or nothing ever came
    silent,        // one stream has ended, and on the other nothing comes
    stopped,       // we were told to stop, or time is over, or nobody takes what the command writes
  };

  Await await_end(const KubectlCall& main) {
    const auto ended = [this] { return stream_.trailer() && output_end_.seen(); };
    const auto begins_to_end = [this] { return stream_.trailer() || output_end_.seen(); };
    const auto broken_off = [&] { return main.over() || stop_asked(); };
    kubectl_.wait(deadline_, [&] { return begins_to_end() || broken_off(); });
    // What the other stream holds may take its time, as long as anything of it comes, or is still to be taken from us.
    bool silent = false;
    while (begins_to_end() && !ended() && !broken_off() && !silent && !time_is_over()) {
      const std::uint64_t seen = bytes_seen_;
      const MonoTime patience = from_now(silence_time);
      kubectl_.wait(deadline_ ? std::min(*deadline_, patience) : patience, [&] { return ended() || broken_off(); });
      silent = os::sample_now().mono >= patience && bytes_seen_ == seen && all_written();
    }
    if (ended()) return Await::ended;
    if (main.over()) return Await::kubectl_over;
    return silent ? Await::silent : Await::stopped;
  }

  /// All has arrived: the wrapper may exit. Nothing that goes wrong from here on changes anything.
  void acknowledge(KubectlCall& main) {
    const auto over = [&] { return main.over() || kubectl_.stop_signal(); };
    if (request_.wrapping.input == kubernetes::Input::none) {
      main.feed("\n");
      main.end_input();
    } else {
      main.end_input();
      auto call = kubectl_.start(kubernetes::exec_arguments(request_.target, KubectlStdin::none,
                                                            kubernetes::acknowledging(marks_.begin, *stream_.pid())),
                                 Kubectl::Stdin::empty, ignored(), ignored());
      if (call) {
        const KubectlCall& acknowledgement = **call;
        kubectl_.wait(from_now(ending_time), [&] { return acknowledgement.over() || over(); });
        end_local(acknowledgement);
      }
    }
    kubectl_.wait(from_now(farewell_time), over);
    end_local(main);
  }

  /// Returns: a verdict when there is no use in starting.
  std::optional<Verdict> wait_until_ready() {
    const MonoTime deadline = from_now(request_.wait_ready);
    for (;;) {
      std::string running_since;
      std::string why_not_ready;
      auto call = kubectl_.start(kubernetes::running_since_arguments(request_.target), Kubectl::Stdin::empty,
                                 {[&](std::string_view bytes) { running_since += bytes; }},
                                 {[&](std::string_view bytes) { why_not_ready += bytes; }});
      if (!call) return failed(call.error());
      const KubectlCall& query = **call;
      kubectl_.wait(deadline, [&] { return query.over() || kubectl_.stop_signal(); });
      end_local(query);
      if (kubectl_.stop_signal()) return stopped();
      if (!running_since.empty() && query.over() && query.status().succeeded()) return std::nullopt;

      const MonoTime next = from_now(ready_interval);
      if (next < deadline) kubectl_.wait(next, [&] { return kubectl_.stop_signal().has_value(); });
      if (kubectl_.stop_signal()) return stopped();
      if (next >= deadline) {
        std::string text = where() + " did not run within " + text::format_duration(request_.wait_ready);
        if (!why_not_ready.empty()) text += ": " + kubernetes::reason_of(why_not_ready);
        return failed({ErrorCode::unavailable, std::move(text)});
      }
    }
  }

  /// The command has ended and we know how.
  Verdict certain(const kubernetes::Trailer& trailer) {
    const Verdict verdict{Verdict::By::command, trailer.status};
    if (request_.wrapping.verify == Verify::none) return verdict;
    if (!trailer.bytes) return lost("the target did not count what the command wrote");
    const kubernetes::Checksum arrived = cksum_.value();
    if (*trailer.bytes != arrived.bytes || trailer.crc.value_or(arrived.crc) != arrived.crc) {
      const auto told = [](std::uint64_t bytes, std::optional<std::uint32_t> crc) {
        return std::to_string(bytes) + " bytes" + (crc ? " with the checksum " + std::to_string(*crc) : "");
      };
      const std::string received = trailer.crc ? told(arrived.bytes, arrived.crc) : told(arrived.bytes, std::nullopt);
      return lost("the command wrote " + told(*trailer.bytes, trailer.crc) + ", but " + received +
                  " arrived; its exit code was " + std::to_string(trailer.status));
    }
    if (!trailer.crc) say("warning: " + where() + " has no cksum: --verify compared the number of bytes alone (wc -c)");
    return verdict;
  }

  Verdict connection_lost(KubectlCall& main) {
    const Ending ended = end_remote(main, from_now(ending_time));
    end_local(main);
    return lost("the connection to " + where() + " was lost, and what the command did is unknown; " + text_of(ended));
  }

  /// The command was not allowed to start. Returns: nothing when the target has no shell for the wrapper.
  std::optional<Verdict> not_started(const KubectlCall& main) {
    if (!stream_.lacking().empty()) {
      const std::string_view other = stream_.lacking() == "cksum" ? " (or 'wc')" : "";
      return failed({ErrorCode::unavailable, "--verify needs the program '" + stream_.lacking() + "'" +
                                                 std::string(other) + " in " + where() + ", which lacks it"});
    }
    // That is not what a kubectl does that has started nothing.
    if (main.status().succeeded() || output_bytes_ > 0) {
      return lost("kubectl ended with " + format(main.status()) + " and the wrapper in " + where() +
                  " was not heard of; whether anything was started is unknown");
    }
    if (kubernetes::lacks_shell(stream_.before_start())) return std::nullopt;
    std::string reason = kubernetes::reason_of(stream_.before_start());
    if (reason.empty()) reason = "kubectl ended with " + format(main.status());
    return failed({ErrorCode::unavailable, "the command was not started in " + where() + ": " + reason});
  }

  /// The target has no shell: whatever kubectl says has to do.
  Verdict run_bare() {
    const auto refuse = [this](std::string_view why) {
      return failed({ErrorCode::unavailable, where() + " has no /bin/sh, which " + std::string(why)});
    };
    if (request_.wrapping.verify != Verify::none) return refuse("--verify needs");
    if (request_.wrapping.input != kubernetes::Input::none) return refuse("--stdin needs");
    if (request_.words.front() == "/bin/sh") return refuse("a command line needs; give a program and its arguments");
    say("warning: " + where() +
        " has no /bin/sh: the command runs without a wrapper, so that a lost connection can look like success");
    auto call = kubectl_.start(kubernetes::exec_arguments(request_.target, KubectlStdin::none, request_.words),
                               Kubectl::Stdin::empty, {[this](std::string_view bytes) { pass_on(bytes); }, &output_},
                               {[this](std::string_view bytes) { errors_.append(bytes); }, &errors_});
    if (!call) return failed(call.error());
    const KubectlCall& bare = **call;
    kubectl_.wait(deadline_, [&] { return bare.over() || stop_asked(); });
    if (bare.over()) return {Verdict::By::command, exit_code_of(bare.status())};
    end_local(bare);
    const std::string still =
        "the command got no signal and may still run: " + where() + " has no /bin/sh to end it with";
    if (output_.failure()) return lost(not_passed_on(output_) + "; " + still);
    say(still);
    return stopped();
  }

  /// We were told to stop, or time is over, or nobody takes what the command writes.
  Verdict end_early(KubectlCall& main) {
    // One that waits to be allowed to start never does.
    const Ending ended = allowed_ ? end_remote(main, from_now(ending_time)) : Ending::never_begun;
    end_local(main);
    pass_on(output_end_.finish());
    errors_.append(stream_.finish());
    if (output_.failure()) return lost(not_passed_on(output_) + "; " + text_of(ended));
    if (input_failed()) return lost(not_read() + "; " + text_of(ended));
    std::string why = "the command in " + where();
    if (kubectl_.stop_signal()) {
      if (ended != Ending::unknown) return stopped();
      why += " was to end because kubectlexec got a signal";
    } else {
      why += " took longer than " + text::format_duration(request_.timeout);
    }
    say(why + "; " + text_of(ended));
    return stopped();
  }

  enum class Ending { done, never_begun, unknown };

  /// Ends the process group of the command, and waits until both it and kubectl are gone. A connection that was lost
  /// may come back: tries until the deadline.
  Ending end_remote(KubectlCall& main, MonoTime deadline) {
    main.end_input();
    for (;;) {
      why_not_ended_.clear();
      auto call = kubectl_.start(kubernetes::exec_arguments(request_.target, KubectlStdin::none,
                                                            kubernetes::ending(marks_.begin, *stream_.pid())),
                                 Kubectl::Stdin::empty, ignored(),
                                 {[this](std::string_view bytes) { why_not_ended_ += bytes; }});
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
      case Ending::never_begun: return "it was not started";
      case Ending::unknown: {
        const std::string why = kubernetes::reason_of(why_not_ended_);
        return "it may still run, since it could not be ended" + (why.empty() ? "" : ": " + why);
      }
    }
    return {};
  }

  bool all_written() const { return errors_.empty() && output_.empty(); }

  /// Waits until what is ours to write is written. What a command wrote has the time that the command has: a reader may
  /// be slow. Nobody who is stuck holds us after a signal.
  void pass_on_the_rest(Verdict::By by) {
    const std::optional<MonoTime> deadline = by == Verdict::By::command ? deadline_ : from_now(last_words_time);
    kubectl_.wait(deadline, [this] { return all_written() || kubectl_.stop_signal(); });
    if (!all_written()) kubectl_.wait(from_now(last_output_time), [this] { return all_written(); });
  }

  /// The command has ended in time, but our reader has not.
  Verdict not_taken(int code) {
    if (!kubectl_.stop_signal()) {
      say("what the command wrote was not read within " + text::format_duration(request_.timeout) +
          "; its exit code was " + std::to_string(code));
      pass_on_the_rest(Verdict::By::us);
    }
    return stopped();
  }

  bool input_failed() const { return input_ != nullptr && input_->failure(); }

  bool stop_asked() const { return kubectl_.stop_signal() || output_.failure() || input_failed(); }

  bool time_is_over() const { return deadline_ && os::sample_now().mono >= *deadline_; }

  Verdict stopped() const { return {Verdict::By::us, stop_code()}; }

  int stop_code() const { return kubectl_.stop_signal() ? 128 + *kubectl_.stop_signal() : timeout_code; }

  static std::string not_passed_on(const Output& output) {
    return "what the command wrote could not be passed on: " + std::string(std::strerror(*output.failure()));
  }

  std::string not_read() const {
    return "standard input could not be read: " + std::string(std::strerror(*input_->failure()));
  }

  static Capture ignored() {
    return {[](std::string_view) {}};
  }

  std::string where() const {
    return "container '" + request_.target.container + "' of pod '" + request_.target.pod + "'";
  }

  static MonoTime from_now(Duration time) { return os::sample_now().mono + time; }

  std::optional<MonoTime> deadline_of_timeout() const {
    if (request_.timeout == Duration::zero()) return std::nullopt;
    return from_now(request_.timeout);
  }

  void say(const std::string& text) {
    if (!errors_.at_line_start()) errors_.append("\n");
    errors_.append("kubectlexec: " + text + "\n");
  }

  Verdict failed(const Error& error) {
    say(error.text);
    return {Verdict::By::us, sidefridge::exit_code_of(error.code)};
  }

  Verdict lost(const std::string& text) {
    say(text);
    return {Verdict::By::us, lost_code};
  }

  const RemoteRequest& request_;
  Kubectl& kubectl_;
  Output& output_;
  Output& errors_;
  Input* input_ = nullptr;  // with --stdin
  KubectlCall* main_ = nullptr;
  kubernetes::Marks marks_;
  kubernetes::ExecStream stream_;
  kubernetes::OutputEnd output_end_;
  bool allowed_ = false;              // the command may have started
  std::uint64_t bytes_seen_ = 0;      // on both streams
  std::uint64_t output_bytes_ = 0;    // on stdout
  std::optional<MonoTime> deadline_;  // of the timeout, once the command is being started
  kubernetes::Cksum cksum_;
  std::string why_not_ended_;
};

}  // namespace

Result<int> run_remote(const RemoteRequest& request) {
  auto begin = new_mark();
  if (!begin) return std::move(begin).error();
  auto end = new_mark();
  if (!end) return std::move(end).error();
  auto kubectl = Kubectl::open();
  if (!kubectl) return std::move(kubectl).error();
  auto output = (*kubectl)->open_output(STDOUT_FILENO);
  if (!output) return std::move(output).error();
  auto errors = (*kubectl)->open_output(STDERR_FILENO);
  if (!errors) return std::move(errors).error();
  return Session(request, **kubectl, **output, **errors, {*std::move(begin), *std::move(end)}).run();
}

}  // namespace sidefridge::exec
