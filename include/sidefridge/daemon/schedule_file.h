// schedule_file.h - a schedule that can be changed while the daemon runs.
#pragma once

#include <optional>
#include <string>

#include "sidefridge/base/result.h"
#include "sidefridge/cron/schedule.h"

namespace sidefridge::daemon {

/// The file that SIDEFRIDGE_SCHEDULE_FILE names: a cron expression, on a line of its own. White space and a byte order
/// mark, lines without anything and comments (# at the begin of a line or after a blank) do not count.
class ScheduleFile {
public:
  /// `zone_name` is that of a schedule which names none. `held` is what held() gave when somebody read it before;
  /// nothing: nobody did.
  ScheduleFile(std::string path, std::string zone_name, cron::ZoneSource zones,
               std::optional<std::string> held = std::nullopt);

  /// Reads the file. Returns: nothing when it is what it was at the last call, else the schedule, or what is wrong.
  /// Errors: of the file io; of what it holds those of cron::parse_schedule(), with the file's name.
  std::optional<Result<cron::Schedule>> read();

  /// What the last call of read() found: the file's text, or why it could not be read.
  const std::optional<std::string>& held() const noexcept { return last_; }

private:
  Result<std::string> read_text() const;

  std::string path_;
  std::string zone_name_;
  cron::ZoneSource zones_;
  std::optional<std::string> last_;  // its text, or the error
};

}  // namespace sidefridge::daemon
