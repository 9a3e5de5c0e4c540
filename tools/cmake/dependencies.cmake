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
find_library(LMDB_ARCHIVE NAMES liblmdb.a)
find_library(LIBUV_ARCHIVE NAMES libuv_a.a libuv.a)
mark_as_advanced(LMDB_ARCHIVE LIBUV_ARCHIVE)

# Of what is installed, libraries are linked in where they come as archives: to load and bind ten of them is a third of
# the daemon's start and two fifths of what it holds in memory. The C library stays apart, so that what wants to stand
# before it can (LD_PRELOAD).
set(SIDEFRIDGE_ARCHIVES FALSE)
if(LMDB_ARCHIVE AND LIBUV_ARCHIVE)
  set(SIDEFRIDGE_ARCHIVES TRUE)
endif()
# Commands that are called by the thousand have that in them, too. (With some toolchains for musl -static-pie does not
# work; there everything is static anyway.)
include(CheckCXXSourceCompiles)
set(CMAKE_REQUIRED_FLAGS -fPIE)
set(CMAKE_REQUIRED_LINK_OPTIONS -static-pie)
check_cxx_source_compiles("#include <string>\nint main(int n, char**) { return std::to_string(n).size() == 9; }"
  SIDEFRIDGE_STATIC_PIE)
unset(CMAKE_REQUIRED_FLAGS)
unset(CMAKE_REQUIRED_LINK_OPTIONS)

# sidefridge_program(NAME [STATIC] SOURCES... LINK libs...): a program that is installed.
function(sidefridge_program name)
  cmake_parse_arguments(PROGRAM "STATIC" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${PROGRAM_SOURCES})
  target_link_libraries(${name} PRIVATE ${PROGRAM_LINK} sidefridge_warnings)
  install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  if(SIDEFRIDGE_SANITIZE)
    return()
  endif()
  set_target_properties(${name} PROPERTIES SIDEFRIDGE_LINKS_ARCHIVES ${SIDEFRIDGE_ARCHIVES})
  if(PROGRAM_STATIC AND SIDEFRIDGE_ARCHIVES AND SIDEFRIDGE_STATIC_PIE AND NOT CMAKE_EXE_LINKER_FLAGS MATCHES "-static")
    # CMake's own -pie would undo -static-pie.
    set_property(TARGET ${name} PROPERTY POSITION_INDEPENDENT_CODE)
    target_compile_options(${name} PRIVATE -fPIE)
    target_link_options(${name} PRIVATE -static-pie)
  else()
    target_link_options(${name} PRIVATE -static-libstdc++ -static-libgcc)
  endif()
endfunction()

# What such a program links, tests link as a shared library.
set(archives $<BOOL:$<TARGET_PROPERTY:SIDEFRIDGE_LINKS_ARCHIVES>>)
add_library(sidefridge_lmdb INTERFACE)
target_include_directories(sidefridge_lmdb SYSTEM INTERFACE ${LMDB_INCLUDE_DIR})
target_link_libraries(sidefridge_lmdb INTERFACE $<IF:${archives},${LMDB_ARCHIVE},${LMDB_LIBRARY}> Threads::Threads)
add_library(sidefridge_libuv INTERFACE)
target_include_directories(sidefridge_libuv SYSTEM INTERFACE ${libuv_INCLUDE_DIRS})
target_link_libraries(sidefridge_libuv INTERFACE $<IF:${archives},${LIBUV_ARCHIVE},PkgConfig::libuv> ${CMAKE_DL_LIBS}
                                                 Threads::Threads)
# Neither has an archive in Debian.
add_library(sidefridge_spdlog INTERFACE)
target_link_libraries(sidefridge_spdlog INTERFACE spdlog::spdlog_header_only fmt::fmt-header-only)
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
