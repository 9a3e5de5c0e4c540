// variables.cc - a namespace is a named database of its run's id; the steps of a run lie in one beside it.
#include "sidefridge/store/variables.h"

#include <unistd.h>

#include <array>
#include <utility>

#include "sidefridge/core/record.h"
#include "sidefridge/store/page_file.h"
#include "sidefridge/store/sequence_key.h"
#include "sidefridge/text/quote.h"

namespace sidefridge::store {
namespace {

constexpr std::size_t page_bytes = 4096;
constexpr std::size_t maximum_run_id_bytes = 200;

// No run id has a slash in it, so this is nobody's namespace.
std::string steps_of(std::string_view run_id) {
  return std::string(run_id) + "/steps";
}

Error no_such_run(std::string_view run_id) {
  return Error{ErrorCode::unavailable, "the run " + text::in_quotes(run_id) + " has ended or does not exist"};
}

Result<void> check_key(std::string_view key) {
  if (!key.empty() && key.size() <= maximum_key_bytes) return {};
  return Error{ErrorCode::invalid, "a key is 1 to 511 bytes long, this one has " + std::to_string(key.size())};
}

// A damaged file is not the fault of the one who named a key.
template <class T>
Result<T> blaming_the_file(Result<T> result) {
  if (result || result.error().code != ErrorCode::invalid) return result;
  return Error{ErrorCode::io, std::move(result).error().text};
}

Result<Database> find_namespace(Transaction& transaction, std::string_view run_id) {
  const bool possible =
      !run_id.empty() && run_id.size() <= maximum_run_id_bytes && run_id.find('/') == std::string_view::npos;
  if (!possible) return no_such_run(run_id);
  auto found = transaction.find_database(std::string(run_id));
  if (!found) return std::move(found).error();
  if (!*found) return no_such_run(run_id);
  return **found;
}

Result<void> drop_if_there(Transaction& transaction, const std::string& name) {
  auto found = transaction.find_database(name);
  if (!found) return std::move(found).error();
  if (!*found) return {};
  return transaction.drop(**found);
}

}  // namespace

Result<Variables> Variables::recreate(const StateFolder& folder, std::uint64_t limit_bytes) {
  const std::string beside = folder.variables_path() + ".new";
  const auto remove = [](const std::string& path) {
    ::unlink(path.c_str());
    ::unlink((path + "-lock").c_str());
  };
  const auto make = [&] {
    remove(beside);
    return Environment::open(beside, {.access = Environment::Access::create,
                                      .sync = Environment::Sync::never,
                                      .readers = Environment::Readers::many,
                                      .map_bytes = limit_bytes / page_bytes * page_bytes,
                                      .limit_hint = "raise SIDEFRIDGE_STORE_LIMIT"});
  };
  auto environment = make();
  if (!environment && environment.error().code == ErrorCode::full) {
    remove(folder.variables_path());
    environment = make();
  }
  if (!environment) {
    remove(beside);
    return std::move(environment).error();
  }
  if (auto moved = environment->move_to(folder.variables_path()); !moved) return std::move(moved).error();
  return Variables(std::move(*environment));
}

Result<Variables> Variables::join(const StateFolder& folder) {
  auto environment = Environment::open(folder.variables_path(), {.access = Environment::Access::join,
                                                                 .sync = Environment::Sync::never,
                                                                 .limit_hint = "raise SIDEFRIDGE_STORE_LIMIT"});
  if (!environment) return blaming_the_file(std::move(environment)).error();
  return Variables(std::move(*environment));
}

Result<std::vector<core::StepRecord>> Variables::read_steps(const StateFolder& folder, std::string_view run_id) {
  const std::array wanted{steps_of(run_id)};
  const auto databases = blaming_the_file(read_databases(folder.variables_path(), wanted));
  if (!databases) return databases.error();
  std::vector<core::StepRecord> steps;
  for (const Item& item : databases->front()) {
    auto step = core::parse_step_record(item.value);
    if (!step) return std::move(step).error();
    steps.push_back(std::move(*step));
  }
  return steps;
}

Result<void> Variables::begin(std::string_view run_id) {
  auto transaction = environment_.begin_write();
  if (!transaction) return std::move(transaction).error();
  if (auto gone = drop_if_there(*transaction, std::string(run_id)); !gone) return gone;
  if (auto gone = drop_if_there(*transaction, steps_of(run_id)); !gone) return gone;
  if (auto made = transaction->make_database(std::string(run_id)); !made) return std::move(made).error();
  return transaction->commit();
}

Result<void> Variables::drop(std::string_view run_id) {
  auto transaction = environment_.begin_write();
  if (!transaction) return std::move(transaction).error();
  if (auto gone = drop_if_there(*transaction, std::string(run_id)); !gone) return gone;
  if (auto gone = drop_if_there(*transaction, steps_of(run_id)); !gone) return gone;
  return transaction->commit();
}

Result<void> Variables::save(std::string_view run_id, std::string_view key, std::string_view value) {
  if (auto sound = check_key(key); !sound) return sound;
  const auto attempt = [&]() -> Result<void> {
    auto transaction = environment_.begin_write();
    if (!transaction) return std::move(transaction).error();
    auto space = find_namespace(*transaction, run_id);
    if (!space) return std::move(space).error();
    if (auto put = transaction->put(*space, key, value); !put) return put;
    return transaction->commit();
  };
  auto saved = attempt();
  // Pages that only a killed reader still held count as free from now on.
  if (!saved && saved.error().code == ErrorCode::full && environment_.clear_stale_readers() > 0) saved = attempt();
  return blaming_the_file(std::move(saved));
}

Result<std::optional<std::string>> Variables::load(std::string_view run_id, std::string_view key) {
  if (auto sound = check_key(key); !sound) return std::move(sound).error();
  const auto attempt = [&]() -> Result<std::optional<std::string>> {
    auto transaction = environment_.begin_read();
    if (!transaction) return std::move(transaction).error();
    auto space = find_namespace(*transaction, run_id);
    if (!space) return std::move(space).error();
    auto found = transaction->get(*space, key);
    if (!found) return std::move(found).error();
    if (!*found) return std::optional<std::string>();
    return std::optional<std::string>(**found);
  };
  return blaming_the_file(attempt());
}

Result<void> Variables::save_steps(std::string_view run_id, std::size_t first,
                                   std::span<const core::StepRecord> steps) {
  auto transaction = environment_.begin_write();
  if (!transaction) return std::move(transaction).error();
  auto saved = transaction->make_database(steps_of(run_id));
  if (!saved) return std::move(saved).error();
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (auto put = transaction->put(*saved, format_key(first + i), core::format_record(steps[i])); !put) return put;
  }
  return transaction->commit();
}

}  // namespace sidefridge::store
