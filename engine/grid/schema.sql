-- SPDX-License-Identifier: Apache-2.0
-- ClickHouse's tables for the values of grids, by migrations: "-- migration NUMBER NAME" begins one, a semicolon at a line's end
-- ends a statement. What is here was applied somewhere: changes are new migrations. 18.16 and the current servers understand it.

-- migration 1 grid_data
-- One row is one point of one field. A load (the rows of one asset) is one partition, so that it comes and goes as a whole; the
-- second member of the key is always 0, and is there so that each part knows its first and last timestamp. Rows are sorted so
-- that the neighbourhood of a place at a time is a few thousand of them. `timestamp` is valid_time for those who write dates:
-- years before 1970 and after 2105 are at its ends, valid_time is exact. `field` tells the fields of a load apart.
CREATE TABLE IF NOT EXISTS grid_data
(
    variable LowCardinality(String),
    source LowCardinality(String),
    dataset LowCardinality(String),
    timestamp DateTime('UTC'),
    valid_time Int64,
    reference_time Int64,
    level_type LowCardinality(String),
    level Float64,
    member Int32,
    step_type LowCardinality(String),
    step_from Int64,
    cell UInt16,
    lat Float64,
    lon Float64,
    value Float64,
    raw_file_id LowCardinality(String),
    load_id LowCardinality(String),
    field UInt32,
    step_to Int64 ALIAS valid_time - reference_time
)
ENGINE = MergeTree
PARTITION BY (load_id, intDiv(toYear(timestamp), 10000))
ORDER BY (variable, cell, valid_time, field, lat, lon)
SETTINGS index_granularity = 1024;

-- migration 2 grid_fields
-- One row is one field of a load: what it is, and what its rows must add up to.
CREATE TABLE IF NOT EXISTS grid_fields
(
    load_id String,
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
