# libh2o::evloop is one of two: upstream's, built here as a static library from the source tree in
# H2O_SOURCE_DIR, or without that the system's (2.2.5 of Debian 12). src/http/libh2o.h knows both.
#
# Upstream's CMakeLists.txt is not run: it looks for a dozen packages that nobody here needs, sets flags
# and properties for everybody, and expects to be the project. It is read, for its list of sources.
set(H2O_SOURCE_DIR "" CACHE PATH "source tree of upstream's libh2o; empty: the system's libh2o-evloop")

add_library(libh2o INTERFACE)
add_library(libh2o::evloop ALIAS libh2o)
target_compile_definitions(libh2o INTERFACE H2O_USE_LIBUV=0)

# The paths in the call that `call` matches the beginning of, in upstream's CMakeLists.txt.
function(libh2o_read_call call paths_out)
  file(READ ${h2o_dir}/CMakeLists.txt text)
  string(REGEX MATCH "${call}[^)]*" found "${text}")
  if(NOT found)
    message(FATAL_ERROR "${h2o_dir}/CMakeLists.txt has no '${call}' any more: see src/README.md, Two libh2o")
  endif()
  string(REGEX MATCHALL "[^ \n]+" names "${found}")
  list(FILTER names EXCLUDE REGEX "[$(]|^LIB_SOURCE_FILES$")
  list(TRANSFORM names PREPEND ${h2o_dir}/)
  set(${paths_out} ${names} PARENT_SCOPE)
endfunction()

function(libh2o_read_version version_out)
  file(STRINGS ${h2o_dir}/include/h2o/version.h line REGEX "define H2O_LIBRARY_VERSION \"")
  string(REGEX REPLACE ".*\"(.*)\".*" "\\1" version "${line}")
  if(NOT version VERSION_GREATER_EQUAL 0.16)
    message(FATAL_ERROR "${h2o_dir} has libh2o '${version}'; 0.16 or later is needed: see examples/build-h2o.sh")
  endif()
  set(${version_out} ${version} PARENT_SCOPE)
endfunction()

# Its commit, if the tree is a checkout of its own; else nothing.
function(libh2o_read_commit commit_out)
  execute_process(COMMAND git -C ${h2o_dir} rev-parse --show-prefix --short=12 HEAD
    OUTPUT_VARIABLE answer OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(answer MATCHES "^\n?([0-9a-f]+)$") # the prefix is empty: it is no folder of another project's tree
    set(${commit_out} ${CMAKE_MATCH_1} PARENT_SCOPE)
  endif()
endfunction()

# Its warnings are its own, its assertions stay on as in its own builds, and debuggers get lines only.
# Of our sanitizers it has those that it was written for. Its log is left out: nobody reads it, and all
# threads share its state.
function(libh2o_add_static)
  find_package(ZLIB REQUIRED)
  libh2o_read_call("SET[(]LIB_SOURCE_FILES" sources)
  libh2o_read_call("INCLUDE_DIRECTORIES[(][ \n]+include" includes)
  string(REGEX REPLACE ",?undefined,?" "" sanitize "${REPOSTAL_SANITIZE}")
  add_library(libh2o_static STATIC EXCLUDE_FROM_ALL ${sources})
  set_target_properties(libh2o_static PROPERTIES OUTPUT_NAME h2o-evloop C_STANDARD 99
    EXPORT_COMPILE_COMMANDS OFF)
  target_include_directories(libh2o_static SYSTEM PUBLIC ${includes})
  target_compile_definitions(libh2o_static PUBLIC H2O_USE_LIBUV=0 PTLS_HAVE_LOG=0 PRIVATE _GNU_SOURCE H2O_ROOT=/nonexistent)
  target_compile_options(libh2o_static PRIVATE -w -UNDEBUG $<$<NOT:$<CONFIG:Release,MinSizeRel>>:-g1>)
  if(sanitize)
    target_compile_options(libh2o_static PRIVATE -fsanitize=${sanitize} -fno-omit-frame-pointer)
  endif()
  target_link_libraries(libh2o_static PRIVATE repostal_hardening
    PUBLIC PkgConfig::OPENSSL ZLIB::ZLIB Threads::Threads m)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${h2o_dir}/CMakeLists.txt)
endfunction()

if(H2O_SOURCE_DIR)
  get_filename_component(h2o_dir ${H2O_SOURCE_DIR} ABSOLUTE BASE_DIR ${PROJECT_SOURCE_DIR})
  if(NOT EXISTS ${h2o_dir}/include/h2o/version.h)
    message(FATAL_ERROR "H2O_SOURCE_DIR: there is no libh2o in '${h2o_dir}': examples/build-h2o.sh fetches it")
  endif()
  libh2o_read_version(h2o_version)
  libh2o_read_commit(h2o_commit)
  string(JOIN ", " h2o_origin static ${h2o_commit})
  message(STATUS "libh2o: ${h2o_version}, ${h2o_origin}, from ${h2o_dir}")
  libh2o_add_static()
  target_link_libraries(libh2o INTERFACE libh2o_static)
  target_compile_definitions(libh2o INTERFACE LIBH2O_ORIGIN="${h2o_origin}")
else()
  pkg_check_modules(H2O IMPORTED_TARGET libh2o-evloop)
  if(NOT H2O_FOUND)
    message(FATAL_ERROR "There is no libh2o. Debian 12 has it in libh2o-evloop-dev; elsewhere "
      "examples/build-h2o.sh fetches its source tree, to be named by -DH2O_SOURCE_DIR=DIR.")
  endif()
  target_link_libraries(libh2o INTERFACE PkgConfig::H2O)
endif()
