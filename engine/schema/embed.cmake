# SPDX-License-Identifier: Apache-2.0
# Writes the files FILES of FOLDER as constants into the C file OUTPUT (internal.h declares them).
set(arrays "")
set(rows "")
set(n 0)
foreach(name IN LISTS FILES)
  file(READ ${FOLDER}/${name} hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(REGEX REPLACE "(................................................................................)" "\\1\n" bytes "${bytes}")
  string(APPEND arrays "static const unsigned char text_${n}[] = {\n${bytes}0x00};\n")
  string(APPEND rows "    {\"${name}\", (const char *)text_${n}, sizeof text_${n} - 1},\n")
  math(EXPR n "${n} + 1")
endforeach()
file(WRITE ${OUTPUT} "#include \"schema/internal.h\"\n\n${arrays}\nconst struct sl_schema__text sl_schema__metaschemas[] = {\n${rows}    {0, 0, 0}};\n")
