// cron.cc - any bytes as a cron expression.
#include <chrono>

#include "fuzz_target.h"
#include "sidefridge/core/calendar.h"
#include "sidefridge/core/cron_expression.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sidefridge;
  const auto expression = core::parse_cron(fuzz::text_of(data, size));
  if (!expression) {
    fuzz::promise(fuzz::is_one_line(expression.error().text), "a refusal is one line");
    return 0;
  }
  const auto again = core::parse_cron(core::format_cron(*expression));
  fuzz::promise(again.ok() && *again == *expression, "what was written is read as the same");

  WallTime after(std::chrono::sys_days(std::chrono::year(2026) / 11 / 23));
  for (int i = 0; i < 8; ++i) {
    const auto at = core::next(*expression, after);
    fuzz::promise(at.has_value(), "what was accepted comes");
    fuzz::promise(*at > after, "the next instant is later");
    fuzz::promise(core::next(*expression, *at - Duration(1)) == at, "an instant is found from just before it");
    after = *at;
  }
  return 0;
}
