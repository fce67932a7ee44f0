# SPDX-License-Identifier: Apache-2.0
# Flags of the project's own C code, as one interface target.
add_library(sluice_compile INTERFACE)
target_compile_definitions(sluice_compile INTERFACE _GNU_SOURCE SLUICE_VERSION="${PROJECT_VERSION}")
target_compile_options(sluice_compile INTERFACE
  -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wvla -Wpointer-arith -Wstrict-prototypes
  -Wmissing-prototypes -Wold-style-definition -Wwrite-strings -Wcast-qual -Wformat=2 -Wundef
  -fno-common -fstack-protector-strong)
if(SLUICE_WERROR)
  target_compile_options(sluice_compile INTERFACE -Werror)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT SLUICE_SANITIZE)
  target_compile_options(sluice_compile INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
endif()
if(SLUICE_SANITIZE)
  target_compile_options(sluice_compile INTERFACE -fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
  target_link_options(sluice_compile INTERFACE -fsanitize=address,undefined)
endif()
if(SLUICE_COVERAGE)
  target_compile_options(sluice_compile INTERFACE --coverage)
  target_link_options(sluice_compile INTERFACE --coverage)
endif()
