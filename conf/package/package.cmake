# The Debian package: cmake --build BUILD --target package gives repostal_VERSION_ARCH.deb.
#
# Two components of the installation go into it: what every installation has, and "debian", which
# cmake --install leaves out. Its version is the head of conf/package/changelog, which must name this
# program's version, and the Debian that it was built on.

set(package_sources ${CMAKE_CURRENT_LIST_DIR})

file(STRINGS ${package_sources}/changelog changelog_head LIMIT_COUNT 1)
string(REGEX MATCH "^repostal \\(([0-9.]+)-([^)]+)\\)" changelog_head "${changelog_head}")
if(NOT CMAKE_MATCH_1 STREQUAL PROJECT_VERSION)
  message(FATAL_ERROR "conf/package/changelog begins with version '${CMAKE_MATCH_1}', not ${PROJECT_VERSION}")
endif()
set(package_release ${CMAKE_MATCH_2})

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME repostal)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
# Each Debian has a package of its own; that of a later one is newer, so that it takes the place of the one before.
set(package_suite "")
if(EXISTS /etc/os-release)
  file(STRINGS /etc/os-release os_release)
  if("ID=debian" IN_LIST os_release AND os_release MATCHES "VERSION_ID=\"([0-9]+)\"")
    set(package_suite +deb${CMAKE_MATCH_1})
  endif()
endif()
set(CPACK_DEBIAN_PACKAGE_RELEASE ${package_release}${package_suite})
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_PACKAGE_CONTACT "repostal authors <repostal@users.noreply.github.com>")
set(CPACK_DEBIAN_PACKAGE_SECTION mail)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
# Below the project's description, which is the synopsis.
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "repostal takes BizMail's delivery events over HTTP and delivers them as Postal
webhooks: signed, with a durable queue, retries for days and dead letters, to
any software that understands Postal's webhooks.

Installing it makes a system user, a signing key and a token of its own.")

# What it is linked against, ca-certificates for https targets, and what makes its user and folders.
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "ca-certificates, systemd | systemd-standalone-sysusers, systemd | systemd-standalone-tmpfiles")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
  ${package_sources}/conffiles ${package_sources}/postinst ${package_sources}/prerm ${package_sources}/postrm)

set(CPACK_STRIP_FILES ON)
set(CPACK_SET_DESTDIR ON) # for /etc
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_INSTALL_CMAKE_PROJECTS
  "${CMAKE_BINARY_DIR};repostal;common;/" "${CMAKE_BINARY_DIR};repostal;debian;/")

install(FILES ${package_sources}/repostal.conf DESTINATION /etc/repostal COMPONENT debian EXCLUDE_FROM_ALL)
# What is linked into the program has licences of its own, with the package and without.
set(copyright ${package_sources}/copyright)
if(H2O_SOURCE_DIR)
  set(copyright_libh2o ${package_sources}/copyright-libh2o)
  file(READ ${copyright} text)
  file(READ ${copyright_libh2o} text_libh2o)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${copyright} ${copyright_libh2o})
  set(copyright ${CMAKE_BINARY_DIR}/generated/copyright)
  file(WRITE ${copyright} "${text}${text_libh2o}")
  install(FILES ${copyright_libh2o} DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/repostal COMPONENT licence)
endif()
install(FILES ${copyright} DESTINATION share/doc/repostal COMPONENT debian EXCLUDE_FROM_ALL)
install(FILES ${package_sources}/lintian-overrides DESTINATION share/lintian/overrides RENAME repostal
  COMPONENT debian EXCLUDE_FROM_ALL)
install(FILES ${REPOSTAL_PAGES_FOLDER}/zsh/_repostal DESTINATION share/zsh/vendor-completions
  COMPONENT debian EXCLUDE_FROM_ALL OPTIONAL)
install(CODE "
  file(GLOB pages RELATIVE ${REPOSTAL_PAGES_FOLDER} ${REPOSTAL_PAGES_FOLDER}/man?/*)
  foreach(page \${pages})
    get_filename_component(folder \${page} DIRECTORY)
    file(MAKE_DIRECTORY \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/share/man/\${folder}\")
    execute_process(COMMAND gzip -9nc \"${REPOSTAL_PAGES_FOLDER}/\${page}\" COMMAND_ERROR_IS_FATAL ANY
      OUTPUT_FILE \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/share/man/\${page}.gz\")
  endforeach()
  foreach(pair CHANGELOG.md:changelog.gz conf/package/changelog:changelog.Debian.gz)
    string(REPLACE : \";\" pair \${pair})
    list(GET pair 0 from)
    list(GET pair 1 to)
    execute_process(COMMAND gzip -9nc \"${PROJECT_SOURCE_DIR}/\${from}\" COMMAND_ERROR_IS_FATAL ANY
      OUTPUT_FILE \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/share/doc/repostal/\${to}\")
  endforeach()" COMPONENT debian EXCLUDE_FROM_ALL)

include(CPack)
