# SPDX-License-Identifier: Apache-2.0
# Finds DuckDB's C API: duckdb.h and libduckdb.so.
# Looks in DuckDB_ROOT (or the environment's DUCKDB_ROOT), in .cache/duckdb of the source tree where
# scripts/setup.sh puts it, then in the system's folders. Defines the target DuckDB::DuckDB and the list DuckDB_EXTENSIONS.
set(_duckdb_hints ${DuckDB_ROOT} $ENV{DUCKDB_ROOT} ${CMAKE_SOURCE_DIR}/.cache/duckdb/${DuckDB_FIND_VERSION})
find_path(DuckDB_INCLUDE_DIR duckdb.h HINTS ${_duckdb_hints} PATH_SUFFIXES include)
find_library(DuckDB_LIBRARY duckdb HINTS ${_duckdb_hints} PATH_SUFFIXES lib)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(DuckDB REQUIRED_VARS DuckDB_LIBRARY DuckDB_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "run scripts/setup.sh, or point DuckDB_ROOT at a folder with include/duckdb.h and lib/libduckdb.so")
if(DuckDB_FOUND AND NOT TARGET DuckDB::DuckDB)
  add_library(DuckDB::DuckDB SHARED IMPORTED)
  set_target_properties(DuckDB::DuckDB PROPERTIES
    IMPORTED_LOCATION ${DuckDB_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${DuckDB_INCLUDE_DIR})
endif()
# The extensions that sluice loads, where they lie beside the library.
get_filename_component(_duckdb_lib_dir "${DuckDB_LIBRARY}" DIRECTORY)
set(DuckDB_EXTENSIONS)
foreach(_duckdb_extension postgres_scanner spatial avro httpfs iceberg)
  if(EXISTS ${_duckdb_lib_dir}/../extensions/${_duckdb_extension}.duckdb_extension)
    list(APPEND DuckDB_EXTENSIONS ${_duckdb_lib_dir}/../extensions/${_duckdb_extension}.duckdb_extension)
  endif()
endforeach()
mark_as_advanced(DuckDB_INCLUDE_DIR DuckDB_LIBRARY)
