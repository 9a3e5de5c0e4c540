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
find_library(LMDB_ARCHIVE NAMES liblmdb.a)
mark_as_advanced(LMDB_ARCHIVE)
# A program with the property SIDEFRIDGE_STATIC has it, and all else, linked in.
set(static $<BOOL:$<TARGET_PROPERTY:SIDEFRIDGE_STATIC>>)
target_link_libraries(sidefridge_lmdb INTERFACE $<${static}:${LMDB_ARCHIVE}> $<$<NOT:${static}>:${LMDB_LIBRARY}>
                                                Threads::Threads)
add_library(sidefridge_cxxopts INTERFACE)
target_include_directories(sidefridge_cxxopts SYSTEM INTERFACE ${CXXOPTS_INCLUDE_DIR})
# Reads back what we write as YAML; nothing that is installed links it. Its CMake build has no pkg-config file.
if(SIDEFRIDGE_TESTS OR SIDEFRIDGE_FUZZ)
  find_path(YAML_INCLUDE_DIR yaml.h REQUIRED)
  find_library(YAML_LIBRARY yaml REQUIRED)
  add_library(sidefridge_libyaml INTERFACE)
  target_include_directories(sidefridge_libyaml SYSTEM INTERFACE ${YAML_INCLUDE_DIR})
  target_link_libraries(sidefridge_libyaml INTERFACE ${YAML_LIBRARY})
endif()
