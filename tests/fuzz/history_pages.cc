// history_pages.cc - a history file with any bytes changed: a process that reads it or goes on with it lives, and the
// next run is recorded. Input: changes of five bytes each, a place in the file (big-endian) and what is put there.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "fuzz_target.h"
#include "sidefridge/store/history.h"
#include "sidefridge/store/state_folder.h"

namespace sidefridge::fuzz {
namespace {

constexpr std::size_t runs_kept = 40;
constexpr std::size_t change_bytes = 5;

class Base {
public:
  Base() : dir_(make_folder()), folder_(store::StateFolder::open(dir_).value()) {
    store::History history = store::History::open(folder_, {.limit = runs_kept}).value();
    core::RunRecord large = run("large");
    core::StepRecord step;
    step.script = std::string(3000, 's');
    large.steps.assign(3, step);
    for (int i = 1; i <= 60; ++i) promise(history.finish(i % 20 == 0 ? large : run("small")).ok(), "it can be made");
    std::ifstream file(folder_.history_path(), std::ios::binary);
    sound_.assign(std::istreambuf_iterator<char>(file), {});
  }
  Base(const Base&) = delete;
  Base& operator=(const Base&) = delete;
  ~Base() { std::filesystem::remove_all(dir_); }

  static core::RunRecord run(std::string run_id) {
    core::RunRecord run;
    run.run_id = std::move(run_id);
    run.outcome = core::Outcome::succeeded;
    return run;
  }

  void live_through(std::string_view changes) const {
    std::string bytes = sound_;
    for (; changes.size() >= change_bytes; changes.remove_prefix(change_bytes)) {
      std::size_t at = 0;
      for (const char byte : changes.substr(0, change_bytes - 1)) at = at << 8 | static_cast<unsigned char>(byte);
      bytes[at % bytes.size()] = changes[change_bytes - 1];
    }
    std::filesystem::remove_all(folder_.path());
    promise(store::StateFolder::open(dir_).ok(), "the folder can be made");
    std::ofstream(folder_.history_path(), std::ios::binary) << bytes;

    auto looked = store::History::open_read_only(folder_);
    promise(looked.ok() && looked->latest(1000).ok(), "who looks gets an answer");
    auto history = store::History::open(folder_, {.limit = runs_kept});
    promise(history.ok(), "it can be opened");
    promise(history->unfinished().ok() && history->schedule().ok(), "it can be read");
    for (int i = 0; i < 3; ++i) promise(history->finish(run("new")).ok(), "the next run is recorded");
    const auto newest = history->latest(1);
    promise(newest.ok() && newest->size() == 1 && newest->front().run_id == "new", "and found again");
  }

private:
  static std::string make_folder() {
    std::string name = (std::filesystem::temp_directory_path() / "sidefridge-fuzz-XXXXXX").string();
    promise(::mkdtemp(name.data()) != nullptr, "there is a temporary folder");
    return name;
  }

  std::string dir_;
  store::StateFolder folder_;
  std::string sound_;
};

}  // namespace
}  // namespace sidefridge::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const sidefridge::fuzz::Base base;
  base.live_through(sidefridge::fuzz::text_of(data, size));
  return 0;
}
