# Cross-builds for aarch64 with Debian's gcc; what is built runs under qemu-user. Static: then neither needs to know
# where the other machine's libraries are.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64)
set(CMAKE_EXE_LINKER_FLAGS_INIT -static)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)

# libuv is where .ci/install unpacked it, or Debian's own for that architecture.
set(ASYNCRT_LIBUV libuv-static CACHE STRING "")
set(unpacked ${CMAKE_CURRENT_LIST_DIR}/../../../build/arm64)
if(EXISTS ${unpacked}/usr/lib/aarch64-linux-gnu/libuv_a.a)
  set(ENV{PKG_CONFIG_SYSROOT_DIR} ${unpacked})
endif()
set(ENV{PKG_CONFIG_LIBDIR} $ENV{PKG_CONFIG_SYSROOT_DIR}/usr/lib/aarch64-linux-gnu/pkgconfig)
