# What cpack makes: Debian packages of the plugin and of the emitter, the emitter as a zip for Windows,
# and a source archive. `cmake --build <folder> --target package` or `package_source`.
# SPDX-License-Identifier: GPL-2.0-or-later
set(CPACK_PACKAGE_NAME wireshark-winsock)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "") # each package has its own
set(CPACK_PACKAGE_VENDOR "the wireshark-winsock authors")
set(CPACK_PACKAGE_CONTACT
    "The wireshark-winsock authors <wireshark-winsock@users.noreply.github.com>"
    CACHE STRING "Who answers for the packages")
set(CPACK_PACKAGE_DIRECTORY ${PROJECT_BINARY_DIR}/packages)
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_STRIP_FILES ON)
set(CPACK_WSFT_STRIP ${CMAKE_STRIP})
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_LIST_DIR}/staged.cmake)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

# One version, told in three places: the header and the plugin are compiled outside this project too.
file(STRINGS emitter/winsock_telemetry.h header_version REGEX "WSFT_LIBRARY_VERSION \"")
file(STRINGS plugin/CMakeLists.txt plugin_version REGEX "set\\(WINSOCK_PLUGIN_VERSION ")
foreach(line IN LISTS header_version plugin_version)
    if(NOT line MATCHES "[ \"]${PROJECT_VERSION}[\")]")
        message(FATAL_ERROR "The project is ${PROJECT_VERSION}, but: ${line}")
    endif()
endforeach()

# The source: what is under version control, and so not the folders that builds make.
set(CPACK_SOURCE_GENERATOR TGZ)
set(CPACK_SOURCE_PACKAGE_FILE_NAME wireshark-winsock-${PROJECT_VERSION})
string(REGEX REPLACE "([][+.*?()^$|\\])" "\\\\\\1" source "${PROJECT_SOURCE_DIR}")
set(CPACK_SOURCE_IGNORE_FILES
    "^${source}/build(-[^/]*)?/" "^${source}/\\.git(/|$)" "/__pycache__/" "\\.pyc$")

if(WIN32)
    set(CPACK_GENERATOR ZIP)
    set(CPACK_PACKAGE_FILE_NAME winsock-telemetry-${PROJECT_VERSION}-win64)
    install(FILES emitter/README.md fields/PROTOCOL.md DESTINATION . COMPONENT development)
    install(FILES LICENSES/MIT.txt DESTINATION . COMPONENT development RENAME LICENSE.txt)
    include(CPack)
    return()
endif()

# Debian: each component is a package.
set(CPACK_GENERATOR DEB)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_PACKAGE_RELEASE 0upstream1) # older than any that Debian itself may make
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(WSFT_DEBIAN_VERSION ${PROJECT_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE})
string(TIMESTAMP WSFT_DEBIAN_DATE "%a, %d %b %Y %H:%M:%S +0000" UTC)
configure_file(cmake/changelog.Debian.in ${PROJECT_BINARY_DIR}/changelog.Debian @ONLY)
set(CPACK_WSFT_CHANGELOGS ${PROJECT_BINARY_DIR}/changelog.Debian ${PROJECT_SOURCE_DIR}/CHANGELOG.md)

# debian_package(component name section description document...)
function(debian_package component name section description)
    install(FILES cmake/copyright ${ARGN}
        DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${name} COMPONENT ${component})
    string(TOUPPER ${component} key)
    set(CPACK_DEBIAN_${key}_PACKAGE_NAME ${name} PARENT_SCOPE)
    set(CPACK_DEBIAN_${key}_PACKAGE_SECTION ${section} PARENT_SCOPE)
    set(CPACK_DEBIAN_${key}_DESCRIPTION "${description}" PARENT_SCOPE)
    set(CPACK_COMPONENTS_ALL ${CPACK_COMPONENTS_ALL} ${component} PARENT_SCOPE)
endfunction()

set(library_package libwinsock-telemetry${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
debian_package(library ${library_package} libs
"reports failed Winsock calls to a capture
A program linked with this library reports each of its failed socket calls in
a UDP datagram. Wireshark with the package wireshark-winsock shows it beside
the packets that caused it.")
install(FILES cmake/lintian-overrides COMPONENT library
    DESTINATION ${CMAKE_INSTALL_DATADIR}/lintian/overrides RENAME ${library_package})
file(WRITE ${PROJECT_BINARY_DIR}/triggers "activate-noawait ldconfig\n")
file(WRITE ${PROJECT_BINARY_DIR}/shlibs "libwinsock_telemetry \
${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR} ${library_package} (>= ${PROJECT_VERSION})\n")
set(CPACK_DEBIAN_LIBRARY_PACKAGE_CONTROL_EXTRA
    ${PROJECT_BINARY_DIR}/triggers ${PROJECT_BINARY_DIR}/shlibs)

debian_package(development libwinsock-telemetry-dev libdevel
"reports failed Winsock calls to a capture (development)
Header, static library, pkg-config and CMake files for programs that report
their failed socket calls in UDP datagrams, and wsft-send, a command that
sends such a report."
    emitter/README.md fields/PROTOCOL.md)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "${library_package} (= ${WSFT_DEBIAN_VERSION})")

if(TARGET winsock)
    debian_package(plugin wireshark-winsock net
"Winsock failures, named and decoded in Wireshark
A plugin that decodes Winsock Failure Telemetry, in which programs report
their failed socket calls over UDP. It names each error and holds it against
the packets around it: what the trace confirms, what it contradicts, and which
packet broke which program."
        plugin/README.md fields/FIELDS.md docs/explaining-a-failure.md SECURITY.md)
    # A plugin is for one series of Wireshark, which the version of libwireshark's ABI does not tell.
    set(series ${Wireshark_MAJOR_VERSION}.${Wireshark_MINOR_VERSION})
    math(EXPR next "${Wireshark_MINOR_VERSION} + 1")
    get_target_property(library epan LOCATION)
    file(REAL_PATH "${library}" library)
    execute_process(COMMAND dpkg-query --search "${library}" OUTPUT_VARIABLE owner ERROR_QUIET)
    if(owner MATCHES "^([^:]+):")
        set(CPACK_DEBIAN_PLUGIN_PACKAGE_DEPENDS "${CMAKE_MATCH_1} (>= ${series}), \
${CMAKE_MATCH_1} (<< ${Wireshark_MAJOR_VERSION}.${next}~)")
    endif()
    set(CPACK_DEBIAN_PLUGIN_PACKAGE_RECOMMENDS "wireshark | tshark")
    set(CPACK_DEBIAN_PLUGIN_PACKAGE_ENHANCES "wireshark, tshark")
endif()
include(CPack)
