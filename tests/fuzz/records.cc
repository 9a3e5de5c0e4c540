// records.cc - any bytes as each kind of record: what is read is written and read again as the same.
#include "sidefridge/core/record.h"

#include "fuzz_target.h"

namespace sidefridge::fuzz {
namespace {

// No text of so short a record is cut when it is written.
constexpr std::size_t certainly_whole_bytes = 256;

template <class Record>
void read_and_write(std::string_view bytes, Result<Record> (*parse)(std::string_view)) {
  const auto record = parse(bytes);
  if (!record) {
    promise(record.error().code == ErrorCode::invalid, "bytes that are refused are invalid");
    promise(is_one_line(record.error().text), "a refusal is one line");
    return;
  }
  const std::string written = core::format_record(*record);
  promise(written.size() <= core::maximum_record_bytes, "a record has its limit");
  const auto again = parse(written);
  promise(again.ok(), "what is written can be read");
  promise(bytes.size() > certainly_whole_bytes || *again == *record, "a record survives being written");
  promise(core::format_record(*again) == written, "a record that was written is written as it was");
}

}  // namespace
}  // namespace sidefridge::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sidefridge;
  const std::string_view bytes = fuzz::text_of(data, size);
  fuzz::read_and_write(bytes, core::parse_run_record);
  fuzz::read_and_write(bytes, core::parse_step_record);
  fuzz::read_and_write(bytes, core::parse_daemon_record);
  fuzz::read_and_write(bytes, core::parse_schedule_record);
  return 0;
}
