"""A network of ReLUs and one of SiLUs in one study: each by a method that suits it, held against controls, compared."""

import html
import json
import re

import pandas as pd
import pytest

import salcompare as sc
from salcompare import store
from salcompare.errors import InputError
from salcompare.findings.symmetry import figure as symmetry
from salcompare.pipeline import presentation
from salcompare.pipeline.study_data import study_data
from salcompare.printing import p_text
from salcompare.progress import Silent
from salcompare.schema import ESTIMATES
from salcompare.stages import run
from tests.small_study import make_small_study

pytestmark = pytest.mark.slow
RELU, SILU = "angular/{}/guided_backprop", "smooth/finetuned/integrated_gradients"
NETWORKS = '''from torch import nn


def angular():
    return nn.Sequential(nn.Conv2d(3, 4, 5, stride=3), nn.ReLU(), nn.MaxPool2d(3), nn.Flatten())


def smooth():
    return nn.Sequential(nn.Conv2d(3, 4, 5, stride=3), nn.SiLU(), nn.AvgPool2d(3), nn.Flatten())
'''
CLASSIFIER = '''
[[classifier]]
name = "{name}"
backbone = "nets:{name}"
weights = "none"
hidden = 8
variants = {variants}
{methods}
frozen = {{iterations = 3, per_class = 1, validate_every = 3}}
finetuned = {{iterations = 2, per_class = 1, validate_every = 2}}
'''
SHORT = '''
[responses]
source = "simulated"

[controls]
randomisations = 2
layers = 2
curve_images = 1

[removal]
networks = "none"
'''


def write_study(folder, methods):
    root = make_small_study(folder, n_actors=8, n_images=4, size=32)
    (root / "nets.py").write_text(NETWORKS)
    settings = (root / "study.toml").read_text()
    start, end = settings.index("[[classifier]]"), settings.index("[maps]")
    networks = CLASSIFIER.format(name="angular", variants='["frozen", "finetuned"]', methods="")
    networks += CLASSIFIER.format(name="smooth", variants='["finetuned"]', methods=methods)
    (root / "study.toml").write_text(settings[:start] + networks + settings[end:] + SHORT)
    return root


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """The study run to its report, whose pictures are left out as they take longest to make."""
    root = write_study(tmp_path_factory.mktemp("mixed") / "study", 'methods = ["integrated_gradients"]')
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("salcompare.findings.content.make_figures", lambda *_, **_only: [])
        patched.setattr(presentation, "classifier_figures", lambda *_: {})
        patched.setattr(presentation, "comparison", lambda *_: None)
        run(sc.open_study(root), progress=Silent())
    return sc.open_study(root)


def test_each_network_is_explained_by_its_own_method(study):
    assert study.sources == [RELU.format("frozen"), RELU.format("finetuned"), SILU]
    assert study.maps_of(SILU).attrs["method"] == "integrated_gradients"
    assert study.classifier_maps(classifier="smooth").attrs["method"] == "integrated_gradients"


def test_both_stand_on_the_comparison_page_and_in_its_table(study):
    table = pd.read_csv(study.reports / "tables" / "comparison.csv")
    overlaps = table[table["quantity"] == "overlap"].set_index("source")["value"]
    assert set(overlaps.dropna().index) == set(study.sources)
    page = (study.reports / "comparison.html").read_text()
    assert all(source in page for source in study.sources)
    differences = pd.read_csv(study.reports / "tables" / "comparison_overlap.csv")
    assert ((differences["source"] == SILU)
            & (differences["contrast"] == f"minus {RELU.format('finetuned')}")).any()


def test_every_source_has_its_difference_from_random_networks_and_from_edges(study):
    table = pd.read_csv(study.reports / "tables" / "comparison.csv").set_index(["quantity", "source"])
    for source in study.sources:
        for control in ("minus_randomised", "minus_sobel"):
            row = table.loc[(control, source)]
            assert row[["value", "ci_low", "ci_high"]].notna().all(), (control, source)
    held = pd.read_csv(study.reports / "tables" / "overlap_controls.csv")
    primary = held[(held["metric"] == "pearson") & (held["form"] == "smoothed")
                   & (held["against"] == "randomised network") & (held["contrast"] == "same image")].set_index("source")
    assert set(primary.index) == set(study.sources)
    frozen, finetuned, other = (primary.loc[source, "overlap_of_control"] for source in study.sources)
    assert frozen == finetuned != other  # nothing of either variant is left in a random network


def test_the_random_networks_of_a_classifier_are_made_once_for_both_variants(study):
    for name, method in (("angular", "guided_backprop"), ("smooth", "integrated_gradients")):
        folder = study.processed / "classifiers" / name / "controls"
        assert len(list(folder.glob("randomised-*.zarr"))) == 1
        assert (folder / f"randomised-finetuned-{method}.json").exists()


def test_the_report_says_whose_method_is_which(study):
    page = (study.reports / "report.html").read_text()
    assert "angular: guided backprop; smooth: integrated gradients." in page


def test_guided_backpropagation_of_silus_is_refused_before_training_with_the_option_that_helps(tmp_path):
    root = write_study(tmp_path / "study", "")
    run(sc.open_study(root), until="train angular", progress=Silent())
    with pytest.raises(InputError, match=r"'smooth' \(nets:smooth\): .*silu.*set methods = \[\"integrated_grad"):
        run(sc.open_study(root), until="train smooth", progress=Silent())


def tables_of(study):
    """Every CSV of the report, by name."""
    return {path.stem: store.read_csv(path, text=TEXT) for path in sorted((study.reports / "tables").glob("*.csv"))}


TEXT = (*ESTIMATES.text_columns, "title", "headline", "predicted", "rule", "verdict", "quantity", "beside", "p_is_all")
SIDES = [("value_one", "value_other"), ("overlap", "overlap_of_control"), ("value", "value_all")]
DIFFERENCE = r"(?:^| )minus |effect$|^actor minus other actors$"
PER_STUDY = {"share_of_ceiling", "relative_saliency"}  # whose contrast names no plain difference


def test_a_difference_is_that_of_the_two_beside_it_in_every_table_and_in_the_numbers(study):
    seen = set()
    for name, table in tables_of(study).items():
        for one, other in SIDES:
            of = "difference" if one == "value" else "value"
            if {one, other, of} <= set(table):
                held = table[table[[one, other]].notna().all(axis=1)]
                seen |= {name} if len(held) else set()
                assert (held[of] - (held[one] - held[other])).abs().max() < 1e-9 or held.empty, name
    assert {"overlap_controls", "classifier_smooth_controls", "comparison", "comparison_overlap", "overlap_primary",
            "headlines", "overlap_actor", "label_difference_actor",
            "overlap_heatmaps", "symmetry_population"} <= seen
    estimates = pd.DataFrame(json.loads((study.reports / "report.json").read_text())["estimates"])
    differences = estimates[estimates["contrast"].fillna("").str.contains(DIFFERENCE) & estimates["value"].notna()
                            & ~estimates["statistic"].isin(PER_STUDY)]
    assert differences[["value_one", "value_other"]].notna().all(axis=None), differences[
        differences["value_one"].isna()][["statistic", "contrast"]].drop_duplicates()
    gap = differences["value"] - (differences["value_one"] - differences["value_other"])
    assert gap.abs().max() < 1e-9


def test_what_pages_print_of_differences_subtracts(study):
    number = r"([−\d.,e]+)"
    for path in study.reports.glob("*.html"):
        text = html.unescape(path.read_text())
        found = re.findall(rf"{number} \({number} less {number}[;)]", text)
        found += re.findall(rf"{number}(?:\s\([^)]*\))?(?:; |\n){number} less {number}", text)  # a cell of a comparison
        assert found or path.name.startswith("classifier"), path.name
        for said in found:
            value, one, other = (float(text.replace("−", "-").replace(",", "")) for text in said)
            assert abs(value - (one - other)) <= sum(half_of_last_digit(text) for text in said) + 1e-12, said


def half_of_last_digit(text):
    mantissa, _, exponent = text.replace("−", "-").partition("e")
    return 0.5 * 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))


def test_a_quantity_has_one_value_and_one_p_wherever_it_stands(study):
    key = ["statistic", "metric", "form", "sigma", "level", "source", "against", "contrast", "actor", "label"]
    estimates = study.estimates
    assert not estimates.duplicated(key).any()
    for name, table in tables_of(study).items():
        if name == "headlines" or "statistic" not in table or "value" not in table:
            continue
        shared = [column for column in (*key, "value", "p_value") if column in table and column != "sigma"]
        both = table[shared].drop_duplicates().merge(estimates[shared].drop_duplicates(), how="left", indicator=True)
        assert (both["_merge"] == "both").all(), name
    headlines = tables_of(study)["headlines"]
    columns = ["statistic", "metric", "form", "source", "contrast", "label"]
    whole = estimates[estimates["level"] == "population"][[*columns, "value", "p_value"]]
    assert len(headlines.merge(whole, on=[*columns, "value", "p_value"])) == len(headlines)


def test_people_have_one_test_of_a_side(study):
    estimates = study.estimates
    people = estimates[(estimates["source"] == "human") & estimates["statistic"].isin(["symmetry", "symmetry_test"])]
    sides = people[(people["level"] == "population") & people["metric"].str.contains("laterality|asymmetry$")]
    assert sides["metric"].tolist() == ["worker_laterality"]
    side, = sides.to_dict("records")
    assert side["resampled"] == "workers and actors"
    said = p_text(side)
    summary = json.loads((study.reports / "report.json").read_text())["summary"]
    answer, = (text for part in summary for text in part["answers"] if "people's maps, with other workers" in text)
    assert said in answer
    drawn = symmetry._table(study_data(study))
    row, = drawn[(drawn["source"] == "human") & (drawn["metric"] == "laterality") & (drawn["level"] == "population")
                 ].to_dict("records")
    assert (row["value"], row["p_value"]) == (side["value"], side["p_value"])
    headline = tables_of(study)["headlines"].set_index("headline").loc["Human maps: laterality"]
    assert (headline["value"], headline["p_value"]) == (side["value"], side["p_value"])


def test_p_is_a_bound_at_the_floor_of_drawn_permutations_alone(study):
    estimates = study.estimates[study.estimates["p_value"].notna()]
    assert estimates["p_is"].notna().all()
    floor = estimates["p_value"] == 1 / 100  # the study asks for 99
    drawn = floor & (estimates["n_resamples"] == 99)
    assert drawn.any()
    assert (estimates.loc[drawn, "p_is"] == "at most").all()
    enumerated = estimates["n_resamples"] < 99
    assert enumerated.any()
    assert (estimates.loc[enumerated, "p_is"] == "equal").all()
    page = html.unescape((study.reports / "report.html").read_text())
    assert "p <= 0.01" in page
    assert not re.search(r"p = 0\.0+\b(?!\d)", page)


NOT_OF_PEOPLE = (
    "accuracy", "accuracy_{}", "asymmetry_actor", "classifier_{}_accuracy", "classifier_{}_near_zero",
    "classifier_{}_randomisation", "classifier_{}_variance", "classifier_{}_verification",
    "comparison_accuracy_difference", "comparison_near_zero_share", "confusion_{}", "equal_error_rate",
    "images_left_out", "near_zero_share", "overlap_conventions",
    "randomisation_similarity", "training_{}", "weights_{}")


def test_every_table_that_rests_on_simulated_responses_says_so_by_one_name(study):
    silent = {name.format(classifier) for name in NOT_OF_PEOPLE for classifier in ("angular", "smooth")}
    tables = tables_of(study)
    said = {name for name, table in tables.items() if (table.get("responses", pd.Series()) == "simulated").any()}
    assert set(tables) - said <= silent
    assert not said & silent
    assert not [name for name, table in tables.items() if "origin" in table]
    numbers = json.loads((study.reports / "report.json").read_text())
    assert numbers["responses"] == "simulated"
    for path in study.reports.glob("*.html"):
        assert "Simulated responses." in path.read_text(), path.name
    for name in ("overlap_images", "agreement_images", "headlines", "exclusions", "quality_workers"):
        assert (store.read_csv(study.processed / f"{name}.csv")["responses"] == "simulated").all(), name
