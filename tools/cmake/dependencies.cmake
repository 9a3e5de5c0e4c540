# Every dependency is packaged in Debian 12 and in Alpine; the README says why each is here.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(spdlog REQUIRED)
find_package(fmt REQUIRED)
pkg_check_modules(libuv REQUIRED IMPORTED_TARGET libuv)
# cxxopts is headers only and LMDB has no CMake package; Debian and Alpine differ in what else they ship.
find_path(CXXOPTS_INCLUDE_DIR cxxopts.hpp REQUIRED)
find_path(LMDB_INCLUDE_DIR lmdb.h REQUIRED)
find_library(LMDB_LIBRARY lmdb REQUIRED)
add_library(sidefridge_lmdb INTERFACE)
target_include_directories(sidefridge_lmdb SYSTEM INTERFACE ${LMDB_INCLUDE_DIR})
target_link_libraries(sidefridge_lmdb INTERFACE ${LMDB_LIBRARY} Threads::Threads)
add_library(sidefridge_cxxopts INTERFACE)
target_include_directories(sidefridge_cxxopts SYSTEM INTERFACE ${CXXOPTS_INCLUDE_DIR})
# Reads back what we write as YAML; nothing that is installed links it.
if(SIDEFRIDGE_TESTS OR SIDEFRIDGE_FUZZ)
  pkg_check_modules(libyaml REQUIRED IMPORTED_TARGET yaml-0.1)
endif()
