// lines.cc - any bytes as a script's output, in chunks of any size: nothing lost, and valid JSON out of it.
#include <algorithm>
#include <string>

#include "../text/json_reader.h"
#include "fuzz_target.h"
#include "sidefridge/text/json.h"
#include "sidefridge/text/line_splitter.h"

namespace {

bool is_json_of(std::string_view line) {
  std::string json;
  sidefridge::text::append_json_string(json, line);
  return json.find('\n') == std::string::npos && sidefridge::text::JsonReader::read(json).has_value();
}

}  // namespace

/// The first byte says how large the chunks are, the second how often a sink has enough.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sidefridge;
  if (size < 2) return 0;
  const std::size_t chunk_bytes = 1 + std::size_t{data[0]} * 257;
  const std::size_t enough_every = 1 + std::size_t{data[1]};
  const std::string_view text = fuzz::text_of(data + 2, size - 2);

  text::LineSplitter splitter;
  std::string joined;
  std::size_t pieces = 0;
  const auto sink = [&](std::string_view line, text::LineEnd end) {
    fuzz::promise(line.size() <= text::LineSplitter::max_part_bytes, "a part is not too long");
    fuzz::promise(line.find('\n') == line.npos, "a line holds no newline");
    fuzz::promise(end == text::LineEnd::newline || line.size() + 3 >= text::LineSplitter::max_part_bytes,
                  "only what is too long is cut");
    fuzz::promise(is_json_of(line), "a line becomes valid JSON on one line");
    joined += line;
    if (end == text::LineEnd::newline) joined += '\n';
    return ++pieces % enough_every == 0 ? text::Take::enough : text::Take::more;
  };
  for (std::size_t at = 0; at < text.size();) {
    at += splitter.feed(text.substr(at, chunk_bytes), sink);
    fuzz::promise(splitter.pending_bytes() <= text::LineSplitter::max_part_bytes, "what waits is bounded");
  }
  splitter.finish(sink);
  if (!text.empty() && !text.ends_with('\n')) joined.pop_back();
  fuzz::promise(joined == text, "no byte is lost, doubled or moved");
  return 0;
}
