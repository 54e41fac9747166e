import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from salcompare.classifiers import load_classifier, register_backbone, train_classifier
from salcompare.classifiers.backbones import find_backbone
from salcompare.classifiers.network import run
from salcompare.errors import ConfigError, DamagedError, InputError, StaleError
from salcompare.progress import Silent
from salcompare.store import read_json
from tests.classifiers.tiny import FROZEN, TINY, tiny_photographs

TABLES = ("training.csv", "accuracy.csv", "confusion.csv", "predictions.csv", "weights.csv", "summary.json")


class StoppedError(Exception):
    """Training was stopped."""


class Stopping(Silent):
    """Says nothing, and stops training at the given message."""

    def __init__(self, at):
        self.left, self.said = at, []

    def say(self, message):
        self.said.append(message)
        self.left -= 1
        if self.left == 0:
            raise StoppedError


def fit(photographs, folder, config=TINY, *, seed=0, progress=None):
    pixels, images = photographs
    train_classifier(pixels, images, config, root=folder, folder=folder, seed=seed, progress=progress)
    return {name: (folder / name).read_text() for name in TABLES}


def states(folder, variant="finetuned"):
    return load_classifier(folder, variant).model.state_dict()


def changed(one, other):
    return {name for name, value in one.items() if not torch.equal(value, other[name])}


def test_a_run_leaves_networks_and_tables_that_fit_together(photographs, tmp_path):
    fit(photographs, tmp_path)
    accuracy = pd.read_csv(tmp_path / "accuracy.csv")
    assert accuracy[["variant", "split"]].to_numpy().tolist() == [
        [variant, split] for variant in ("frozen", "finetuned") for split in ("train", "validation", "test")]
    assert accuracy["n"].tolist() == [15, 6, 6] * 2
    assert (accuracy["accuracy"] == accuracy["n_correct"] / accuracy["n"]).all()
    predictions = pd.read_csv(tmp_path / "predictions.csv")
    assert list(predictions) == ["variant", "image", "actor", "split", "predicted", "logit"]
    assert len(predictions) == 2 * 27
    right = predictions["predicted"] == predictions["actor"]
    assert right.groupby([predictions["variant"], predictions["split"]]).sum().to_dict() == {
        (row.variant, row.split): row.n_correct for row in accuracy.itertuples()}
    confusion = pd.read_csv(tmp_path / "confusion.csv")
    assert confusion.groupby("variant")["n"].sum().to_dict() == {"frozen": 6, "finetuned": 6}
    training = pd.read_csv(tmp_path / "training.csv")
    assert training["iteration"].tolist() == [3, 6, 9, 12, 4, 8, 10]
    weights = pd.read_csv(tmp_path / "weights.csv")
    assert weights["layer"].tolist() == ["features.0", "head.0", "head.3"] * 2
    assert weights["share_near_zero"].between(0, 1).all()


def test_it_learns_to_tell_the_actors_apart(photographs, tmp_path):
    longer = replace(TINY, frozen=replace(FROZEN, iterations=60), variants=("frozen",))
    fit(photographs, tmp_path, longer)
    accuracy = pd.read_csv(tmp_path / "accuracy.csv").set_index("split")["accuracy"]
    assert accuracy["test"] == 1


def test_the_summary_says_what_was_kept_and_whether_it_beat_frozen(photographs, tmp_path):
    fit(photographs, tmp_path)
    summary, training = read_json(tmp_path / "summary.json"), pd.read_csv(tmp_path / "training.csv")
    for variant, entry in summary.items():
        looks = training[training["variant"] == variant]
        best = looks.sort_values(["validation_accuracy", "validation_loss"], ascending=[False, True]).iloc[0]
        assert entry["best_iteration"] == best["iteration"]
        assert entry["best_validation_accuracy"] == best["validation_accuracy"]
        assert entry["weights_sha256"] == load_classifier(tmp_path, variant).weights_sha256
    assert summary["frozen"]["beats_frozen"] is None
    assert summary["finetuned"]["beats_frozen"] == (
        summary["finetuned"]["best_validation_accuracy"] > summary["frozen"]["best_validation_accuracy"])
    assert summary["frozen"]["n_parameters"] == (5 * 27 + 5) + 10 + (5 * 6 + 6) + (6 * 3 + 3)


def without_validation(photographs):
    pixels, images = photographs
    return pixels, images.assign(split=images["split"].replace("validation", "train"))


def test_without_validation_images_the_weights_after_the_last_iteration_are_kept(photographs, tmp_path):
    last, progress = replace(TINY, keep="last"), Stopping(at=-1)
    fit(without_validation(photographs), tmp_path, last, progress=progress)
    training, summary = pd.read_csv(tmp_path / "training.csv"), read_json(tmp_path / "summary.json")
    assert training[["validation_accuracy", "validation_loss"]].isna().all(axis=None)
    assert {variant: (entry["keep"], entry["best_iteration"], entry["best_validation_accuracy"], entry["beats_frozen"])
            for variant, entry in summary.items()} == {"frozen": ("last", 12, None, None),
                                                       "finetuned": ("last", 10, None, None)}
    accuracy = pd.read_csv(tmp_path / "accuracy.csv").set_index(["variant", "split"])
    assert accuracy["n"].xs("frozen").to_dict() == {"train": 21, "validation": 0, "test": 6}
    assert accuracy.loc[("frozen", "validation"), ["accuracy", "ci_low", "ci_high"]].isna().all()
    assert not any("validation" in message or "best" in message for message in progress.said)
    assert sum("after the last iteration, which is kept" in message for message in progress.said) == 2
    shorter = replace(last, finetuned=replace(TINY.finetuned, iterations=9))
    fit(without_validation(photographs), tmp_path / "shorter", shorter)
    assert changed(states(tmp_path), states(tmp_path / "shorter"))  # not a look earlier than the last


def test_the_last_weights_are_kept_though_validation_images_say_that_others_are_better(photographs, tmp_path):
    best, last = tmp_path / "best", tmp_path / "last"
    losing = replace(TINY, variants=("frozen",), frozen=replace(FROZEN, learning_rate=0.5, iterations=30))
    fit(photographs, best, losing)
    fit(photographs, last, replace(losing, keep="last"))
    looks = pd.read_csv(best / "training.csv")
    pd.testing.assert_frame_equal(looks, pd.read_csv(last / "training.csv"))  # training itself is the same
    assert read_json(best / "summary.json")["frozen"]["best_iteration"] < 30
    entry = read_json(last / "summary.json")["frozen"]
    assert (entry["best_iteration"], entry["best_validation_accuracy"]) == (30, looks["validation_accuracy"].iloc[-1])
    assert changed(states(best, "frozen"), states(last, "frozen"))


def test_a_run_without_validation_images_goes_on_where_it_was_stopped(photographs, tmp_path):
    given, last = without_validation(photographs), replace(TINY, keep="last")
    whole = fit(given, tmp_path / "whole", last)
    with pytest.raises(StoppedError):
        fit(given, tmp_path / "stopped", last, progress=Stopping(at=3))
    assert fit(given, tmp_path / "stopped", last) == whole


def test_a_finetuned_network_that_does_not_beat_frozen_is_said_to(photographs, tmp_path):
    idle = replace(TINY, finetuned=replace(TINY.finetuned, learning_rate=1e-12))
    progress = Stopping(at=-1)
    fit(photographs, tmp_path, idle, progress=progress)
    assert read_json(tmp_path / "summary.json")["finetuned"]["beats_frozen"] is False
    assert read_json(tmp_path / "summary.json")["finetuned"]["best_iteration"] >= 1
    assert any("no iteration beat the frozen network" in message for message in progress.said)


def test_frozen_changes_the_new_layers_only_and_finetuned_starts_from_it(photographs, tmp_path):
    barely = replace(TINY, finetuned=replace(TINY.finetuned, iterations=1, learning_rate=1e-6))
    fit(photographs, tmp_path, barely)
    given = find_backbone("tiny").features()
    given.load_state_dict(torch.load(find_backbone("tiny").weights["small"](print), weights_only=True))
    frozen, finetuned = states(tmp_path, "frozen"), states(tmp_path)
    assert all(torch.equal(frozen[f"features.{name}"], value) for name, value in given.state_dict().items())
    assert changed(frozen, finetuned) >= {"features.0.weight", "features.1.weight", "head.0.weight"}
    assert max(float((value - finetuned[name]).abs().max()) for name, value in frozen.items()) < 1e-5


def test_finetuned_alone_starts_from_the_backbones_weights_and_new_layers(photographs, tmp_path):
    alone = replace(TINY, variants=("finetuned",), finetuned=replace(TINY.finetuned, iterations=1, learning_rate=1e-9))
    fit(photographs, tmp_path, alone)
    given = torch.load(find_backbone("tiny").weights["small"](print), weights_only=True)
    torch.testing.assert_close(states(tmp_path)["features.0.weight"], given["0.weight"], atol=1e-7, rtol=0)
    assert read_json(tmp_path / "summary.json")["finetuned"]["beats_frozen"] is None
    assert not (tmp_path / "frozen.pt").exists()


def test_without_weights_batch_normalisation_learns_its_statistics(photographs, tmp_path):
    scratch = replace(TINY, variants=("finetuned",), weights="none")
    fit(photographs, tmp_path / "scratch", scratch)
    assert bool((states(tmp_path / "scratch")["features.1.running_mean"] != 0).any())
    fit(photographs, tmp_path / "given")
    given = torch.load(find_backbone("tiny").weights["small"](print), weights_only=True)
    assert torch.equal(states(tmp_path / "given")["features.1.running_mean"], given["1.running_mean"])


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(photographs, tmp_path):
    state = torch.get_rng_state()
    first = fit(photographs, tmp_path / "a")
    torch.rand(5)
    np.random.default_rng().random()
    assert fit(photographs, tmp_path / "b") == first
    assert (tmp_path / "b" / "finetuned.pt").read_bytes() == (tmp_path / "a" / "finetuned.pt").read_bytes()
    assert fit(photographs, tmp_path / "c", seed=1)["training.csv"] != first["training.csv"]
    torch.set_rng_state(state)
    fit(photographs, tmp_path / "d")
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("at", range(1, 11))
def test_a_run_stopped_at_any_message_goes_on_to_the_same_result(photographs, tmp_path, at):
    whole = fit(photographs, tmp_path / "whole")
    progress = Stopping(at)
    try:
        fit(photographs, tmp_path / "cut", progress=progress)
    except StoppedError:
        assert not (tmp_path / "cut" / "summary.json").exists()
    else:
        assert len(progress.said) < at
    assert fit(photographs, tmp_path / "cut") == whole
    assert not list((tmp_path / "cut").glob("*checkpoint*"))
    assert not list((tmp_path / "cut").glob(".*"))


def test_a_run_stopped_again_and_again_goes_on_to_the_same_result(photographs, tmp_path):
    whole = fit(photographs, tmp_path / "whole")
    for _ in range(20):
        try:
            cut = fit(photographs, tmp_path / "cut", progress=Stopping(4))
        except StoppedError:
            continue
        break
    assert cut == whole


KILLED = """
import os, signal, sys
from pathlib import Path
from salcompare.progress import Silent
from salcompare.classifiers import train_classifier
from tests.classifiers.tiny import TINY, register_tiny, tiny_photographs

class Killing(Silent):
    left = 5
    def say(self, message):
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

register_tiny(Path(sys.argv[1]))
train_classifier(*tiny_photographs(), TINY, root=Path(sys.argv[2]), folder=Path(sys.argv[2]), seed=0,
                 progress=Killing())
"""


def test_a_killed_process_leaves_what_the_next_run_finishes(photographs, tmp_path):
    root = Path(__file__).parents[2]
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), str(tmp_path / "cut")], cwd=root,
                            env={**os.environ, "PYTHONPATH": str(root)}, check=False, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert (tmp_path / "cut" / "frozen.pt").exists()
    assert not (tmp_path / "cut" / "finetuned.pt").exists()
    assert fit(photographs, tmp_path / "cut") == fit(photographs, tmp_path / "whole")


def counted(monkeypatch, photographs):
    """Count the images that the features are computed of."""
    backbone, counts = find_backbone("tiny"), []

    def features():
        module = backbone.features()
        module.register_forward_hook(lambda layer, inputs, output: counts.append(len(inputs[0])))
        return module

    register_backbone(replace(backbone, features=features))
    return counts


def test_features_are_computed_once(photographs, tmp_path, monkeypatch):
    counts = counted(monkeypatch, photographs)
    frozen = replace(TINY, variants=("frozen",))
    fit(photographs, tmp_path, frozen)
    assert sum(counts) == 1 + 27  # one to learn how many features there are
    fit(photographs, tmp_path, replace(frozen, frozen=replace(FROZEN, l2=0.5), dropout=0.1))
    assert sum(counts) == 2 + 27
    fit(photographs, tmp_path, replace(frozen, frozen=replace(FROZEN, flip=True)))
    assert sum(counts) == 3 + 27 + 27
    fit(photographs, tmp_path, replace(frozen, centre=True))
    assert sum(counts) == 4 + 27 + 27 + 27
    assert len(list(tmp_path.glob("features-plain-*.npy"))) == 1  # those of other settings are gone


def test_a_damaged_file_of_features_is_computed_again(photographs, tmp_path):
    whole = fit(photographs, tmp_path)
    kept = next(tmp_path.glob("features-*.npy"))
    kept.write_bytes(kept.read_bytes()[:150])
    (tmp_path / "frozen.pt").unlink()
    assert fit(photographs, tmp_path) == whole


def test_flipping_mixes_in_the_features_of_the_mirror_images(photographs, tmp_path):
    frozen = replace(TINY, variants=("frozen",))
    flipped = replace(frozen, frozen=replace(FROZEN, flip=True))
    assert fit(photographs, tmp_path, flipped)["training.csv"] != fit(photographs, tmp_path, frozen)["training.csv"]
    pixels, images = photographs
    symmetric = (pixels // 2 + pixels[:, :, ::-1].to_numpy() // 2, images)
    one, other = fit(symmetric, tmp_path / "a", flipped), fit(symmetric, tmp_path / "b", frozen)
    assert one["training.csv"] == other["training.csv"]


def test_what_is_finished_is_not_trained_again(photographs, tmp_path, monkeypatch):
    fit(photographs, tmp_path)
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    progress = Stopping(at=1)
    fit(photographs, tmp_path, progress=progress)
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before
    (tmp_path / "accuracy.csv").unlink()
    progress = Stopping(at=-1)
    fit(photographs, tmp_path, progress=progress)
    assert not any("iteration" in message and "loss" in message for message in progress.said)
    assert (tmp_path / "accuracy.csv").exists()


def test_other_settings_photographs_or_splits_are_trained_anew(photographs, tmp_path):
    pixels, images = photographs
    fit(photographs, tmp_path)
    digests = {read_json(tmp_path / "summary.json")["finetuned"]["digest"]}
    frozen = (tmp_path / "frozen.pt").read_bytes()
    fit(photographs, tmp_path, replace(TINY, finetuned=replace(TINY.finetuned, l2=0.3)))
    assert (tmp_path / "frozen.pt").read_bytes() == frozen  # does not depend on how finetuning is done
    digests.add(read_json(tmp_path / "summary.json")["finetuned"]["digest"])
    brighter = pixels.copy()
    brighter[0, 0, 0, 0] += 1
    moved = images.copy()
    moved.loc[moved["split"] == "test", "split"] = "train"
    for case in ((brighter, images), (pixels, moved)):
        fit(case, tmp_path)
        digests.add(read_json(tmp_path / "summary.json")["finetuned"]["digest"])
    assert len(digests) == 4


def test_the_loaded_network_gives_the_logits_of_the_table(photographs, tmp_path):
    fit(photographs, tmp_path)
    predictions = pd.read_csv(tmp_path / "predictions.csv")
    for variant in ("frozen", "finetuned"):
        trained = load_classifier(tmp_path, variant)
        logits = run(trained.model, photographs[0].to_numpy(), trained.prepare)
        table = predictions[predictions["variant"] == variant]
        assert trained.actors == ("a0", "a1", "a2")
        assert [trained.actors[i] for i in logits.argmax(1)] == table["predicted"].tolist()
        np.testing.assert_allclose(logits.max(1), table["logit"], atol=1e-5)
        assert not trained.model.training
        assert not any(parameter.requires_grad for parameter in trained.model.parameters())
        assert (trained.backbone, trained.variant, trained.size, trained.seed) == ("tiny", variant, (12, 10), 0)


def test_centring_is_stored_with_the_network(photographs, tmp_path):
    fit(photographs, tmp_path, replace(TINY, centre=True, variants=("frozen",)))
    prepared = load_classifier(tmp_path, "frozen").prepare(photographs[0].to_numpy())
    assert prepared.mean(dim=(1, 2, 3)).abs().max() < 1e-5


def test_order_of_dims_and_dask_do_not_matter(photographs, tmp_path):
    pixels, images = photographs
    whole = fit(photographs, tmp_path / "eager")
    lazy = pixels.transpose("channel", "image", "y", "x").chunk({"image": 4})
    assert fit((lazy, images.sample(frac=1, random_state=0)), tmp_path / "dask") == whole


def test_actors_that_look_like_numbers_stay_text(tmp_path, photographs):
    pixels, images = photographs
    renamed = images.assign(actor=images["actor"].map({"a0": "10", "a1": "007", "a2": "9"}))
    fit((pixels, renamed), tmp_path)
    assert load_classifier(tmp_path, "frozen").actors == ("007", "10", "9")


def test_what_is_no_longer_wanted_is_deleted(photographs, tmp_path):
    fit(photographs, tmp_path)
    for name in (".frozen.checkpoint.pt.x1.part", ".features-plain-0.npy.x2.part", "others.txt"):
        (tmp_path / name).write_text("left by a killed run")
    fit(photographs, tmp_path, replace(TINY, variants=("finetuned",)))
    assert not (tmp_path / "frozen.pt").exists()
    assert {path.name for path in tmp_path.glob(".*")} == set()
    assert (tmp_path / "others.txt").exists()


def test_shifts_in_frozen_training_are_refused_by_name(photographs, tmp_path):
    with pytest.raises(ConfigError, match="'tiny' frozen shift: 3; expected 0, because"):
        fit(photographs, tmp_path, replace(TINY, frozen=replace(FROZEN, shift=3)))
    assert not list(tmp_path.iterdir())


def test_all_that_is_wrong_with_the_photographs_is_listed(photographs, tmp_path):
    pixels, images = photographs
    no_validation = images.assign(split=images["split"].replace("validation", "test"))
    no_validation.loc[images["actor"] == "a1", "split"] = "test"
    with pytest.raises(InputError) as error:
        fit((pixels, no_validation), tmp_path)
    assert "actor 'a1': has no training image" in str(error.value)
    assert "no validation image" in str(error.value)
    assert 'set keep = "last"' in str(error.value)
    with pytest.raises(InputError, match=r"image 'a2/8': has pixels but no row"):
        fit((pixels, images[:-1]), tmp_path)
    with pytest.raises(InputError, match="of type float64; expected uint8"):
        fit((pixels.astype(float), images), tmp_path)
    with pytest.raises(InputError, match="2 channels; expected red, green and blue"):
        fit((pixels[..., :2], images), tmp_path)
    with pytest.raises(InputError, match="dims"):
        fit((pixels[..., 0], images), tmp_path)


def test_one_actor_is_refused(tmp_path, photographs):
    with pytest.raises(InputError, match="images: 1 actor; expected at least two to tell apart"):
        fit(tiny_photographs(n_actors=1), tmp_path)


def test_frozen_on_random_weights_is_said_to_be(photographs, tmp_path):
    progress = Stopping(at=-1)
    fit(photographs, tmp_path, replace(TINY, weights="none", variants=("frozen",)), progress=progress)
    assert "random weights" in progress.said[0]


def test_loading_what_is_not_there_or_damaged_is_an_error_that_names_it(photographs, tmp_path):
    with pytest.raises(StaleError, match=r"frozen\.pt: does not exist; run: salcompare run"):
        load_classifier(tmp_path, "frozen")
    (tmp_path / "frozen.pt").write_bytes(b"nothing")
    with pytest.raises(DamagedError, match=r"frozen\.pt: is damaged"):
        load_classifier(tmp_path, "frozen")
    torch.save({"state": {}}, tmp_path / "frozen.pt")
    with pytest.raises(InputError, match=r"frozen\.pt: is no trained classifier of this version"):
        load_classifier(tmp_path, "frozen")
