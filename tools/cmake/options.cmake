# Two interface targets: what every file is compiled with, and the strict warning set.
add_library(sidefridge_options INTERFACE)
target_compile_features(sidefridge_options INTERFACE cxx_std_20)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
target_include_directories(sidefridge_options INTERFACE ${PROJECT_SOURCE_DIR}/include)
target_compile_definitions(sidefridge_options INTERFACE _GNU_SOURCE)
if(SIDEFRIDGE_SANITIZE)
  string(REPLACE "," ";" sanitizers ${SIDEFRIDGE_SANITIZE})
  foreach(sanitizer IN LISTS sanitizers)
    if(sanitizer STREQUAL "undefined")
      # What calls the product is compiled twice as fast without it; the product is looked at all the same.
      set(for_whom $<NOT:$<BOOL:$<TARGET_PROPERTY:SIDEFRIDGE_CALLER>>>)
    else()
      set(for_whom 1)
    endif()
    target_compile_options(sidefridge_options INTERFACE $<${for_whom}:-fsanitize=${sanitizer}>)
  endforeach()
  target_compile_options(sidefridge_options INTERFACE -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(sidefridge_options INTERFACE -fsanitize=${SIDEFRIDGE_SANITIZE})
endif()
# Release programs are hardened. -static-pie does not work with every toolchain for musl, so a static one is no PIE.
include(CheckPIESupported)
if(NOT CMAKE_EXE_LINKER_FLAGS MATCHES "-static")
  check_pie_supported()
endif()
# Before version 12, g++ knows no level 3. What a distribution sets by itself is replaced, not redefined.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 12)
  set(fortify_level 2)
else()
  set(fortify_level 3)
endif()
target_compile_options(sidefridge_options INTERFACE
  $<$<CONFIG:Release>:-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=${fortify_level} -fstack-protector-strong>)
target_link_options(sidefridge_options INTERFACE $<$<CONFIG:Release>:-Wl,-z,relro,-z,now,-z,noexecstack>)
# The standard library's own checks, where speed is nothing.
target_compile_definitions(sidefridge_options INTERFACE $<$<CONFIG:Debug>:_GLIBCXX_ASSERTIONS>)
# Sections that nothing refers to are left out of the binaries.
target_compile_options(sidefridge_options INTERFACE -ffunction-sections -fdata-sections)
target_link_options(sidefridge_options INTERFACE -Wl,--gc-sections -Wl,--as-needed)

add_library(sidefridge_warnings INTERFACE)
target_compile_options(sidefridge_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast -Wcast-align
  -Wnon-virtual-dtor -Woverloaded-virtual -Wdouble-promotion -Wformat=2
  -Wimplicit-fallthrough -Wswitch-enum -Wundef
  $<$<CXX_COMPILER_ID:GNU>:-Wduplicated-cond -Wduplicated-branches -Wlogical-op -Wuseless-cast>
  # Of g++ this one finds null pointers in libstdc++'s own stream buffers (g++ 12, optimizing).
  $<$<CXX_COMPILER_ID:Clang>:-Wnull-dereference>
  # g++ 12 sees overlaps in std::string's operator+ that are not there (GCC bug 105651, mended in 13).
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-restrict>
  $<$<BOOL:${SIDEFRIDGE_WERROR}>:-Werror>)

# sidefridge_room(NAME SOURCES... LINK libs...): one room of the house, a static library.
function(sidefridge_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;LINK" ${ARGN})
  add_library(sidefridge_${name} STATIC ${ROOM_SOURCES})
  target_link_libraries(sidefridge_${name} PUBLIC sidefridge_options ${ROOM_LINK} PRIVATE sidefridge_warnings)
endfunction()
