# The build step of coral_embed.
string(REPLACE "," ";" FILES "${FILES}")
set(CONTENT "")
foreach(FILE IN LISTS FILES)
  get_filename_component(NAME ${FILE} NAME)
  file(READ ${FILE} TEXT)
  string(APPEND CONTENT "{\"${NAME}\", R\"CORAL(${TEXT})CORAL\"},\n")
endforeach()
file(WRITE ${OUTPUT} "${CONTENT}")
