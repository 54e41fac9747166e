"""The regions of a study: what its stage sums, its rows, the one sentence, the table and the figure."""

import re

import numpy as np
import pandas as pd
import pytest

import salcompare as sc
from salcompare.faces import LABEL_REGIONS, REGIONS, five_points, region_masks
from salcompare.findings import regions as terms
from salcompare.findings.analysis import NO_WORKERS, Analysis
from salcompare.findings.p_values import name_families
from salcompare.findings.regions.estimates import NO_LANDMARKS, NO_MESH, estimates
from salcompare.findings.regions.figure import regions_figure, regions_missing
from salcompare.findings.regions.stage import has_mesh
from salcompare.findings.regions.words import methods, summary, tables
from salcompare.findings.rows import estimates_table, with_responses
from salcompare.pipeline.study_data import study_data
from salcompare.progress import Silent
from salcompare.stages import run

MAIN = "net/finetuned/gradient"
STUDY = """classifier = []
[study]
name = "Faces"
size = [48, 40]
[images]
source = "orl"
split = [8, 1, 1]
[landmarks]
source = "orl"
[responses]
source = "simulated"
[simulation]
workers = 12
per_image = 6
[statistics]
n_resamples = 200
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    root = tmp_path_factory.mktemp("regions")
    (root / "study.toml").write_text(STUDY)
    opened = sc.open_study(root)
    run(opened, until="regions", progress=Silent())
    return opened


def computed(data, study):
    analysis = Analysis(data, study.config.maps, study.config.statistics, 1, "simulated")
    rows = [row for part, _ in estimates(analysis) for row in part]
    return with_responses(name_families(estimates_table(rows)), "simulated")


def with_network(study):
    """The study's data with a network that marks what the edges do, and networks with random weights: the centre."""
    data = study_data(study)
    table = data.region_masses
    edges, centre = (table[table["source"] == name] for name in ("sobel", "baseline/centre"))
    random = [centre.assign(source=MAIN, network=str(at)) for at in range(2)]
    maps = data.human.rename(coverage="saliency")
    return data.replace(region_masses=pd.concat([table, edges.assign(source=MAIN), *random], ignore_index=True),
                        classifier_maps={MAIN: maps}, classifiers={"net": {}})


@pytest.fixture(scope="module")
def data(study):
    bare = with_network(study)
    return bare.replace(estimates=computed(bare, study))


def shares(data, source, statistic=terms.SHARES, metric="share", contrast=None):
    table = data.estimates
    rows = table[(table["statistic"] == statistic) & (table["metric"] == metric) & (table["source"] == source)]
    rows = rows[rows["contrast"].isna() if contrast is None else rows["contrast"] == contrast]
    return rows.set_index("region").loc[list(REGIONS)]


def test_the_share_of_people_is_that_of_their_canonical_maps(study, data):
    human, images = study.human_maps()["coverage"], study.images
    canonical = sc.to_canonical(human.astype(float), study.landmarks(), images=images)
    sums = (canonical * region_masks(scale=56)).sum(("y", "x"))
    of_images = (sums / sums.sum("region")).sel(region=list(REGIONS)).to_pandas()
    expected = of_images.groupby(images.set_index("image")["actor"].loc[of_images.index].to_numpy()).mean().mean()
    found = shares(data, "human")
    np.testing.assert_allclose(found["value"], expected, rtol=1e-5, atol=1e-9)
    assert found["value"].sum() == pytest.approx(1)
    assert set(found["resampled"]) == {"workers and actors"}
    assert set(found["frame"]) == {"canonical"}
    area = data.estimates[data.estimates["statistic"] == terms.AREAS].set_index("region")["value"]
    density = shares(data, "human", metric="density")["value"]
    np.testing.assert_allclose(density, found["value"] / area.loc[list(REGIONS)])


def test_what_is_named_is_the_share_of_labels_and_not_what_is_boxed(study, data):
    named = shares(data, "human", statistic=terms.NAMES)["value"]
    kept = study.responses
    owner = kept["image"].map(study.images.set_index("image")["actor"])
    for label, regions in LABEL_REGIONS.items():
        others = {region for name, some in LABEL_REGIONS.items() if name != label for region in some}
        if not others & set(regions):
            of_images = kept["label"].eq(label).groupby([owner, kept["image"]]).mean()
            assert named[list(regions)].sum() == pytest.approx(of_images.groupby(level=0).mean().mean()), label
    assert (named - shares(data, "human")["value"]).abs().max() > 0.05


def test_people_less_a_network_and_its_controls_are_families_over_regions(data):
    people = shares(data, "human")["value"]
    for kind, source in (("classifier", MAIN), ("randomised network", MAIN), ("sobel", "sobel"),
                         ("baseline/centre", "baseline/centre")):
        less = shares(data, source, statistic=terms.DIFFERENCES, contrast=f"human minus {kind}")
        other = shares(data, source, contrast="randomised network" if kind == "randomised network" else None)
        np.testing.assert_allclose(less["value"], people - other["value"], atol=1e-9)
        np.testing.assert_allclose(less["value_one"] - less["value_other"], less["value"], atol=1e-9)
        assert set(less["family_size"]) == {16}
        assert (less["p_adjusted"] >= less["p_value"]).all()
        assert ((less["p_value"] <= 0.05) == ((less["ci_low"] > 0) | (less["ci_high"] < 0))).all()
        assert set(less["responses"]) == {"simulated"}
    assert set(shares(data, MAIN)["ci_method"]) == {"t"}


def test_the_sentence_has_the_area_and_the_controls_beside_every_share(data):
    (said,) = summary(data)
    largest = shares(data, "human")["value"].nlargest(3).index
    parts = re.findall(r"(\w[\w ]*) \d+% \(95% CI ([^)]*)\)", said)
    assert len(parts) == 3
    for region, (name, beside) in zip(largest, parts, strict=True):
        assert name.endswith(region)
        for control in ("random-weight networks", "a centred blob", "the photographs' edges", "area", MAIN,
                        "what they name"):
            assert re.search(rf"{re.escape(control)} \d+%", beside), control
    assert re.search(rf"people differ in \d+ of 16 regions from {MAIN} and \d+ of 16 regions from random-weight", said)


def test_the_table_has_a_region_a_row_with_every_source(data):
    wide, every = tables(data)
    assert wide.page["region"].tolist() == list(REGIONS)
    assert list(wide.page) == ["region", "area", "named", "human", MAIN, "random_networks", "centre", "edges",
                               "human_minus_classifier", "ci_low", "ci_high", "p_adjusted"]
    np.testing.assert_allclose(wide.frame["human"], shares(data, "human")["value"])
    assert wide.simulated
    assert set(wide.frame["responses"]) == {"simulated"}
    assert every.folded
    assert "upright" in dict(methods(data))["Regions of the face"]


def test_the_figure_draws_people_the_network_and_random_weights_over_the_area(data):
    assert regions_missing(data) is None
    figure = regions_figure(data)
    assert figure.name == "fig21-regions"
    assert "Simulated responses" in figure.caption
    assert "crossed t intervals over workers and actors" in figure.caption
    figure.plot.draw()


def test_without_people_or_without_a_network_the_rest_is_there(study, data):
    alone = data.replace(human=None, responses=None)
    alone = alone.replace(estimates=computed(alone, study))
    assert set(alone.estimates["statistic"]) == {terms.SHARES, terms.AREAS}
    assert summary(alone)[0].startswith(f"Of what {MAIN} marks, the largest shares are: ")
    people = study_data(study)
    people = people.replace(estimates=computed(people, study))
    assert set(people.estimates["source"].dropna()) == {"human", "sobel", "baseline/centre"}
    assert "random-weight" not in summary(people)[0]
    assert "p_adjusted" not in next(iter(tables(people))).page
    assert regions_missing(people) is None
    regions_figure(people).plot.draw()


def test_maps_that_name_no_worker_have_a_value_and_no_interval(study, data):
    table = data.region_masses
    drawn = table[table["source"] == "human"]
    merged = drawn.groupby("image")[list(REGIONS)].mean().reset_index().assign(source="human", network="", worker="")
    nameless = data.replace(region_masses=pd.concat([table[table["source"] != "human"], merged], ignore_index=True))
    found = shares(nameless.replace(estimates=computed(nameless, study)), "human")
    np.testing.assert_allclose(found["value"], shares(data, "human")["value"], atol=1e-9)
    assert found["ci_low"].isna().all()
    assert set(found["reason"]) == {NO_WORKERS}


def test_landmarks_without_a_mesh_leave_the_reason(study, data):
    assert has_mesh(study.landmarks())
    assert not has_mesh(five_points(study.landmarks()))
    for changes, reason in (({"landmarks": None}, NO_LANDMARKS), ({"region_masses": data.region_masses[:0]}, NO_MESH)):
        without = data.replace(**changes)
        found = computed(without, study)
        assert found[["source", "reason"]].to_numpy().tolist() == [["human", reason]]
        without = without.replace(estimates=found)
        assert summary(without) == [f"What is marked in regions of the face could not be computed ({reason})."]
        assert list(tables(without)) == methods(without) == []
        assert regions_missing(without)
    assert computed(data.replace(human=None, classifier_maps={}), study).empty
