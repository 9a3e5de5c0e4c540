// stopped_writer.cc - a process that has the write lock of an LMDB file, and is stopped.
//
//     stopped_writer FILE
//
// Says "has it" on stdout and stops itself; once it is continued, it gives the lock back and ends.
#include <csignal>
#include <cstdio>
#include <iostream>

#include "sidefridge/store/environment.h"

int main(int argc, char** argv) {
  using sidefridge::store::Environment;
  if (argc != 2) return 2;
  auto environment =
      Environment::open(argv[1], {.access = Environment::Access::join, .sync = Environment::Sync::never});
  if (!environment) {
    std::cerr << environment.error().text << '\n';
    return 1;
  }
  auto transaction = environment->begin_write();
  if (!transaction) {
    std::cerr << transaction.error().text << '\n';
    return 1;
  }
  std::cout << "has it" << std::endl;
  return std::raise(SIGSTOP);
}
