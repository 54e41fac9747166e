"""A network of ReLUs and one of SiLUs in one study: each by a method that suits it, held against controls, compared."""

import pandas as pd
import pytest

import salcompare as sc
from salcompare.errors import InputError
from salcompare.pipeline import presentation
from salcompare.progress import Silent
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
        patched.setattr(presentation, "_figures", lambda *_: [])
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
                   & (held["against"] == "randomised network")].set_index("source")
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
