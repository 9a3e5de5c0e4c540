// kubectl_test.cc - how long a call of kubectl lives, and what is left of it then.
#include "sidefridge/exec/kubectl.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "sidefridge/os/system_clock.h"
#include "sidefridge/os/unique_fd.h"

namespace sidefridge::exec {
namespace {

class KubectlTest : public ::testing::Test {
protected:
  KubectlTest() {
    std::string name = (std::filesystem::temp_directory_path() / "sidefridge-test-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    const std::filesystem::path program = folder_ / "kubectl";
    std::ofstream(program) << "#!/bin/sh\n"
                           << R"(eval "$1")"
                           << "\n";
    EXPECT_EQ(::chmod(program.c_str(), 0755), 0);
    const char* const path = std::getenv("PATH");
    ::setenv("PATH", (folder_.string() + ":" + (path != nullptr ? path : "/usr/bin:/bin")).c_str(), 1);
    kubectl = Kubectl::open().value();
  }
  ~KubectlTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  std::unique_ptr<KubectlCall> start(const std::string& script, Sink sink) const {
    return kubectl->start({"kubectl", script}, Kubectl::Stdin::empty, {std::move(sink)}, {[](std::string_view) {}})
        .value();
  }
  bool wait(const std::function<bool()>& holds) const {
    return kubectl->wait(os::sample_now().mono + std::chrono::seconds(20), holds);
  }

  std::string file(const std::string& name) const { return (folder_ / name).string(); }

  std::unique_ptr<Kubectl> kubectl;

private:
  std::filesystem::path folder_;
};

TEST_F(KubectlTest, keeps_nothing_of_a_call_that_its_caller_has_dropped) {
  const auto kept = std::make_shared<std::string>();
  for (int round = 0; round < 3; ++round) {
    const auto call = start("echo out", [kept](std::string_view bytes) { *kept += bytes; });
    EXPECT_EQ(kept.use_count(), 2);
    ASSERT_TRUE(wait([&] { return call->over(); }));
    EXPECT_TRUE(call->status().succeeded());
  }
  EXPECT_EQ(kept.use_count(), 1);
  EXPECT_EQ(*kept, "out\nout\nout\n");
}

TEST_F(KubectlTest, kills_a_call_that_its_caller_drops_and_goes_on_with_the_others) {
  // A process that has this open for writing lives: the call, and what it started.
  const std::string alive = file("alive");
  ASSERT_EQ(::mkfifo(alive.c_str(), 0600), 0);
  const os::UniqueFd end(::open(alive.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  std::string said;
  const auto other = start("echo other; exec sleep 600", [&](std::string_view bytes) { said += bytes; });
  std::string dropped_said;
  auto dropped = start("exec 3>'" + alive + "'; sleep 600 & echo begun; exec sleep 600",
                       [&](std::string_view bytes) { dropped_said += bytes; });
  ASSERT_TRUE(wait([&] { return dropped_said == "begun\n" && said == "other\n"; }));
  dropped.reset();
  pollfd hang_up{end.get(), POLLIN, 0};
  ASSERT_EQ(::poll(&hang_up, 1, 20'000), 1);
  EXPECT_EQ(hang_up.revents, POLLHUP);
  // Its end is heard and belongs to nobody; the other one's is still its own.
  other->signal(SIGTERM);
  ASSERT_TRUE(wait([&] { return other->over(); }));
  EXPECT_TRUE(other->status().signalled());
}

}  // namespace
}  // namespace sidefridge::exec
