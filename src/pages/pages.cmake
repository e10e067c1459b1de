# Manual pages and completion of shells, made from the tables of the program by repostal-pages.
#
# It has to run where it is built. Cross-compiled it runs in CMAKE_CROSSCOMPILING_EMULATOR; without one, the pages
# of a build for this machine can be taken, for they are the same everywhere (REPOSTAL_PAGES). A build with
# sanitizers makes none by itself: the tests run it there.
set(REPOSTAL_PAGES "" CACHE PATH "folder with the pages of another build of the same sources; empty: made here")

file(GLOB pages_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*.c)
file(GLOB pages_texts CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/manual/* ${CMAKE_CURRENT_LIST_DIR}/shell/*)
# When the pages changed last is when the package did.
file(STRINGS ${PROJECT_SOURCE_DIR}/conf/package/changelog pages_date REGEX "^ -- " LIMIT_COUNT 1)
string(REGEX REPLACE "^.*, *([0-9]+ [A-Z][a-z]+ [0-9]+) .*$" "\\1" pages_date "${pages_date}")

add_executable(repostal_pages ${pages_sources})
target_link_libraries(repostal_pages PRIVATE repostal_program)
target_compile_definitions(repostal_pages PRIVATE REPOSTAL_DATE="${pages_date}")
set_target_properties(repostal_pages PROPERTIES OUTPUT_NAME repostal-pages
  RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})

set(pages_folder ${CMAKE_BINARY_DIR}/pages)
if(REPOSTAL_PAGES)
  set(pages_folder ${REPOSTAL_PAGES})
elseif(CMAKE_CROSSCOMPILING AND NOT CMAKE_CROSSCOMPILING_EMULATOR)
  message(WARNING "no manual pages: repostal-pages cannot run here. Install an emulator, or set REPOSTAL_PAGES")
elseif(NOT REPOSTAL_SANITIZE)
  add_custom_command(OUTPUT ${pages_folder}/made
    COMMAND ${CMAKE_COMMAND} -E rm -rf ${pages_folder} # a page that is no more
    COMMAND repostal_pages ${CMAKE_CURRENT_LIST_DIR} ${PROJECT_SOURCE_DIR}/examples/openapi.json ${pages_folder}
    COMMAND ${CMAKE_COMMAND} -E touch ${pages_folder}/made
    DEPENDS repostal_pages ${pages_texts} ${PROJECT_SOURCE_DIR}/examples/openapi.json
    COMMENT "Making the manual")
  add_custom_target(repostal_manual ALL DEPENDS ${pages_folder}/made)
endif()

# The package has them where Debian looks for them (conf/package/package.cmake).
install(DIRECTORY ${pages_folder}/man1 ${pages_folder}/man5 ${pages_folder}/man7
  DESTINATION ${CMAKE_INSTALL_MANDIR} COMPONENT local OPTIONAL)
install(FILES ${pages_folder}/zsh/_repostal DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions
  COMPONENT local OPTIONAL)
install(FILES ${pages_folder}/bash/repostal DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
  COMPONENT common OPTIONAL)
set(REPOSTAL_PAGES_FOLDER ${pages_folder} PARENT_SCOPE)
