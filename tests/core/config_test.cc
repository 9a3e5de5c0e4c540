// config_test.cc - settings become values, or every mistake is told.
#include "sidefridge/core/config.h"

#include <gtest/gtest.h>

#include <chrono>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sidefridge::core {
namespace {

using namespace std::chrono_literals;
using Settings = std::vector<Setting>;

/// A world of two zones.
Result<cron::Zone> zone_named(std::string_view name) {
  if (name.empty()) return cron::Zone();
  if (name == "CET-1") return cron::Zone::from_posix(name);
  return Error{ErrorCode::invalid, "unknown time zone '" + std::string(name) + "'"};
}

Config configured(const Settings& settings, Need schedule = Need::optional) {
  auto outcome = parse_config(settings, schedule, zone_named);
  EXPECT_TRUE(outcome.ok()) << outcome.mistakes().front();
  return outcome.ok() ? std::move(outcome).config() : Config{};
}

std::vector<std::string> mistakes_in(const Settings& settings, Need schedule = Need::optional) {
  const auto outcome = parse_config(settings, schedule, zone_named);
  return outcome.ok() ? std::vector<std::string>{} : outcome.mistakes();
}

using Lines = std::vector<std::string>;

TEST(Config, without_settings_is_the_defaults) {
  const Config config = configured({});
  EXPECT_EQ(config, Config{});
  EXPECT_FALSE(config.schedule.has_value());
  EXPECT_FALSE(config.target_container.has_value());
  EXPECT_FALSE(config.pod_name.has_value());
  EXPECT_EQ(config.scripts_dir, "/scripts");
  EXPECT_EQ(config.state_dir, "/run/sidefridge");
  EXPECT_EQ(config.log_format, LogFormat::text);
  EXPECT_EQ(config.log_level, LogLevel::info);
  EXPECT_EQ(config.grace, 15s);
  EXPECT_EQ(config.store_limit_bytes, 64U << 20);
  EXPECT_EQ(config.history_limit, 1000U);
  EXPECT_EQ(config.job.script_timeout, 0s);
  EXPECT_EQ(config.job.feed_timeout, 5min);
  EXPECT_EQ(config.job.run_timeout, 0s);
  EXPECT_EQ(config.schedule_file, "");
  EXPECT_EQ(config.hooks.settle, 250ms);
  EXPECT_EQ(config.hooks.poll, 60s);
  EXPECT_EQ(config.hooks_limit_bytes, 64U << 20);
  EXPECT_FALSE(config.job.run_on_start);
  EXPECT_EQ(config.job.catch_up, 0s);
  EXPECT_EQ(config.jitter, 0s);
  EXPECT_EQ(config.job.retries, 0U);
  EXPECT_EQ(config.job.retry_delay, 10s);
  EXPECT_TRUE(config.warnings.empty());
}

TEST(Config, tells_the_defaults_it_has) {
  Config config;
  for (const ConfigOption& option : config_options()) {
    if (option.fallback.empty()) continue;
    EXPECT_TRUE(option.assign(config, option.fallback).ok()) << option.variable;
    EXPECT_EQ(config, Config{}) << option.variable;
  }
}

TEST(Config, takes_every_setting) {
  const Config config = configured({{"CRON_BACKUP_SCHEDULE", "*/5 * * * *"},
                                    {"TARGET_CONTAINER", "db"},
                                    {"POD_NAME", "db-0"},
                                    {"SIDEFRIDGE_SCRIPTS_DIR", "hooks"},
                                    {"SIDEFRIDGE_STATE_DIR", "/tmp/state"},
                                    {"SIDEFRIDGE_LOG_FORMAT", "json"},
                                    {"SIDEFRIDGE_LOG_LEVEL", "debug"},
                                    {"SIDEFRIDGE_GRACE", "1m30s"},
                                    {"SIDEFRIDGE_STORE_LIMIT", "1MiB"},
                                    {"SIDEFRIDGE_HISTORY_LIMIT", "1000000"},
                                    {"SIDEFRIDGE_SCRIPT_TIMEOUT", "10m"},
                                    {"SIDEFRIDGE_FEED_TIMEOUT", "1m"},
                                    {"SIDEFRIDGE_RUN_TIMEOUT", "2h"},
                                    {"SIDEFRIDGE_SCHEDULE_FILE", "/scripts/schedule"},
                                    {"SIDEFRIDGE_SETTLE", "1s"},
                                    {"SIDEFRIDGE_POLL", "0"},
                                    {"SIDEFRIDGE_HOOKS_LIMIT", "1MiB"},
                                    {"SIDEFRIDGE_RUN_ON_START", "true"},
                                    {"SIDEFRIDGE_CATCH_UP", "1d"},
                                    {"SIDEFRIDGE_JITTER", "5m"},
                                    {"SIDEFRIDGE_RETRIES", "3"},
                                    {"SIDEFRIDGE_RETRY_DELAY", "30s"},
                                    {"PATH", "/bin"}},
                                   Need::mandatory);
  ASSERT_TRUE(config.schedule.has_value());
  EXPECT_EQ(config.schedule->text, "*/5 * * * *");
  EXPECT_EQ(config.schedule->expression, *cron::parse_cron("*/5 * * * *"));
  EXPECT_EQ(config.target_container, "db");
  EXPECT_EQ(config.pod_name, "db-0");
  EXPECT_EQ(config.scripts_dir, "hooks");
  EXPECT_EQ(config.state_dir, "/tmp/state");
  EXPECT_EQ(config.log_format, LogFormat::json);
  EXPECT_EQ(config.log_level, LogLevel::debug);
  EXPECT_EQ(config.grace, 90s);
  EXPECT_EQ(config.store_limit_bytes, 1U << 20);
  EXPECT_EQ(config.history_limit, 1'000'000U);
  EXPECT_EQ(config.job.script_timeout, 10min);
  EXPECT_EQ(config.job.feed_timeout, 1min);
  EXPECT_EQ(config.job.run_timeout, 2h);
  EXPECT_EQ(config.schedule_file, "/scripts/schedule");
  EXPECT_EQ(config.hooks.settle, 1s);
  EXPECT_EQ(config.hooks.poll, 0s);
  EXPECT_EQ(config.hooks_limit_bytes, 1U << 20);
  EXPECT_TRUE(config.job.run_on_start);
  EXPECT_EQ(config.job.catch_up, 24h);
  EXPECT_EQ(config.jitter, 5min);
  EXPECT_EQ(config.job.retries, 3U);
  EXPECT_EQ(config.job.retry_delay, 30s);
  ASSERT_EQ(config.warnings.size(), 1U);
  EXPECT_TRUE(config.warnings[0].starts_with("SIDEFRIDGE_GRACE is 1 min 30 s: ")) << config.warnings[0];
}

TEST(Config, takes_the_last_of_a_setting_given_twice) {
  EXPECT_EQ(configured({{"SIDEFRIDGE_GRACE", "nonsense"}, {"SIDEFRIDGE_GRACE", "3s"}}).grace, 3s);
  EXPECT_EQ(configured({{"POD_NAME", "a"}, {"POD_NAME", ""}}).pod_name, std::nullopt);
}

TEST(Config, takes_an_empty_name_or_schedule_for_none) {
  EXPECT_EQ(configured({{"CRON_BACKUP_SCHEDULE", ""}, {"TARGET_CONTAINER", ""}, {"POD_NAME", ""}}), Config{});
}

TEST(Config, needs_a_schedule_where_it_is_mandatory) {
  const Lines expected{
      "CRON_BACKUP_SCHEDULE (--cron-backup-schedule): not set; set it to a cron expression such as '0 3 * * *' or "
      "@daily"};
  EXPECT_EQ(mistakes_in({}, Need::mandatory), expected);
  EXPECT_EQ(mistakes_in({{"CRON_BACKUP_SCHEDULE", ""}}, Need::mandatory), expected);
}

TEST(Config, refuses_a_bad_value_with_the_variable_what_was_found_and_what_is_allowed) {
  const std::string durations = "allowed: 250ms, 25s, 90m, 24h, 7d, 1h30m or whole seconds, up to 36500d";
  const struct {
    Setting setting;
    std::string expected;
  } rows[] = {
      {{"CRON_BACKUP_SCHEDULE", "0 24 * * *"},
       "CRON_BACKUP_SCHEDULE (--cron-backup-schedule): hour: found '24', allowed: 0-23"},
      {{"SIDEFRIDGE_SCRIPTS_DIR", ""},
       "SIDEFRIDGE_SCRIPTS_DIR (--scripts-dir): found '', allowed: the path of a folder"},
      {{"SIDEFRIDGE_STATE_DIR", ""}, "SIDEFRIDGE_STATE_DIR (--state-dir): found '', allowed: the path of a folder"},
      {{"SIDEFRIDGE_LOG_FORMAT", "xml"}, "SIDEFRIDGE_LOG_FORMAT (--log-format): found 'xml', allowed: text, json"},
      {{"SIDEFRIDGE_LOG_LEVEL", ""},
       "SIDEFRIDGE_LOG_LEVEL (--log-level): found '', allowed: debug, info, warning, error"},
      {{"SIDEFRIDGE_GRACE", "soon"}, "SIDEFRIDGE_GRACE (--grace): found 'soon', " + durations},
      {{"SIDEFRIDGE_GRACE", ""}, "SIDEFRIDGE_GRACE (--grace): found '', " + durations},
      {{"SIDEFRIDGE_SCRIPT_TIMEOUT", "-1"}, "SIDEFRIDGE_SCRIPT_TIMEOUT (--script-timeout): found '-1', " + durations},
      {{"SIDEFRIDGE_RUN_ON_START", "2"},
       "SIDEFRIDGE_RUN_ON_START (--run-on-start): found '2', allowed: true or false, also yes or no, on or off, 1 or "
       "0"},
      {{"SIDEFRIDGE_POLL", "1ms"}, "SIDEFRIDGE_POLL (--poll): found '1ms', allowed: 0, or 1s and more"},
      {{"SIDEFRIDGE_RETRIES", "101"}, "SIDEFRIDGE_RETRIES (--retries): found '101', allowed: 0 to 100"},
      {{"SIDEFRIDGE_RUN_TIMEOUT", "none"}, "SIDEFRIDGE_RUN_TIMEOUT (--run-timeout): found 'none', " + durations},
      {{"SIDEFRIDGE_STORE_LIMIT", "lots"},
       "SIDEFRIDGE_STORE_LIMIT (--store-limit): found 'lots', allowed: a number of bytes such as 65536, 512KiB, 64MiB, "
       "1GiB or 1TiB (Ki, Mi, Gi, Ti too)"},
      {{"SIDEFRIDGE_STORE_LIMIT", "1048575"},
       "SIDEFRIDGE_STORE_LIMIT (--store-limit): found '1048575', allowed: 1MiB to 1TiB"},
      {{"SIDEFRIDGE_STORE_LIMIT", "1025GiB"},
       "SIDEFRIDGE_STORE_LIMIT (--store-limit): found '1025GiB', allowed: 1MiB to 1TiB"},
      {{"SIDEFRIDGE_HISTORY_LIMIT", "0"},
       "SIDEFRIDGE_HISTORY_LIMIT (--history-limit): found '0', allowed: 1 to 1000000"},
      {{"SIDEFRIDGE_HISTORY_LIMIT", "1000001"},
       "SIDEFRIDGE_HISTORY_LIMIT (--history-limit): found '1000001', allowed: 1 to 1000000"},
      {{"SIDEFRIDGE_HISTORY_LIMIT", "4294967297"},
       "SIDEFRIDGE_HISTORY_LIMIT (--history-limit): found '4294967297', allowed: 1 to 1000000"},
      {{"SIDEFRIDGE_HISTORY_LIMIT", "-1"},
       "SIDEFRIDGE_HISTORY_LIMIT (--history-limit): found '-1', allowed: 1 to 1000000"},
      {{"SIDEFRIDGE_HISTORY_LIMIT", "1 0"},
       "SIDEFRIDGE_HISTORY_LIMIT (--history-limit): found '1 0', allowed: 1 to 1000000"},
      {{"SIDEFRIDGE_HISTORY_LIMIT", ""}, "SIDEFRIDGE_HISTORY_LIMIT (--history-limit): found '', allowed: 1 to 1000000"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(mistakes_in({row.setting}), Lines{row.expected}) << row.setting.name << "=" << row.setting.value;
  }
}

TEST(Config, takes_white_space_off_the_ends_as_an_echo_or_an_env_file_leaves_it) {
  for (const std::string end : {"\n", "\r", "\r\n", " ", "\t \n"}) {
    const Config config = configured({{"CRON_BACKUP_SCHEDULE", end + "0 3 * * *" + end},
                                      {"TZ", "CET-1" + end},
                                      {"POD_NAME", "pod" + end},
                                      {"SIDEFRIDGE_SCRIPTS_DIR", "/hooks" + end},
                                      {"SIDEFRIDGE_GRACE", end + "3s" + end}});
    EXPECT_EQ(config.schedule->text, "0 3 * * *");
    EXPECT_EQ(config.schedule->zone.name(), "CET-1");
    EXPECT_EQ(config.pod_name, "pod");
    EXPECT_EQ(config.scripts_dir, "/hooks");
    EXPECT_EQ(config.grace, 3s);
    EXPECT_EQ(configured({{"CRON_BACKUP_SCHEDULE", end}}).schedule, std::nullopt);
  }
}

TEST(Config, takes_true_false_and_words_as_people_write_them) {
  for (const char* const word : {"true", "True", "TRUE", "yes", "Yes", "on", "ON", "1"}) {
    EXPECT_TRUE(configured({{"SIDEFRIDGE_RUN_ON_START", word}}).job.run_on_start) << word;
  }
  for (const char* const word : {"false", "False", "no", "NO", "off", "0"}) {
    EXPECT_FALSE(configured({{"SIDEFRIDGE_RUN_ON_START", word}}).job.run_on_start) << word;
  }
  EXPECT_EQ(configured({{"SIDEFRIDGE_LOG_FORMAT", "JSON"}}).log_format, LogFormat::json);
  EXPECT_EQ(configured({{"SIDEFRIDGE_LOG_LEVEL", "Warning"}}).log_level, LogLevel::warning);
}

TEST(Config, tells_quotes_that_are_part_of_a_value) {
  const std::string allowed = ", allowed: the value without the quotes, which are part of it here";
  EXPECT_EQ(mistakes_in({{"CRON_BACKUP_SCHEDULE", "\"0 3 * * *\""}}),
            Lines{"CRON_BACKUP_SCHEDULE (--cron-backup-schedule): found '\"0 3 * * *\"'" + allowed});
  EXPECT_EQ(mistakes_in({{"SIDEFRIDGE_STATE_DIR", "'/state'\n"}}),
            Lines{"SIDEFRIDGE_STATE_DIR (--state-dir): found ''/state''" + allowed});
  EXPECT_EQ(mistakes_in({{"CRON_BACKUP_SCHEDULE", "@daily"}, {"TZ", "\"Europe/Berlin\""}}),
            Lines{"TZ: found '\"Europe/Berlin\"'" + allowed});
}

TEST(Config, shows_what_cannot_be_seen_in_a_refused_value) {
  EXPECT_NE(mistakes_in({{"CRON_BACKUP_SCHEDULE", "0\u00a03 * * *"}}).at(0).find("\\u00a0"), std::string::npos);
  EXPECT_NE(mistakes_in({{"CRON_BACKUP_SCHEDULE", "\ufeff0 3 * * *"}}).at(0).find("\\ufeff"), std::string::npos);
  EXPECT_NE(mistakes_in({{"SIDEFRIDGE_GRACE", "1\r0s"}}).at(0).find("'1\\x0d0s'"), std::string::npos);
}

TEST(Config, tells_all_mistakes_at_once_each_on_one_line) {
  const Lines mistakes =
      mistakes_in({{"SIDEFRIDGE_GRACE", "so\non"}, {"SIDEFRIDGE_LOG_LEVEL", "loud"}, {"SIDEFRIDGE_STATE_DIR", "/ok"}},
                  Need::mandatory);
  ASSERT_EQ(mistakes.size(), 3U);
  EXPECT_TRUE(mistakes[0].starts_with("CRON_BACKUP_SCHEDULE (--cron-backup-schedule): not set")) << mistakes[0];
  EXPECT_TRUE(mistakes[1].starts_with("SIDEFRIDGE_LOG_LEVEL (--log-level): found 'loud'")) << mistakes[1];
  EXPECT_TRUE(mistakes[2].starts_with("SIDEFRIDGE_GRACE (--grace): found 'so\\x0aon'")) << mistakes[2];
}

TEST(Config, warns_of_a_grace_with_which_an_ending_takes_longer_than_kubernetes_waits) {
  EXPECT_EQ(
      configured({{"SIDEFRIDGE_GRACE", "25s"}}).warnings,
      Lines{"SIDEFRIDGE_GRACE is 25 s: with it a shutdown takes longer than the 30 s that Kubernetes gives a pod; "
            "set the pod's terminationGracePeriodSeconds to 39 or more"});
  EXPECT_EQ(configured({{"SIDEFRIDGE_GRACE", "16001ms"}}).warnings,
            Lines{"SIDEFRIDGE_GRACE is 16 s: with it a shutdown takes longer than the 30 s that Kubernetes gives a "
                  "pod; set the pod's terminationGracePeriodSeconds to 31 or more"});
  for (const char* const enough : {"0", "3s", "15s", "16s"}) {
    EXPECT_EQ(configured({{"SIDEFRIDGE_GRACE", enough}}).warnings, Lines{}) << enough;
  }
}

TEST(Config, warns_of_a_variable_that_looks_like_a_typo) {
  EXPECT_EQ(configured({{"SIDEFRIDGE_GRASE", "1s"}, {"SIDEFRIDGE_", ""}, {"SIDEFRIDGE", "x"}, {"HOME", "/"}}).warnings,
            (Lines{"'SIDEFRIDGE_GRASE' is not a setting of sidefridge and is ignored; see --help",
                   "'SIDEFRIDGE_' is not a setting of sidefridge and is ignored; see --help"}));
}

TEST(Config, does_not_warn_of_what_its_scripts_are_given_or_of_service_links) {
  for (const char* const name : {"SIDEFRIDGE_RUN_ID", "SIDEFRIDGE_HOOK", "SIDEFRIDGE_SCRIPT", "SIDEFRIDGE_TRIGGER",
                                 "SIDEFRIDGE_SCHEDULED_AT", "SIDEFRIDGE_ERROR_HOOK", "SIDEFRIDGE_ERROR_STDERR",
                                 "SIDEFRIDGE_SERVICE_HOST", "SIDEFRIDGE_SERVICE_PORT", "SIDEFRIDGE_SERVICE_PORT_HTTP",
                                 "SIDEFRIDGE_PORT", "SIDEFRIDGE_PORT_80_TCP_ADDR", "SIDEFRIDGE_METRICS_SERVICE_HOST"}) {
    EXPECT_TRUE(configured({{name, "x"}}).warnings.empty()) << name;
  }
}

TEST(Config, takes_the_zone_of_the_schedule_else_that_of_tz_else_utc) {
  const Setting daily{"CRON_BACKUP_SCHEDULE", "@daily"};
  EXPECT_EQ(configured({daily}).schedule->zone, cron::Zone());
  EXPECT_EQ(configured({daily, {"TZ", ""}}).schedule->zone, cron::Zone());
  EXPECT_EQ(configured({daily, {"TZ", "CET-1"}}).schedule->zone.name(), "CET-1");
  EXPECT_EQ(configured({{"CRON_BACKUP_SCHEDULE", "CRON_TZ=CET-1 @daily"}, {"TZ", "Mars/Base"}}).schedule->zone.name(),
            "CET-1");
  EXPECT_EQ(configured({{"CRON_BACKUP_SCHEDULE", "TZ= @daily"}, {"TZ", "CET-1"}}).schedule->zone, cron::Zone());
}

TEST(Config, names_where_an_unknown_zone_was_given) {
  EXPECT_EQ(mistakes_in({{"CRON_BACKUP_SCHEDULE", "@daily"}, {"TZ", "Mars/Base"}}),
            Lines{"TZ: unknown time zone 'Mars/Base'"});
  EXPECT_EQ(mistakes_in({{"CRON_BACKUP_SCHEDULE", "TZ=Mars/Base @daily"}}),
            Lines{"CRON_BACKUP_SCHEDULE (--cron-backup-schedule): unknown time zone 'Mars/Base'"});
  EXPECT_TRUE(configured({{"TZ", "Mars/Base"}}).warnings.empty()) << "without a schedule nobody asks";
}

TEST(Config, has_one_variable_and_one_option_of_the_same_name_for_each_setting) {
  std::set<std::string_view> variables;
  std::set<std::string_view> names;
  for (const ConfigOption& option : config_options()) {
    EXPECT_TRUE(variables.insert(option.variable).second) << option.variable;
    EXPECT_TRUE(names.insert(option.option).second) << option.option;
    std::string variable;
    for (const char c : option.option) variable += c == '-' ? '_' : static_cast<char>(c - 'a' + 'A');
    EXPECT_TRUE(option.variable == variable || option.variable == "SIDEFRIDGE_" + variable) << option.variable;
    EXPECT_FALSE(option.unit.empty()) << option.variable;
    EXPECT_FALSE(option.help.empty()) << option.variable;
    EXPECT_NE(option.assign, nullptr) << option.variable;
  }
  EXPECT_EQ(variables.size(), 24U);
}

}  // namespace
}  // namespace sidefridge::core
