# Builds for 64-bit ARM on any Debian that has a compiler and the libraries for it. README says what to type.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
# Debian keeps headers and libraries where this compiler looks by itself; only pkg-config has to be told.
set(ENV{PKG_CONFIG_LIBDIR} /usr/lib/aarch64-linux-gnu/pkgconfig:/usr/share/pkgconfig)
set(CPACK_DEBIAN_PACKAGE_ARCHITECTURE arm64)

# Tests run below qemu where it is installed. Signed return addresses as the architecture has them take qemu most of
# its time; a signature of its own does as well here.
find_program(REPOSTAL_QEMU NAMES qemu-aarch64-static qemu-aarch64)
mark_as_advanced(REPOSTAL_QEMU)
if(REPOSTAL_QEMU)
  set(CMAKE_CROSSCOMPILING_EMULATOR ${REPOSTAL_QEMU} -cpu max,pauth-impdef=on)
endif()
