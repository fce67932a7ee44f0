# SPDX-License-Identifier: Apache-2.0
"""The editors' schema and the linter agree: what one refuses, the other does, but for what no schema can say."""
import json
import os
import pathlib
import subprocess

import jsonschema
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("SLUICE_BINARY", ROOT / "build/release/engine/cli/sluice"))
TOOL = PROGRAM.parents[2] / "tests/unit/recipe/unit_recipe_schema"
CORPUS = ROOT / "tests/data/recipes"
SCHEMA = json.loads((ROOT / "schemas/recipe.schema.json").read_text())

# What relates one value to another, or has a meaning beyond its form. The linter alone tells it.
BEYOND_A_SCHEMA = {
    "block_size", "columns_and_exclude", "engine_none_for_vector", "engine_without_form", "filter_unclosed_comment",
    "filter_with_input", "no_intents", "output_of_other_type", "param_bounds", "param_bounds_of_text", "param_default",
    "param_default_out_of_option", "param_default_range", "param_enum", "param_not_in_enum", "param_of_other_type",
    "raster_with_postgis", "raster_with_steps", "same_dataset_twice", "select_nothing", "sql_hole_in_quotes",
    "sql_parenthesis_out", "sql_semicolon", "sql_unclosed_quote", "sql_unknown_hole", "sql_unknown_param",
    "sql_without_input", "unknown_crs", "unknown_param", "wrong_dataset", "broken_hole", "rename_twice",
    "values_and_pattern", "sort_without_columns", "bounds_upside_down", "row_count_range", "dedupe_nothing", "measure_nothing",
    "inputs_no_main", "inputs_main_not_required", "inputs_roles_of_raster", "beside",
    "clip_nothing", "join_columns_do_not_pair", "join_nearest_without_distance", "join_nothing", "join_roles_of_each",
    "join_two_tables", "join_unknown_role", "sql_role_not_required", "union_nothing", "raster_calc",
    "raster_merge_without_mosaic", "raster_merge_without_steps", "vector_with_raster_step", "vectors_before_they_are",
    "vectors_then_raster_step", "vectors_to_cog", "sql_geom_of_table",
}
NOT_YAML = {"bomb", "duplicate_key", "syntax"}


def tree(path):
    done = subprocess.run([TOOL, "--tree", path], capture_output=True, text=True, timeout=60)
    return json.loads(done.stdout) if done.returncode == 0 else None


def errors(path):
    return [e.message for e in jsonschema.Draft7Validator(SCHEMA).iter_errors(tree(path))]


def is_recipe(path):
    return not path.name.endswith(".tests.yaml")


def stems(folder):
    return sorted(p.stem for p in (CORPUS / folder).glob("*.yaml") if is_recipe(p))


def test_the_schema_is_a_valid_draft_7_schema():
    jsonschema.Draft7Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("stem", stems("valid"))
def test_what_the_linter_takes_the_schema_takes(stem):
    assert errors(CORPUS / "valid" / f"{stem}.yaml") == []


@pytest.mark.parametrize("path", sorted((ROOT / "recipes").glob("*.tests.yaml")), ids=lambda p: p.stem)
def test_tests_beside_a_recipe_are_valid_by_the_schema_of_tests_in_it(path):
    validator = jsonschema.Draft7Validator(SCHEMA["properties"]["tests"] | {"definitions": SCHEMA["definitions"]})
    assert [e.message for e in validator.iter_errors(tree(path)["tests"])] == []


@pytest.mark.parametrize("path", sorted(filter(is_recipe, (ROOT / "recipes").glob("*.yaml"))), ids=lambda p: p.stem)
def test_the_shipped_recipes_are_valid_by_the_schema(path):
    assert errors(path) == []


@pytest.mark.parametrize("stem", stems("invalid"))
def test_what_the_linter_refuses_the_schema_refuses_where_it_can(stem):
    path = CORPUS / "invalid" / f"{stem}.yaml"
    if stem in NOT_YAML:
        assert tree(path) is None
    else:
        assert (errors(path) == []) == (stem in BEYOND_A_SCHEMA), errors(path)
