// exec_stream.cc - any bytes as kubectl's stderr, in chunks of any size: nothing lost, and the same news of the
// command.
#include <algorithm>
#include <optional>
#include <string>

#include "fuzz_target.h"
#include "sidefridge/kubernetes/exec_stream.h"

namespace {

// A short one, so that a fuzzer finds it.
const sidefridge::kubernetes::Marks marks{"k", "e"};

struct Heard {
  std::string passed;
  std::string before_start;
  std::optional<std::uint32_t> pid;
  std::string lacking;
  std::optional<sidefridge::kubernetes::Trailer> trailer;
  std::string output;
  bool output_ended = false;

  friend bool operator==(const Heard&, const Heard&) = default;
};

Heard hear(std::string_view text, std::size_t chunk_bytes) {
  sidefridge::kubernetes::ExecStream stream(marks);
  sidefridge::kubernetes::OutputEnd output(marks);
  Heard heard;
  for (std::size_t at = 0; at < text.size(); at += chunk_bytes) {
    heard.passed += stream.feed(text.substr(at, chunk_bytes));
    heard.output += output.feed(text.substr(at, chunk_bytes));
  }
  heard.passed += stream.finish();
  heard.before_start = stream.before_start();
  heard.pid = stream.pid();
  heard.lacking = stream.lacking();
  heard.trailer = stream.trailer();
  heard.output += output.finish();
  heard.output_ended = output.seen();
  return heard;
}

}  // namespace

/// The first byte says how large the chunks are.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using sidefridge::fuzz::promise;
  if (size < 1) return 0;
  const std::string_view text = sidefridge::fuzz::text_of(data + 1, size - 1);
  const Heard whole = hear(text, std::max<std::size_t>(text.size(), 1));
  promise(hear(text, 1 + std::size_t{data[0]}) == whole, "it does not matter where the stream is cut");
  const std::size_t output_end = text.find("e\n");
  promise(whole.output_ended == (output_end != text.npos), "the end of stdout is found, and only where it is");
  promise(whole.output == text.substr(0, output_end), "of stdout nothing is lost before its end");
  if (!whole.pid) {
    promise(whole.passed.empty() && !whole.trailer, "nothing is passed on and nothing has ended before the start");
    if (whole.lacking.empty() && text.size() <= sidefridge::kubernetes::ExecStream::max_before_start_bytes) {
      promise(whole.before_start == text, "what came before the start is kept");
    }
    return 0;
  }
  if (!whole.lacking.empty()) return 0;
  // The start is missing, and all from the trailer on, and nothing else.
  std::size_t begin = 0;
  while (begin < whole.passed.size() && whole.passed[begin] == text[begin]) ++begin;
  const std::string_view rest = std::string_view(whole.passed).substr(begin);
  if (whole.trailer) {
    promise(text.find(std::string(rest) + "e:end:") != text.npos, "no byte between start and trailer is lost");
  } else {
    promise(text.ends_with(rest), "no byte behind the start is lost");
  }
  promise(text.size() > whole.passed.size(), "the start is not passed on");
  return 0;
}
