-- SPDX-License-Identifier: Apache-2.0
-- ClickHouse's tables for the values of grids, by migrations: "-- migration NUMBER NAME" begins one, a semicolon at a line's end
-- ends a statement. What is here was applied somewhere: changes are new migrations. 18.16 and the current servers understand it.

-- migration 1 grid_data
-- One row is one point of one field. What differs from point to point are narrow columns; what a field's rows have in common,
-- beside what a question begins with, is one text of a dictionary, `about`, a JSON object of which ALIAS columns are the members:
-- they cost nothing until they are asked for. Places are whole numbers of 1e-7 degree, at most 5e-8 from the file's. A load (the
-- rows of one asset) is one partition, so that it comes and goes as a whole; `load` is the second half of its id, and the second
-- member of the key is always 0: by it each part knows its first and last timestamp. Rows are sorted so that the neighbourhood of
-- a place in a field is a few of them, and a field is a run. `timestamp` is valid_time for those who write dates: years before
-- 1970 and after 2105 are at its ends, valid_time is exact. `field` tells the fields of a load apart.
CREATE TABLE IF NOT EXISTS grid_data
(
    variable LowCardinality(String),
    timestamp DateTime('UTC'),
    load UInt64,
    field UInt32,
    about LowCardinality(String),
    cell UInt16,
    lat_e7 Int32,
    lon_e7 Int32,
    value Float64,
    lat Float64 ALIAS lat_e7 / 10000000,
    lon Float64 ALIAS lon_e7 / 10000000,
    source String ALIAS visitParamExtractString(about, 'source'),
    dataset String ALIAS visitParamExtractString(about, 'dataset'),
    valid_time Int64 ALIAS visitParamExtractInt(about, 'valid_time'),
    reference_time Int64 ALIAS visitParamExtractInt(about, 'reference_time'),
    level_type String ALIAS visitParamExtractString(about, 'level_type'),
    level Float64 ALIAS if(visitParamHas(about, 'level'), visitParamExtractFloat(about, 'level'), nan),
    member Int32 ALIAS visitParamExtractInt(about, 'member'),
    step_type String ALIAS visitParamExtractString(about, 'step_type'),
    step_from Int64 ALIAS visitParamExtractInt(about, 'step_from'),
    step_to Int64 ALIAS visitParamExtractInt(about, 'step_to'),
    raw_file_id String ALIAS visitParamExtractString(about, 'raw_file_id'),
    load_id String ALIAS visitParamExtractString(about, 'load_id')
)
ENGINE = MergeTree
PARTITION BY (load, intDiv(toYear(timestamp), 10000))
ORDER BY (variable, timestamp, field, cell, lat_e7)
SETTINGS index_granularity = 1024;

-- migration 2 grid_fields
-- One row is one field of a load: what it is, and what its rows must add up to; (load, field) is what its rows have.
CREATE TABLE IF NOT EXISTS grid_fields
(
    load_id String,
    load UInt64,
    batch_id String,
    field UInt32,
    variable String,
    name String,
    standard_name String,
    units String,
    param_id Int64,
    source String,
    dataset String,
    valid_time Int64,
    reference_time Int64,
    step_type String,
    step_from Int64,
    step_to Int64,
    level_type String,
    level Float64,
    level_top Float64,
    level_bottom Float64,
    member Int32,
    grid_type String,
    grid_id String,
    spacing Float64,
    regular UInt8,
    points UInt64,
    missing UInt64,
    rows UInt64,
    min Float64,
    max Float64,
    sum Float64,
    raw_file_id String,
    message Int64,
    offset Int64,
    bytes Int64,
    edition UInt8,
    centre String
)
ENGINE = MergeTree
PARTITION BY load_id
ORDER BY (variable, valid_time, field);
