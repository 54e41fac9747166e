"""A small study for the figures: three actors, two images each, on a grid of 20 x 24 pixels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from salcompare.faces import REGIONS, SCHEMES, make_landmarks
from salcompare.study_data import StudyData

ACTORS = ("Ada Adams", "Bo Berg", "s03")
MAIN, FROZEN = "alexnet/finetuned/guided_backprop", "alexnet/frozen/guided_backprop"
HEIGHT, WIDTH = 20, 24


def tiny(**changes: object) -> StudyData:
    """Every input that a figure can need; `changes` replace some."""
    rng = np.random.default_rng(0)
    images = pd.DataFrame([{"image": f"{actor}/{i}", "actor": actor, "split": "test", "file": f"{actor}{i}.png",
                            "sha256": "0", "height": 40, "width": 48} for actor in ACTORS for i in (1, 2)])
    names = images["image"].to_numpy("U")
    coords = {"image": names, "actor": ("image", images["actor"].to_numpy("U")), "y": np.arange(HEIGHT),
              "x": np.arange(WIDTH)}
    photographs = xr.DataArray(rng.integers(0, 256, (6, HEIGHT, WIDTH, 3), np.uint8),
                               dims=("image", "y", "x", "channel"),
                               coords={**coords, "channel": ["red", "green", "blue"]})
    maps = {source: xr.Dataset({"saliency": (("image", "y", "x"), rng.random((6, HEIGHT, WIDTH), np.float32))}, coords)
            for source in (FROZEN, MAIN)}
    human = xr.Dataset({"coverage": (("image", "y", "x"), rng.random((6, HEIGHT, WIDTH), np.float32)),
                        "n_responses": ("image", np.full(6, 2))}, coords)
    heatmap = xr.DataArray(rng.random((3, 3, HEIGHT, WIDTH)), dims=("source", "actor", "y", "x"),
                           coords={"source": ["human", FROZEN, MAIN], "actor": list(ACTORS), "y": coords["y"],
                                   "x": coords["x"]})
    saliency = maps[MAIN].saliency.to_numpy()
    pairs = xr.Dataset({"own": (("image", "y", "x"), saliency[:2]), "other": (("image", "y", "x"), saliency[2:4])}, {
        "image": names[:2], "actor": ("image", [ACTORS[0]] * 2), "other_actor": ("image", [ACTORS[1]] * 2)})
    matrix = xr.Dataset({"difference": (("actor", "other_actor", "y", "x"), rng.random((3, 3, HEIGHT, WIDTH))),
                         "n_images": ("actor", np.full(3, 2))}, {
        "actor": list(ACTORS), "other_actor": list(ACTORS), "y": coords["y"], "x": coords["x"]})
    data = StudyData(
        photographs=photographs, images=images, responses=responses(names), human=human, classifier_maps=maps,
        heatmaps=xr.Dataset({"heatmap": heatmap, "relative": heatmap - heatmap.mean("actor")}), differences=pairs,
        estimates=estimates(), nulls=nulls(), actors=ACTORS, simulated=True, mask_share=0.05, human_share=0.1,
        credit="Some Museum", classifiers={"alexnet": {"training": training()}}, headlines=headlines(),
        class_matrix=matrix, removal_curves=removal_curves(), landmarks=landmarks(names))
    return data.replace(**changes)


def landmarks(images: np.ndarray) -> xr.DataArray:
    """Five points of each face but the last's, the second's nose out of place."""
    points = np.array([[18, 14], [30, 14], [24, 20], [20, 26], [28, 26.0]]) + np.zeros((len(images), 1, 1))
    points[1, 2] += 5
    points[-1] = np.nan
    return make_landmarks(points, images.tolist(), SCHEMES["five"], source="by hand")


def responses(images: np.ndarray) -> pd.DataFrame:
    rows = [{"response": f"r{i}{j}", "worker": f"w{j}", "image": str(image), "label": label, "x0": 4.0, "y0": 6.0,
             "x1": 20.0, "y1": 18.0} for i, image in enumerate(images) for j, label in enumerate(("eyes", "nose"))]
    return pd.DataFrame([*rows, {**rows[0], "response": "more"}])


def estimates() -> pd.DataFrame:
    found: list[dict[str, object]] = [
        {"statistic": "label_share", "metric": "share", "level": "population", "source": "human", "label": label,
         "value": value, "ci_low": value - 0.05, "ci_high": value + 0.05, "ci_method": "percentile",
         "resampled": "workers", "n_resamples": 200, "n": 3} for label, value in (("nose", 0.3), ("eyes", 0.7))]
    found += [{"statistic": "label_difference", "metric": "share_difference", "level": "actor", "source": "human",
               "actor": actor, "label": label, "value": sign * value, "p_value": p, "p_adjusted": min(1, 3 * p),
               "family_size": 6, "null": "images permuted freely among actors", "n_resamples": 999, "n": 2}
              for label, sign in (("eyes", 1), ("nose", -1))
              for actor, value, p in zip(ACTORS, (0.3, -0.1, -0.2), (0.01, 0.5, 0.02), strict=True)]
    found += [{"statistic": "variance_explained", "metric": "r2", "form": form, "level": "population", "source": source,
               "value": value, "null": "images permuted freely among actors", "null_mean": 0.4, "p_value": 0.002,
               "n": 6, "n_resamples": 999}
              for source, form, value in (("human", "raw", 0.5), (MAIN, "masks", 0.6), ("photographs", "raw", 0.45))]
    found += [{"statistic": "share_of_ceiling", "metric": "pearson", "form": "smoothed", "level": "population",
               "source": MAIN, "against": "human", "contrast": contrast, "null_mean": 0.7, "ceiling": 0.9,
               "value": value, "value_other": other, "ci_low": value - 0.1, "ci_high": value + 0.1,
               "ci_method": "jackknife", "resampled": "workers and actors", "n": 3}
              for contrast, value, other in (("same image", 0.4, None), ("minus baseline/centre", -0.3, 0.7))]
    for level, actor, value in (("population", None, 0.5), ("actor", ACTORS[0], 0.4), ("actor", ACTORS[1], 0.6)):
        for contrast, less in (("same image", 0.0), ("same actor, other image", 0.1), ("other actor", 0.2)):
            found.append({"statistic": "overlap", "metric": "pearson", "form": "smoothed", "level": level,
                          "actor": actor, "source": MAIN, "against": "human", "contrast": contrast,
                          "value": value - less, "ci_low": value - less - 0.1, "ci_high": value - less + 0.1,
                          "ci_method": "percentile", "resampled": "actors", "n_resamples": 200, "n": 3})
        found += [{"statistic": "symmetry", "metric": metric, "level": level, "actor": actor, "source": source,
                   "value": value / 2, "ci_low": value / 3, "ci_high": value, "ci_method": "percentile",
                   "resampled": "images", "n_resamples": 200, "n": 2, "null_mean": 0.8 if metric == "index" else None}
                  for source in ("human", MAIN) for metric in ("index", "mirror_correlation", "laterality")]
    found += symmetry_tests()
    found += [{"statistic": "overlap", "metric": "pearson", "form": "smoothed", "level": "population", "source": source,
               "against": "human", "contrast": "same image", "value": value, "reason": reason}
              for source, value, reason in (("baseline/centre", 0.45, None), ("baseline/uniform", None, "constant"))]
    found += [{"statistic": "variance_component", "metric": metric, "form": "smoothed", "source": "human",
               "level": "population", "value": value} for metric, value in (
        ("actor", 0.2), ("image", 0.1), ("worker", 0.3), ("residual", 0.4))]
    found.append({"statistic": "noise_ceiling", "metric": "pearson", "level": "population", "source": "human",
                  "value": 0.9})
    found += [{"statistic": "accuracy", "metric": part, "level": "population", "source": f"alexnet/{variant}",
               "value": 0.9, "ci_low": 0.8, "ci_high": 0.95, "ci_method": "wilson", "n": 6}
              for variant in ("frozen", "finetuned") for part in ("train", "validation", "test")]
    found += [*removals(), *regions()]
    return pd.DataFrame([*found, *controls()])


def regions() -> list[dict[str, object]]:
    ends: dict[str, object] = {"level": "population", "metric": "share", "ci_low": 0.04, "ci_high": 0.08, "n": 3,
                               "ci_method": "t", "resampled": "actors", "frame": "canonical"}
    kinds: tuple[dict[str, object], ...] = (
        {"statistic": "region_area"}, {"statistic": "region_named", "source": "human"},
        *({"statistic": "region_share", "source": source} for source in ("human", MAIN)),
        {"statistic": "region_share", "source": MAIN, "contrast": "randomised network"})
    return [{**ends, **kind, "region": region, "value": 1 / 16} for kind in kinds for region in REGIONS]


def controls() -> list[dict[str, object]]:
    key: dict[str, object] = {"metric": "pearson", "form": "smoothed", "level": "population", "value": 0.3,
                              "ci_low": 0.2, "ci_high": 0.4, "ci_method": "t", "resampled": "actors", "n": 3}
    return [
        *({**key, "statistic": "overlap_of_control", "source": MAIN, "against": control, "contrast": contrast}
          for control in ("randomised network", "sobel", "baseline/centre")
          for contrast in ("same image", "image effect", "actor effect")),
        *({**key, "statistic": "overlap_control", "source": MAIN, "against": control,
           "contrast": "same image"} for control in ("randomised network", "sobel")),
        *({**key, "statistic": "unique_agreement", "source": MAIN, "contrast": contrast, "ceiling": 0.7,
           "smallest_effect": 0.14} for contrast in ("same image", "randomised network")),
        *({**key, "statistic": "randomisation_similarity", "metric": metric, "form": form, "source": MAIN,
           "against": layer, "resampled": "randomisations", "n": 5} for metric in ("spearman", "ssim")
          for form in ("cascading", "independent") for layer in ("head", "features.0"))]


def removal_curves() -> pd.DataFrame:
    return pd.DataFrame([
        {"network": "alexnet/finetuned", "source": source, "way": way, "metric": metric, "fill": fill, "share": share,
         "value": 1 - share, "ci_low": 0.9 - share, "ci_high": 1.1 - share, "n": 3}
        for source in (MAIN, "random", "people") for way in ("deletion", "insertion")
        for metric in ("probability", "logit") for fill in ("mean", "blur") for share in (0.0, 0.1, 1.0)])


def removals() -> list[dict[str, object]]:
    drops: list[dict[str, object]] = [
        {"statistic": "removal_drop", "metric": metric, "form": fill, "level": "population", "source": MAIN,
         "against": against, "value": 1.0, "ci_low": 0.5, "ci_high": 1.5, "ci_method": "t", "resampled": "actors",
         "n": 3}
        for metric in ("logit", "accuracy") for fill in ("mean", "blur")
        for against in ("classifier", "people", "both", "random", "random people", "centre")]
    drops += [{**drops[0], "against": "label region", "label": label} for label in ("eyes", "nose")]
    return [*drops, {**drops[0], "contrast": "minus random", "p_value": 0.5}]


def symmetry_tests() -> list[dict[str, object]]:
    found: list[dict[str, object]] = [
        {"statistic": "symmetry_test", "metric": metric, "level": "population", "source": source, "value": 0.1,
         "ci_low": 0.05, "ci_high": 0.15, "ci_method": "t", "resampled": "actors", "p_value": 0.03, "n_resamples": 999}
        for metric in ("common_laterality", "asymmetry", "pose_association", "asymmetry_beyond_photographs")
        for source in ("human", MAIN, "photographs") if source != "photographs" or "pose" not in metric]
    return [*found, *({"statistic": "symmetry_test", "metric": "asymmetry", "level": "actor", "source": source,
                       "actor": ACTORS[0], "value": 0.2, "p_value": 0.5} for source in ("human", "photographs"))]


def nulls() -> pd.DataFrame:
    draws = np.random.default_rng(1).normal(0.4, 0.02, 40)
    return pd.DataFrame([{"statistic": "variance_explained", "metric": "r2", "form": form, "source": source,
                          "value": draw} for source, form in (("human", "raw"), (MAIN, "masks")) for draw in draws])


def headlines() -> pd.DataFrame:
    return pd.DataFrame({
        "headline": ["Noise ceiling", "Image effect", "Agreement of boxes, alpha", "Share of the ceiling, over 0"],
        "value": [0.9, 0.03, 0.1, -2.4], "ci_low": [0.85, 0.01, None, -3.2], "ci_high": [0.95, 0.05, None, -1.8],
        "value_all": [0.8, 0.01, 0.04, -2.2], "ci_low_all": [0.75, -0.01, None, -3.0],
        "ci_high_all": [0.85, 0.03, None, -1.7], "verdict": ["", "evidence only with exclusions", "", "same"]})


def training() -> pd.DataFrame:
    return pd.DataFrame([{"variant": variant, "iteration": i, "loss": 1 / i, "train_accuracy": 0.5 + i / 40,
                          "validation_accuracy": 0.5 + i / 50 if i % 2 == 0 else None}
                         for variant in ("frozen", "finetuned") for i in range(1, 11)])
