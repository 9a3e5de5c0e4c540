// stage.h - the installed programs on a stage of their own: a hooks folder, a state folder, real processes.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sidefridge::e2e {

/// A process under test. Its stdout is read whenever somebody waits; nothing sleeps, all waiting is poll with a
/// deadline. Owns: the process (killed with its descendants' namespace or group at the end) and the pipes.
class Program {
public:
  Program(Program&& other) noexcept;
  Program& operator=(Program&&) = delete;
  ~Program();

  /// The program itself, also when it runs as PID 1 of a namespace: its pid as seen from here.
  pid_t pid() const { return pid_; }
  void signal(int number) const;

  /// Reads until `part` has appeared `times` times in stdout. Fails the test after 60 s, or at end-of-file.
  /// Returns: whether it did.
  bool wait_for(std::string_view part, int times = 1);
  /// Reads what comes until the process has ended. Fails the test after 60 s.
  /// Returns: the exit code; 128 + n for signal n.
  int wait_exit();

  const std::string& output() const { return output_; }  // stdout so far
  const std::string& errors() const { return errors_; }  // stderr so far
  std::vector<std::string> lines_with(std::string_view part) const;

private:
  friend class Stage;
  Program() = default;
  bool pump(long deadline_ms);

  pid_t launcher_ = -1;  // what waitpid is for
  pid_t pid_ = -1;
  int out_ = -1;
  int err_ = -1;
  std::string output_;
  std::string errors_;
};

/// A folder of hooks, a folder of state, and what is started with them. Removed at the end.
class Stage {
public:
  Stage();
  ~Stage();
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  const std::filesystem::path& root() const { return root_; }
  std::filesystem::path scripts_dir() const { return root_ / "scripts"; }
  std::filesystem::path state_dir() const { return root_ / "state"; }
  std::filesystem::path file(const std::string& name) const { return root_ / name; }

  /// Writes scripts/<path> with these bytes and mode. `@ROOT@` in the text becomes root().
  void script(const std::string& path, std::string text, int mode = 0755) const;

  std::map<std::string, std::string> environment;  // beside PATH, HOME (root()) and the two folders

  enum class As { itself, pid_1 };
  /// Starts `sidefridge ARGUMENTS…`, as PID 1 of a new PID namespace if asked.
  Program start(const std::vector<std::string>& arguments, As as = As::itself) const;
  /// Starts any command line through /bin/sh, in the same environment.
  Program shell(const std::string& command) const;
  /// Starts the daemon with this schedule and waits until it is ready.
  Program daemon(const std::string& schedule, As as = As::itself);

private:
  Program launch(const std::vector<std::string>& command) const;
  std::filesystem::path root_;
};

/// The text of a file; empty when it is not there.
std::string read_file(const std::filesystem::path& path);

/// Whether new PID and mount namespaces can be made here.
bool can_unshare();

/// What a shell puts before a command that is to run as this user and group. By the path of setpriv: a shell of busybox
/// has one of its own, which can do less.
std::string as_user(int id);

/// Polls `holds` (of something outside our reach to wait on) until it is true. Fails the test after 60 s.
bool eventually(const std::function<bool()>& holds);

}  // namespace sidefridge::e2e
