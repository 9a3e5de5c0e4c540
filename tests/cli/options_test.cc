// options_test.cc - command lines and the environment, merged.
#include "sidefridge/cli/options.h"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "sidefridge/base/version.h"

namespace sidefridge::cli {
namespace {

using namespace std::chrono_literals;
using Arguments = std::vector<std::string>;
using Environment = std::vector<core::Setting>;

constexpr std::array test_options{
    VerbOption{"limit", "N", "20", "at most this many"},
    VerbOption{"wait", "", "", "wait for it"},
    json_option,
};

constexpr VerbSpec test_spec{
    .command = "sidefridge test",
    .arguments = "[NAME [OTHER]]",
    .summary = "Tests.",
    .options = test_options,
    .most_positionals = 2,
};

ParsedOptions parsed(const Arguments& arguments, const Environment& environment = {}) {
  auto options = parse_options(test_spec, arguments, environment);
  EXPECT_TRUE(options.ok()) << options.error().text;
  return options.ok() ? *std::move(options) : ParsedOptions{};
}

std::string refused(const Arguments& arguments) {
  const auto options = parse_options(test_spec, arguments, {});
  if (options.ok()) return "accepted";
  EXPECT_EQ(options.error().code, ErrorCode::invalid);
  EXPECT_EQ(options.error().text.find('\n'), std::string::npos) << options.error().text;
  EXPECT_TRUE(options.error().text.starts_with("sidefridge test: ")) << options.error().text;
  EXPECT_TRUE(options.error().text.ends_with("; see sidefridge test --help")) << options.error().text;
  return options.error().text;
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

TEST(Options, without_any_are_the_defaults) {
  const ParsedOptions options = parsed({});
  ASSERT_TRUE(options.config.ok());
  EXPECT_EQ(options.config.config(), core::Config{});
  EXPECT_TRUE(options.positionals.empty());
  EXPECT_TRUE(options.own.empty());
  EXPECT_FALSE(options.answer.has_value());
}

TEST(Options, win_over_the_environment) {
  const ParsedOptions options =
      parsed({"--grace", "3s", "--log-format=json"}, {{"SIDEFRIDGE_GRACE", "9s"}, {"SIDEFRIDGE_STATE_DIR", "/state"}});
  ASSERT_TRUE(options.config.ok());
  EXPECT_EQ(options.config.config().grace, 3s);
  EXPECT_EQ(options.config.config().log_format, core::LogFormat::json);
  EXPECT_EQ(options.config.config().state_dir, "/state");
}

TEST(Options, take_the_last_when_given_twice) {
  EXPECT_EQ(parsed({"--grace", "3s", "--grace=4s"}).config.config().grace, 4s);
}

TEST(Options, exist_for_every_setting) {
  for (const core::ConfigOption& option : core::config_options()) {
    const std::string value = option.fallback.empty() ? "@daily" : std::string(option.fallback);
    const ParsedOptions options = parsed({"--" + std::string(option.option), value});
    EXPECT_TRUE(options.config.ok()) << option.option;
  }
  EXPECT_EQ(parsed({"--cron-backup-schedule=0,30 1,2 * * *"}).config.config().schedule->text, "0,30 1,2 * * *");
}

TEST(Options, leave_mistakes_in_settings_to_the_verb) {
  const ParsedOptions options = parsed({"--grace=", "--log-level", "--json"});
  ASSERT_FALSE(options.config.ok());
  EXPECT_EQ(options.config.mistakes().size(), 2U);
  EXPECT_FALSE(options.has("json"));
}

TEST(Options, need_a_schedule_where_the_verb_does) {
  VerbSpec spec = test_spec;
  spec.schedule = core::Need::mandatory;
  const auto without = parse_options(spec, {}, {});
  ASSERT_TRUE(without.ok());
  EXPECT_FALSE(without->config.ok());
  const auto with = parse_options(spec, {}, Environment{{"CRON_BACKUP_SCHEDULE", "@daily"}});
  ASSERT_TRUE(with.ok());
  EXPECT_TRUE(with->config.ok());
}

TEST(Options, of_a_verb_are_known_by_name) {
  const ParsedOptions options = parsed({"--limit", "7", "--wait"});
  EXPECT_EQ(options.value("limit"), "7");
  EXPECT_TRUE(options.has("limit"));
  EXPECT_TRUE(options.has("wait"));
  EXPECT_FALSE(options.has("json"));
  EXPECT_EQ(options.value("json"), std::nullopt);
}

TEST(Options, pass_positionals_whole_commas_and_all) {
  EXPECT_EQ(parsed({"0,30 * * * *", "--wait", "-"}).positionals, (Arguments{"0,30 * * * *", "-"}));
  EXPECT_EQ(parsed({"--", "--wait"}).positionals, Arguments{"--wait"});
  EXPECT_EQ(parsed({""}).positionals, Arguments{""});
}

TEST(Options, refuse_what_is_unknown_missing_or_too_much_in_one_line) {
  EXPECT_TRUE(contains(refused({"--nonsense"}), "nonsense"));
  EXPECT_TRUE(contains(refused({"--non\nsense"}), "non?sense"));
  EXPECT_TRUE(contains(refused({"-x"}), "x"));
  EXPECT_TRUE(contains(refused({"--limit"}), "limit"));
  EXPECT_TRUE(contains(refused({"--grace"}), "grace"));
  EXPECT_TRUE(contains(refused({"--wait=maybe"}), "maybe"));
  EXPECT_TRUE(contains(refused({"one", "two", "three"}), "unexpected argument 'three'"));
  EXPECT_TRUE(contains(refused({"--SIDEFRIDGE_GRACE=1s"}), "SIDEFRIDGE_GRACE"));
}

TEST(Options, help_names_every_option_with_its_variable_default_and_unit) {
  for (const char* const flag : {"--help", "-h"}) {
    const ParsedOptions options = parsed({flag});
    ASSERT_TRUE(options.answer.has_value());
    const std::string& help = *options.answer;
    EXPECT_TRUE(help.starts_with("Usage: sidefridge test [NAME [OTHER]] [OPTION...]\n\nTests.\n\n")) << help;
    EXPECT_TRUE(contains(help, "  --limit N             at most this many (default: 20)\n")) << help;
    EXPECT_TRUE(contains(help, "  --json                print JSON, for programs\n")) << help;
    for (const core::ConfigOption& option : core::config_options()) {
      const std::string name = "  " + std::string(option.variable) + ", --" + std::string(option.option) + " VALUE\n";
      const std::string value = "(" + std::string(option.unit) + "; " +
                                (option.fallback.empty() ? "no default" : "default: " + std::string(option.fallback)) +
                                ")\n";
      const std::size_t at = help.find(name);
      ASSERT_NE(at, std::string::npos) << help;
      EXPECT_TRUE(contains(help.substr(at), option.help)) << option.variable;
      EXPECT_TRUE(contains(help.substr(at), value)) << option.variable;
    }
    std::istringstream lines(help);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 100U) << line;
  }
}

TEST(Options, tell_the_version) {
  EXPECT_EQ(parsed({"--version"}).answer, "sidefridge " + std::string(version()) + "\n");
}

TEST(Options, read_the_environment_as_settings) {
  const char* const environment[] = {"A=1", "B=", "C=x=y", "odd", nullptr};
  EXPECT_EQ(settings_of(environment), (Environment{{"A", "1"}, {"B", ""}, {"C", "x=y"}}));
}

TEST(Options, finish_a_verb_that_was_asked_for_help_or_misused) {
  std::ostringstream out;
  std::ostringstream err;
  EXPECT_EQ(finish(parse_options(test_spec, Arguments{"--version"}, {}), out, err), 0);
  EXPECT_EQ(out.str(), "sidefridge " + std::string(version()) + "\n");
  EXPECT_EQ(err.str(), "");
  EXPECT_EQ(finish(parse_options(test_spec, Arguments{"--nope"}, {}), out, err), 2);
  EXPECT_TRUE(contains(err.str(), "nope"));
  EXPECT_EQ(finish(parse_options(test_spec, {}, {}), out, err), std::nullopt);
}

TEST(Options, finish_a_verb_whose_settings_are_wrong_with_one_line_each) {
  std::ostringstream err;
  EXPECT_EQ(finish(parsed({"--grace=soon", "--log-level=loud"}).config, err), 2);
  EXPECT_EQ(err.str(),
            "sidefridge: SIDEFRIDGE_LOG_LEVEL (--log-level): found 'loud', allowed: debug, info, warning, error\n"
            "sidefridge: SIDEFRIDGE_GRACE (--grace): found 'soon', allowed: 250ms, 25s, 90m, 24h, 7d, 1h30m or whole "
            "seconds, up to 36500d\n");
  EXPECT_EQ(finish(parsed({}).config, err), std::nullopt);
}

TEST(Options, finish_with_an_io_error_when_help_cannot_be_written) {
  std::ostringstream out;
  std::ostringstream err;
  out.setstate(std::ios::badbit);
  EXPECT_EQ(finish(parse_options(test_spec, Arguments{"--help"}, {}), out, err), 74);
}

}  // namespace
}  // namespace sidefridge::cli
