"""Ready-made maps of either side: which image each is of, how it comes to the grid, and what is refused."""

import numpy as np
import pytest
import xarray as xr
from PIL import Image

from salcompare.errors import InputError, MissingDependencyError
from salcompare.schema import MAP_FILES, check_table
from salcompare.sources import describe_left_out, map_inputs, read_precomputed_maps
from tests.sources.photos import catalogue, encoded, write

IMAGES = catalogue(["s1/1", "s1/2", "s2/1"], height=10, width=8).assign(split=["test", "train", "test"])
GRID = (5, 4)


def read(root, path="maps", *, of="human", images=IMAGES, **options):
    return read_precomputed_maps(path, root=root, images=images, size=GRID, of=of, **options)


def pattern(seed=0, shape=(10, 8)):
    return np.random.default_rng(seed).uniform(0, 5, shape)


def put(root, name, values):
    """Save a map under maps/ in the format that its name's ending says."""
    path = root / "maps" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".npy":
        np.save(path, values)
    elif path.suffix == ".npz":
        np.savez(path, values)
    elif path.suffix == ".nc":
        xr.DataArray(values, dims=("y", "x"), name="map").to_netcdf(path, engine="scipy")
    else:
        write(path, encoded(Image.fromarray(values)))
    return path


def refused(root, **options):
    """What is wrong, by file."""
    with pytest.raises(InputError) as caught:
        read(root, **options)
    return {problem.where: problem.found for problem in caught.value.problems}


# What is read

def test_a_folder_may_mix_formats_and_a_map_on_the_grid_is_kept_as_it_is(tmp_path):
    values = pattern(shape=GRID)
    put(tmp_path, "s1/1.npy", values)
    put(tmp_path, "s1/2.npz", values[..., np.newaxis])
    put(tmp_path, "s2/1.nc", values.astype("float32"))
    got = read(tmp_path)
    np.testing.assert_array_equal(got.values, np.stack([values.astype(np.float32)] * 3))
    assert got.table.to_dict("list") == {
        "response": ["m000001", "m000002", "m000003"], "worker": ["", "", ""], "image": ["s1/1", "s1/2", "s2/1"],
        "file": ["maps/s1/1.npy", "maps/s1/2.npz", "maps/s2/1.nc"], "height": [5] * 3, "width": [4] * 3}
    check_table(got.table, MAP_FILES, "maps")
    assert (len(got.left_out), got.notes) == (0, ())


@pytest.mark.parametrize(("kind", "most"), [("uint8", 255), ("uint16", 65535)])
def test_a_grey_png_of_8_or_16_bits_gives_its_own_values(tmp_path, kind, most):
    values = np.linspace(0, most, 20).reshape(GRID).astype(kind)
    put(tmp_path, "s1/1.png", values)
    np.testing.assert_array_equal(read(tmp_path).values[0], values)


def test_a_grey_picture_saved_in_colour_is_read_and_one_with_a_colour_map_is_not(tmp_path):
    values = np.linspace(0, 255, 20).reshape(GRID).astype("uint8")
    put(tmp_path, "s1/1.png", np.stack([values] * 3, axis=-1))
    np.testing.assert_array_equal(read(tmp_path).values[0], values)
    put(tmp_path, "s1/2.png", np.stack([values, values, 255 - values], axis=-1))
    assert "colours or transparency" in refused(tmp_path)["maps/s1/2.png"]


@pytest.mark.parametrize("engine", ["scipy", "h5netcdf"])  # netCDF-3 and netCDF-4
def test_one_file_may_hold_all_maps_by_their_images_names(tmp_path, engine):
    values = pattern(shape=GRID)
    np.savez(tmp_path / "all.npz", **{"s1/1": values, "s2/1": values + 1})
    xr.DataArray(np.stack([values, values + 1]), dims=("image", "y", "x"), coords={"image": ["s1/1", "s2/1"]},
                 name="maps").to_netcdf(tmp_path / "all.nc", engine=engine)
    zipped, netcdf = read(tmp_path, "all.npz"), read(tmp_path, "all.nc")
    np.testing.assert_array_equal(zipped.values, netcdf.values)
    assert zipped.table["image"].tolist() == netcdf.table["image"].tolist() == ["s1/1", "s2/1"]
    assert zipped.left_out[["reason", "detail"]].to_numpy().tolist() == [["no_map", "no map of image 's1/2'"]]
    assert describe_left_out(zipped.left_out) == "left out 1 (images without a map): all.npz (no map of image 's1/2')"


def test_peoples_maps_may_name_workers_as_a_folder_or_as_a_dim_whose_blanks_are_no_maps(tmp_path):
    values = pattern(shape=GRID)
    put(tmp_path, "ann/s1/1.npy", values)
    put(tmp_path, "bob/s1/1.npy", values)
    assert read(tmp_path).table[["worker", "image"]].to_numpy().tolist() == [["ann", "s1/1"], ["bob", "s1/1"]]
    whole = np.full((2, 3, *GRID), np.nan)
    whole[0, 0] = whole[1, 0] = values
    xr.DataArray(whole, dims=("worker", "image", "y", "x"), name="maps", coords={
        "worker": ["ann", "bob"], "image": IMAGES["image"].tolist()}).to_netcdf(tmp_path / "all.nc", engine="scipy")
    assert read(tmp_path, "all.nc").table[["worker", "image"]].to_numpy().tolist() == [["ann", "s1/1"], ["bob", "s1/1"]]


def test_a_classifiers_maps_are_of_test_images_and_others_stay_aside(tmp_path):
    for name in IMAGES["image"]:
        put(tmp_path, f"{name}.npy", pattern(shape=GRID))
    got = read(tmp_path, of="classifier")
    assert got.table["image"].tolist() == ["s1/1", "s2/1"]
    assert got.left_out[["where", "reason"]].to_numpy().tolist() == [["maps/s1/2.npy", "not_test"]]


def test_maps_of_photographs_that_could_not_be_aligned_stay_aside_for_a_reason_of_their_own(tmp_path):
    for name in IMAGES["image"]:
        put(tmp_path, f"{name}.npy", pattern(shape=GRID))
    images = IMAGES.assign(split=["test", "not aligned", "test"])
    for of in ("classifier", "human"):
        got = read(tmp_path, of=of, images=images, tested_only=True)
        assert got.left_out[["where", "reason"]].to_numpy().tolist() == [["maps/s1/2.npy", "not_aligned"]]
        assert got.left_out["detail"].tolist() == ["image 's1/2' could not be aligned"]


def test_a_map_of_another_resolution_comes_to_the_grid_by_a_filter_that_keeps_what_is_linear(tmp_path):
    ramp = np.add.outer(np.arange(10.0), 2 * np.arange(8.0))  # off the edges
    put(tmp_path, "s1/1.npy", ramp)
    got = read(tmp_path)
    expected = np.add.outer(np.arange(10.0).reshape(5, 2).mean(1), 2 * np.arange(8.0).reshape(4, 2).mean(1))
    np.testing.assert_allclose(got.values[0][1:-1, 1:-1], expected[1:-1, 1:-1], rtol=1e-5)
    assert got.notes == ("Ready-made maps brought to the grid of 5 x 4 pixels by a triangle filter: 1 of 1.",)


def test_resampling_neither_follows_the_unit_nor_makes_anything_negative(tmp_path):
    spot = np.zeros((10, 8))
    spot[3, 3] = 1
    for unit in (1e-37, 1.0, 1e30):
        put(tmp_path, "s1/1.npy", spot * unit)
        got = read(tmp_path).values[0].astype(np.float64)
        assert got.min() >= 0
        np.testing.assert_allclose(got / got.sum(), pattern_of(spot), atol=1e-6)


def pattern_of(values):
    resized = np.asarray(Image.fromarray(values.astype(np.float32)).resize((4, 5), Image.Resampling.BILINEAR))
    return resized / resized.sum()


# What is refused

@pytest.mark.parametrize(("name", "values", "says"), [
    ("s9/1.npy", pattern(), "no image 's9/1' in the study"),
    ("s1/1.npy", pattern(shape=(10, 10)), "10 x 10 pixels are neither of the shape of the photograph, 10 x 8, nor"),
    ("s1/1.npy", pattern(shape=(3, 10, 8)), "shape (3, 10, 8), expected height and width"),
    ("s1/1.npy", pattern(shape=(80,)), "shape (80,)"),
    ("s1/1.npy", np.where(pattern() < 1, np.nan, 1), "values are NaN or infinite"),
    ("s1/1.npy", pattern() - 1, "values are negative, down to -0.9"),
    ("s1/1.npy", pattern().astype(complex), "values of kind complex128"),
    ("s1/1.npy", np.full((10, 8), "a"), "values of kind <U1"),
    ("s1/1.npy", np.array([[{}]], dtype=object), "values of kind object, expected numbers"),
    ("s1/1.npy", pattern() * 1e39, "does not fit into 32 bits"),
])
def test_a_map_that_cannot_be_used_is_one_error_or_left_out_and_counted(tmp_path, name, values, says):
    put(tmp_path, "s2/1.npy", pattern())
    put(tmp_path, name, values)
    found = refused(tmp_path)
    assert list(found) == [f"maps/{name}"]
    assert says in found[f"maps/{name}"]
    kept = read(tmp_path, drop_invalid=True)
    assert kept.table["image"].tolist() == ["s2/1"]
    assert f"maps/{name}" in kept.left_out["where"].tolist()


@pytest.mark.parametrize("name", ["s1/1.npy", "s1/1.npz", "s1/1.nc", "s1/1.png"])
@pytest.mark.parametrize("content", [b"", b"not a map", b"\x93NUMPY\x01\x00", b"PK\x03\x04", b"CDF\x01",
                                     b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"])
def test_a_damaged_file_is_refused_by_name(tmp_path, name, content):
    write(tmp_path / "maps" / name, content)
    found = refused(tmp_path)
    assert list(found) == [f"maps/{name}"]
    assert len(found[f"maps/{name}"]) < 300


def test_netcdf_4_without_a_reader_is_an_error_that_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    write(tmp_path / "maps/s1/1.nc", b"\x89HDF\r\n\x1a\n" + bytes(200))
    with pytest.raises(MissingDependencyError, match=r"1\.nc: is netCDF-4, .* pip install 'salcompare\[import\]'; or"):
        read(tmp_path)


def test_a_map_that_points_at_nothing_and_files_of_other_kinds_stay_aside_with_their_reasons(tmp_path):
    put(tmp_path, "s1/1.npy", pattern())
    put(tmp_path, "s1/2.npy", np.ones((10, 8)))
    write(tmp_path / "maps/readme.txt", "made by hand")
    write(tmp_path / "maps/.DS_Store", "x")
    got = read(tmp_path)
    assert sorted(got.left_out["reason"]) == ["constant", "hidden", "no_map", "no_map", "unknown_file"]


def test_maps_in_files_of_other_kinds_alone_are_one_error_that_names_the_kinds_that_are_read(tmp_path):
    write(tmp_path / "maps/s1/1.tif", "II")
    with pytest.raises(InputError, match=r"without a map; 1 files of another kind\); .*\.png, \.npy, \.npz, \.nc"):
        read(tmp_path)


def test_two_maps_of_one_image_and_maps_with_and_without_workers_are_refused(tmp_path):
    put(tmp_path, "s1/1.npy", pattern())
    put(tmp_path, "s1/1.png", pattern().astype("uint8"))
    assert refused(tmp_path) == {"maps/s1/1.png": "image 's1/1' has a map: maps/s1/1.npy"}
    (tmp_path / "maps/s1/1.png").unlink()
    put(tmp_path, "ann/s1/2.npy", pattern())
    assert "names a worker and" in refused(tmp_path)["maps"]


@pytest.mark.parametrize(("path", "says"), [
    ("nowhere", "does not exist"), ("maps", r"no map can be used \(3 images without a map\)"),
    ("a.txt", "one .txt file"), ("stack.npz", "no image 'arr_0'"), ("flat.nc", "expected dims image, y, x"),
    ("broken.nc", "cannot be read"),
])
def test_a_path_without_maps_is_one_error_that_says_what_to_set(tmp_path, path, says):
    (tmp_path / "maps").mkdir()
    write(tmp_path / "a.txt", "x")
    write(tmp_path / "broken.nc", "CDF\x01x")
    np.savez(tmp_path / "stack.npz", pattern())
    xr.DataArray(pattern(), dims=("y", "x"), name="one").to_netcdf(tmp_path / "flat.nc", engine="scipy")
    with pytest.raises(InputError, match=says) as caught:
        read(tmp_path, path)
    assert len(caught.value.problems) == 1
    if path != "stack.npz":
        assert "set path in [responses] of study.toml" in str(caught.value)


def test_every_visible_file_is_hashed_so_that_a_changed_map_makes_its_stage_stale(tmp_path):
    put(tmp_path, "s1/1.npy", pattern())
    write(tmp_path / "maps/.hidden", "x")
    before = map_inputs("maps", root=tmp_path)
    assert list(before) == ["maps/s1/1.npy"]
    put(tmp_path, "s1/1.npy", pattern(1))
    assert map_inputs("maps", root=tmp_path) != before
    assert list(map_inputs("maps/s1/1.npy", root=tmp_path)) == ["maps/s1/1.npy"]
    assert map_inputs("nowhere", root=tmp_path) == {}
