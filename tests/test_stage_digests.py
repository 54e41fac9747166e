"""A stage whose code changed is either of a higher version, or its recorded digest was renewed on purpose."""

import json

import pytest

from tests.stage_digests import RECORDED, Code, complaints, measured, sources


@pytest.fixture(scope="module")
def texts():
    return sources()


@pytest.fixture(scope="module")
def recorded(texts):
    return measured(texts)


def complained(texts, recorded, module, before, after):
    assert before in texts[module]
    return {line.split(" ")[0] for line in complaints(recorded, measured(
        texts | {module: texts[module].replace(before, after, 1)}))}


def test_no_stage_rests_on_code_that_changed_unnoticed(recorded):
    assert complaints(json.loads(RECORDED.read_text(encoding="utf-8")), recorded) == []


def test_every_function_that_makes_a_stage_is_found(texts):
    assert {"salcompare.pipeline.responses:_photographs", "salcompare.pipeline.responses:_responses",
            "salcompare.pipeline.responses:rate_quality", "salcompare.pipeline.responses:_human_maps",
            "salcompare.pipeline.classifiers:_train", "salcompare.pipeline.classifiers:_maps",
            "salcompare.findings.perturbation.stage:_remove", "salcompare.pipeline.analysis:_statistics",
            "salcompare.pipeline.presentation:write_report"} <= set(Code(texts).stages())


def test_comments_docstrings_and_layout_do_not_count(texts, recorded):
    for before, after in (("\nimport", "\n# a remark\nimport"), ('"""', '"""Other words. '), ("\n\n\n", "\n\n\n\n\n")):
        assert complained(texts, recorded, "salcompare.maps.boxes", before, after) == set()


def test_a_change_deep_in_what_is_imported_names_the_stages_that_rest_on_it_and_no_others(texts, recorded):
    found = complained(texts, recorded, "salcompare.sources.quality", "import", "import sys\nimport")
    assert "salcompare.pipeline.responses:rate_quality" in found
    assert "salcompare.pipeline.responses:_human_maps" not in found
    assert "salcompare.pipeline.classifiers:_train" not in found
    assert len(complained(texts, recorded, "salcompare.store", "IMAGES_PER_CHUNK = 16", "IMAGES_PER_CHUNK = 8")) == len(
        recorded["stages"])


def test_a_change_of_the_pipeline_counts_for_the_stage_that_uses_it(texts, recorded):
    found = complained(texts, recorded, "salcompare.pipeline.classifiers", "IMAGES_PER_PAIR = 2", "IMAGES_PER_PAIR = 3")
    assert found == {"salcompare.pipeline.classifiers:_differences"}


def test_a_change_of_an_attribution_method_counts_where_it_is_loaded_as_declared(texts, recorded):
    found = complained(texts, recorded, "salcompare.classifiers.deep_lift", "CARRIED = 0.01", "CARRIED = 0.02")
    assert "salcompare.pipeline.classifiers:_maps" in found
    assert "salcompare.pipeline.responses:_photographs" not in found


def test_a_raised_version_settles_it(recorded):
    now = json.loads(json.dumps(recorded))
    stage = "salcompare.pipeline.classifiers:_train"
    now["stages"][stage]["digest"] = "other"
    assert complaints(recorded, now)[0].startswith(f"{stage} rests on code that changed")
    now["stages"][stage]["version"] += 1
    assert complaints(recorded, now) == []


def test_templates_and_tables_of_constants_count(recorded):
    assert any(name.endswith("page.css") for name in recorded["parts"])
    assert any(name.endswith("published.json") for name in recorded["parts"])
