# SPDX-License-Identifier: Apache-2.0
# Writes the SQL files FILES of FOLDER as constants into the C file OUTPUT (catalog_internal.h declares them).
set(arrays "")
set(rows "")
foreach(name IN LISTS FILES)
  string(REGEX MATCH "^[0-9]+" number ${name})
  file(READ ${FOLDER}/${name} hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(REGEX REPLACE "(................................................................................)" "\\1\n" bytes "${bytes}")
  string(APPEND arrays "static const unsigned char sql_${number}[] = {\n${bytes}0x00};\n")
  string(REGEX REPLACE "^0+" "" value ${number})
  string(APPEND rows "    {${value}, \"${name}\", (const char *)sql_${number}},\n")
endforeach()
file(WRITE ${OUTPUT} "#include \"catalog/catalog_internal.h\"\n\n${arrays}\nconst struct sl_catalog__migration sl_catalog__migrations[] = {\n${rows}    {0, 0, 0}};\n")
