# The runtime on aarch64, cross-built by Debian's gcc and run by qemu-user.
#
# The switch by itself, in switch_test.c, needs the C library alone. It is built twice: plainly, and with signed
# return addresses and landing pads, as programs often are.
find_program(aarch64_gcc aarch64-linux-gnu-gcc)
find_program(aarch64_emulator qemu-aarch64)
find_program(aarch64_gdb gdb-multiarch)
set(aarch64 ${CMAKE_CURRENT_LIST_DIR})

if(NOT aarch64_gcc OR NOT aarch64_emulator OR NOT aarch64_gdb)
  # Seen among the results, not only by who reads the configuration's output.
  add_test(NAME runtime.aarch64 COMMAND sh -c
    "echo 'aarch64-linux-gnu-gcc, qemu-aarch64 or gdb-multiarch is missing: see .ci/packages'; exit 77")
  set_tests_properties(runtime.aarch64 PROPERTIES SKIP_RETURN_CODE 77)
  return()
endif()

set(switch_runtime ${aarch64}/../../../runtime)
set(switch_sources
  ${aarch64}/switch_test.c ${aarch64}/registers.S ${aarch64}/../contract_reader.c
  ${switch_runtime}/src/switch.c ${switch_runtime}/src/switch_aarch64.S)
set(switch_headers
  ${aarch64}/registers.h ${aarch64}/../contract_reader.h ${switch_runtime}/src/switch.h
  ${switch_runtime}/src/machine.h ${switch_runtime}/src/machine_aarch64.h
  ${switch_runtime}/include/async_debug.h)

# aarch64_switch(VARIANT FLAG...): the program and its tests.
function(aarch64_switch variant)
  set(program ${CMAKE_CURRENT_BINARY_DIR}/runtime_${variant}_switch)
  add_custom_command(
    OUTPUT ${program}
    COMMAND ${aarch64_gcc} -std=gnu11 -O1 -g -static -Wall -Wextra -Werror -frounding-math -D_GNU_SOURCE
      -I${aarch64} -I${aarch64}/.. -I${switch_runtime}/include -I${switch_runtime}/src ${ARGN}
      ${switch_sources} -o ${program} -lm
    DEPENDS ${switch_sources} ${switch_headers}
    VERBATIM)
  add_custom_target(runtime_${variant} ALL DEPENDS ${program})
  foreach(test registers_survive table_finds_registers fresh_context rounding_is_each_ones_own
      signals_do_no_harm)
    # One instruction at a time, so that signals come between any two. The default CPU has all there is.
    add_test(NAME runtime.${variant}.switch.${test}
      COMMAND ${aarch64_emulator} -singlestep ${program} ${test})
    set_tests_properties(runtime.${variant}.switch.${test} PROPERTIES TIMEOUT 120)
  endforeach()
endfunction()

aarch64_switch(aarch64)
aarch64_switch(aarch64_protected -mbranch-protection=standard)

# gdb 13 unwinds v8 to v15 on a machine without SVE only, and qemu 7.2 does not tell it how to take signatures
# off return addresses.
add_test(NAME runtime.aarch64.switch.cfi
  COMMAND ${aarch64_gdb} -nx -batch -x ${aarch64}/../switch_cfi.py
    --args ${CMAKE_CURRENT_BINARY_DIR}/runtime_aarch64_switch registers_survive)
set_tests_properties(runtime.aarch64.switch.cfi PROPERTIES
  TIMEOUT 120 ENVIRONMENT "EMULATOR=${aarch64_emulator} -cpu cortex-a72")

# The whole runtime with its tests is a build of its own, which needs libuv for aarch64.
set(suite ${CMAKE_CURRENT_BINARY_DIR}/aarch64)
set(libuv /usr/lib/aarch64-linux-gnu/libuv_a.a)
if(EXISTS ${PROJECT_SOURCE_DIR}/build/arm64${libuv})
  set(libuv ${PROJECT_SOURCE_DIR}/build/arm64${libuv})
elseif(NOT EXISTS ${libuv})
  add_test(NAME runtime.aarch64 COMMAND sh -c "echo 'libuv for aarch64 is missing: see .ci/unpack'; exit 77")
  set_tests_properties(runtime.aarch64 PROPERTIES SKIP_RETURN_CODE 77)
  return()
endif()

include(ExternalProject)
ExternalProject_Add(
  runtime_aarch64_suite
  SOURCE_DIR ${PROJECT_SOURCE_DIR}
  BINARY_DIR ${suite}
  CMAKE_ARGS -DCMAKE_TOOLCHAIN_FILE=${aarch64}/toolchain.cmake -DCMAKE_BUILD_TYPE=${CMAKE_BUILD_TYPE}
    -DASYNCDUMP_WERROR=${ASYNCDUMP_WERROR} -DASYNCDUMP_RUNTIME_ONLY=ON
  BUILD_ALWAYS ON
  INSTALL_COMMAND "")
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/aarch64_tests.cmake
  "if(EXISTS \"${suite}/CTestTestfile.cmake\")\n  subdirs(\"${suite}\")\nendif()\n")
set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${CMAKE_CURRENT_BINARY_DIR}/aarch64_tests.cmake)

add_test(NAME runtime.aarch64.switch_cfi
  COMMAND ${aarch64_gdb} -nx -batch -x ${aarch64}/../switch_cfi.py
    --args ${suite}/tests/runtime/runtime_task_test yield_takes_turns)
add_test(NAME runtime.aarch64.linkage
  COMMAND sh ${aarch64}/../linkage.sh ${aarch64_gcc} ${suite}/runtime/libasyncrt.a ${switch_runtime}/include
    ${aarch64}/..)
set_tests_properties(runtime.aarch64.switch_cfi PROPERTIES
  TIMEOUT 120 ENVIRONMENT "EMULATOR=${aarch64_emulator} -cpu cortex-a72")
set_tests_properties(runtime.aarch64.linkage PROPERTIES
  TIMEOUT 120
  ENVIRONMENT "EMULATOR=${aarch64_emulator} -L /usr/aarch64-linux-gnu;STRIP=aarch64-linux-gnu-strip;LIBUV=${libuv}")
