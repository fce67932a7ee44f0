# SPDX-License-Identifier: Apache-2.0
# Writes the file FILE as a constant into the C file OUTPUT.
file(READ ${FILE} hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
string(REGEX REPLACE "(................................................................................)" "\\1\n" bytes "${bytes}")
file(WRITE ${OUTPUT} "#include \"grid/clickhouse_internal.h\"\n\nconst unsigned char sl_clickhouse__schema[] = {\n${bytes}0x00};\n")
