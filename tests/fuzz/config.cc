// config.cc - any lines "NAME=value" as settings, and each value as a duration, a size and an instant.
#include <string>
#include <vector>

#include "fuzz_target.h"
#include "sidefridge/core/config.h"
#include "sidefridge/text/time_format.h"

namespace sidefridge::fuzz {
namespace {

void read_everywhere(std::string_view text) {
  if (const auto duration = text::parse_duration(text)) {
    promise(*duration >= Duration::zero() && *duration <= text::longest_duration, "a duration is within its limits");
  } else {
    promise(is_one_line(duration.error().text), "a refused duration is told in one line");
  }
  if (const auto size = text::parse_size(text); !size) {
    promise(is_one_line(size.error().text), "a refused size is told in one line");
  }
  if (const auto at = text::parse_rfc3339(text)) {
    const std::string written = text::format_rfc3339(*at, text::Precision::milliseconds);
    const auto again = text::parse_rfc3339(written);
    promise(!again || (*again <= *at && *at - *again < std::chrono::milliseconds(1)),
            "an instant survives being written");
  } else {
    promise(is_one_line(at.error().text), "a refused instant is told in one line");
  }
}

std::vector<core::Setting> settings_in(std::string_view text) {
  std::vector<core::Setting> settings;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(line.size() < text.size() ? line.size() + 1 : line.size());
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) continue;
    settings.push_back({std::string(line.substr(0, equals)), std::string(line.substr(equals + 1))});
  }
  return settings;
}

}  // namespace
}  // namespace sidefridge::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sidefridge;
  const auto settings = fuzz::settings_in(fuzz::text_of(data, size));
  for (const core::Setting& setting : settings) fuzz::read_everywhere(setting.value);

  const auto outcome = core::parse_config(settings, core::Need::mandatory, cron::Zone::from_posix);
  if (!outcome) {
    fuzz::promise(!outcome.mistakes().empty(), "a refusal has a reason");
    for (const std::string& mistake : outcome.mistakes()) {
      fuzz::promise(fuzz::is_one_line(mistake), "a mistake is one line");
    }
    return 0;
  }
  const core::Config& config = outcome.config();
  fuzz::promise(config.schedule || !config.schedule_file.empty(), "a mandatory schedule is there, or in a file");
  fuzz::promise(!config.scripts_dir.empty() && !config.state_dir.empty(), "folders have a name");
  fuzz::promise(config.store_limit_bytes >= 1 << 20, "the store has room");
  fuzz::promise(config.history_limit >= 1, "the history keeps something");
  for (const std::string& warning : config.warnings) {
    fuzz::promise(fuzz::is_one_line(warning), "a warning is one line");
  }
  return 0;
}
