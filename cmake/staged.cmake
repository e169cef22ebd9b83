# Run by cpack between staging and packing: what packages ask for and an install does not.
# SPDX-License-Identifier: GPL-2.0-or-later
set(stage ${CPACK_TEMPORARY_INSTALL_DIRECTORY})

# Static libraries keep their symbols and lose what only a debugger reads.
file(GLOB_RECURSE archives ${stage}/*.a)
if(archives)
    execute_process(COMMAND ${CPACK_WSFT_STRIP} --strip-debug --enable-deterministic-archives ${archives}
        COMMAND_ERROR_IS_FATAL ANY)
endif()

if(CPACK_GENERATOR STREQUAL "DEB")
    file(GLOB folders ${stage}/*/usr/share/doc/*)
    foreach(folder IN LISTS folders)
        file(COPY ${CPACK_WSFT_CHANGELOGS} DESTINATION ${folder}
            FILE_PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
        file(RENAME ${folder}/CHANGELOG.md ${folder}/changelog)
    endforeach()
    file(GLOB_RECURSE texts ${stage}/*/usr/share/man/* ${stage}/*/usr/share/doc/*/changelog*)
    execute_process(COMMAND gzip -9nf ${texts} COMMAND_ERROR_IS_FATAL ANY)
endif()
