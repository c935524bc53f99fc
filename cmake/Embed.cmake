# coral_embed(OUTPUT FILE...): writes OUTPUT, a C++ list of {"name", "content"}
# pairs, from text files, and writes it again when one of them changes.
function(coral_embed OUTPUT)
  string(REPLACE ";" "," FILES "${ARGN}")
  add_custom_command(
    OUTPUT ${OUTPUT}
    COMMAND ${CMAKE_COMMAND} -DOUTPUT=${OUTPUT} -DFILES=${FILES}
            -P ${PROJECT_SOURCE_DIR}/cmake/WriteEmbedded.cmake
    DEPENDS ${ARGN} ${PROJECT_SOURCE_DIR}/cmake/WriteEmbedded.cmake
    VERBATIM)
endfunction()
