import dataclasses
import hashlib

import numpy as np
import pytest

from salcompare import config
from salcompare.errors import InputError
from salcompare.sources import decode_photograph, gather_photographs, photograph_inputs, resize_photograph
from tests.sources.photos import encoded, picture, write

HEADER = "name\timage_id\tface_id\turl\tbbox\tsha256\n"
CONFIG = config.Images(source="facescrub", path="downloads", list="list.txt", split=(0.5, 0, 0.5))


def row(name, face, content, box="2,3,15,20", image="1"):
    digest = content if isinstance(content, str) else hashlib.sha256(content).hexdigest()
    return f"{name}\t{image}\t{face}\thttp://example.org/{face}.jpg\t{box}\t{digest}\n"


def photograph(seed):
    return encoded(picture(seed), "JPEG")


def study(root, rows, downloads):
    write(root / "list.txt", HEADER + "".join(rows))
    for name, content in downloads.items():
        write(root / "downloads" / name, content)


def small(root, **options):
    """Two actors with three faces each, files of any name anywhere."""
    rows = [row("Ann Bee", 11, photograph(1)), row("Ann Bee", 4, photograph(2)), row("Ann Bee", 7, photograph(3)),
            row("Cy Dee", 1, photograph(4)), row("Cy Dee", 2, photograph(5), options.get("box", "0,0,20,24")),
            row("Cy Dee", 3, photograph(6))]
    study(root, rows, {"x.jpg": photograph(4), "deep/er/y": photograph(1), "2.gif": photograph(2),
                       "é z.JPG": photograph(3), "b": photograph(5), "c": photograph(6)})


def gather(root, **options):
    return gather_photographs(dataclasses.replace(CONFIG, **options), root=root, size=(30, 30), seed=0)


def reasons(photographs):
    return dict(zip(photographs.left_out["file"], photographs.left_out["reason"], strict=True))


def test_files_are_found_by_hash_in_any_naming_and_cropped_to_the_box(tmp_path):
    small(tmp_path)
    got = gather(tmp_path)
    assert got.images["image"].tolist() == ["Ann Bee/4", "Ann Bee/7", "Ann Bee/11", "Cy Dee/1", "Cy Dee/2", "Cy Dee/3"]
    assert got.images["file"].tolist()[:3] == ["downloads/2.gif", "downloads/é z.JPG", "downloads/deep/er/y"]
    assert got.images[["height", "width"]].iloc[0].tolist() == [17, 13]
    expected = resize_photograph(decode_photograph(photograph(2))[3:20, 2:15], (30, 30))
    assert np.array_equal(got.pixels.sel(image="Ann Bee/4"), expected)


def test_the_first_so_many_are_taken_in_list_order_not_in_order_of_ids(tmp_path):
    small(tmp_path)
    got = gather(tmp_path, per_actor=2)
    assert got.images["image"].tolist() == ["Ann Bee/4", "Ann Bee/11", "Cy Dee/1", "Cy Dee/2"]
    assert reasons(got) == {"downloads/é z.JPG": "surplus", "downloads/c": "surplus"}


def test_listed_faces_that_were_not_downloaded_make_room_for_the_next(tmp_path):
    small(tmp_path)
    (tmp_path / "downloads/deep/er/y").unlink()
    write(tmp_path / "downloads/other.jpg", photograph(99))
    write(tmp_path / "downloads/again.jpg", photograph(6))
    got = gather(tmp_path, per_actor=2)
    assert got.images["image"].tolist()[:2] == ["Ann Bee/4", "Ann Bee/7"]
    assert reasons(got) == {"list.txt row 2": "missing", "downloads/other.jpg": "unlisted", "downloads/c": "duplicate",
                            "downloads/again.jpg": "surplus"}


def test_one_photograph_may_show_two_actors_in_two_boxes(tmp_path):
    both = photograph(9)
    rows = [row("Ann", 1, both, "0,0,9,9"), row("Cy", 2, both, "10,0,19,9"), row("Ann", 3, photograph(1)),
            row("Cy", 4, photograph(2))]
    study(tmp_path, rows, {"both": both, "1": photograph(1), "2": photograph(2)})
    got = gather(tmp_path)
    assert got.images["image"].tolist() == ["Ann/1", "Ann/3", "Cy/2", "Cy/4"]
    assert got.images["sha256"][0] == got.images["sha256"][2]


def test_one_box_for_two_actors_is_refused_for_both(tmp_path):
    both = photograph(9)
    rows = [row("Ann", 1, both), row("Cy", 2, both), *(row("Ann", i, photograph(i)) for i in (3, 4)),
            *(row("Cy", i, photograph(i)) for i in (5, 6))]
    study(tmp_path, rows, {"both": both} | {str(i): photograph(i) for i in (3, 4, 5, 6)})
    got = gather(tmp_path)
    assert got.images["image"].tolist() == ["Ann/3", "Ann/4", "Cy/5", "Cy/6"]
    assert got.left_out["reason"].tolist() == ["duplicate_across_actors"] * 2


def test_a_box_that_misses_its_photograph_is_left_out(tmp_path):
    small(tmp_path, box="500,500,600,600")
    assert reasons(gather(tmp_path)) == {"downloads/b": "box_outside"}


def test_an_actor_without_downloads_is_named(tmp_path):
    small(tmp_path)
    with (tmp_path / "list.txt").open("a") as stream:
        stream.write(row("Eve Eff", 1, "0" * 64))
    left_out = gather(tmp_path).left_out
    assert left_out[left_out["reason"] == "no_photographs"]["actor"].tolist() == ["Eve Eff"]


def test_a_list_may_lack_its_header_or_have_other_columns_in_another_order(tmp_path):
    small(tmp_path)
    images = gather(tmp_path).images
    rows = (tmp_path / "list.txt").read_text().splitlines()[1:]
    write(tmp_path / "list.txt", "\r\n".join(rows))
    assert gather(tmp_path).images.equals(images)
    turned = ["\t".join([*reversed(line.split("\t")), "more"]) for line in [HEADER.strip(), *rows]]
    write(tmp_path / "list.txt", b"\xef\xbb\xbf" + "\n".join(turned).encode())
    assert gather(tmp_path).images.equals(images)


def test_every_row_that_cannot_be_read_is_named_at_once(tmp_path):
    good = row("Ann", 1, photograph(1))
    study(tmp_path, [good, "Ann\t1\n", row("Ann", 2, "abc"), row("Ann", 3, "0" * 64, "1,2,3"),
                     row("Ann", 4, "0" * 64, "9,2,3,8"), row("", 5, "0" * 64), row("A/b", 6, "0" * 64), good],
          {"1": b"x"})
    with pytest.raises(InputError) as caught:
        gather(tmp_path)
    assert {problem.where: problem.found for problem in caught.value.problems} == {
        "list.txt row 3": "2 cells between tabs", "list.txt row 4": "sha256 'abc' is not 64 hex digits",
        "list.txt row 5": "bbox '1,2,3' is not four whole numbers x1,y1,x2,y2",
        "list.txt row 6": "bbox '9,2,3,8' has its corners swapped",
        "list.txt row 7": "no name or no face id", "list.txt row 8": "name 'A/b' holds a slash",
        "list.txt row 2": "face id 1 of 'Ann' is listed twice",
        "list.txt row 9": "face id 1 of 'Ann' is listed twice"}


@pytest.mark.parametrize(("content", "said"), [
    (None, "cannot be read: No such file"), (b"", "lists no face"), (b"caf\xe9\t1", "is not UTF-8"),
    (b"name\tsha256\n", "no column image_id, face_id, url, bbox")])
def test_a_list_that_cannot_be_used_is_refused(tmp_path, content, said):
    (tmp_path / "downloads").mkdir()
    if content is not None:
        write(tmp_path / "list.txt", content)
    with pytest.raises(InputError, match=said):
        gather(tmp_path)


def test_downloads_that_are_not_there_are_refused(tmp_path):
    small(tmp_path)
    with pytest.raises(InputError, match=r"photographs elsewhere: does not exist"):
        gather(tmp_path, path="elsewhere")


def test_the_list_is_an_input_too(tmp_path):
    small(tmp_path)
    found = photograph_inputs(CONFIG, root=tmp_path)
    assert found["list.txt"] == hashlib.sha256((tmp_path / "list.txt").read_bytes()).hexdigest()
    assert found["downloads/2.gif"] == hashlib.sha256(photograph(2)).hexdigest()
    assert len(found) == 7
