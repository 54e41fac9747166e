import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salcompare import config
from salcompare.errors import ConfigError, InputError
from salcompare.schema import RESPONSES, check_table
from salcompare.sources import describe_left_out, read_responses
from tests.sources.photos import catalogue, write

IMAGES = catalogue(["s1/1", "s1/2", "s2/1"], height=100, width=80)
HEADER = "worker,image,label,x0,y0,x1,y1\n"


def read(root, content=None, *, synonyms=None, images=IMAGES, size=(227, 227), **options):
    if content is not None:
        write(root / "data/raw/responses.csv", content)
    return read_responses(config.Responses(**options), synonyms or {}, root=root, images=images, size=size)


def problems(root, content, **options):
    """What is wrong, by line."""
    with pytest.raises(InputError) as caught:
        read(root, content, **options)
    return {problem.where.removeprefix("responses.csv "): problem.found for problem in caught.value.problems}


# What is read

def test_a_tidy_csv_becomes_the_table_of_the_schema(tmp_path):
    got = read(tmp_path, HEADER + "w1,s1/1,Eyes,1,2,30,40\nw2,s2/1,nose,0,0,80,100\n")
    assert got.table.to_dict("list") == {
        "response": ["r000001", "r000002"], "worker": ["w1", "w2"], "image": ["s1/1", "s2/1"],
        "label": ["eyes", "nose"],
        "x0": [1.0, 0.0], "y0": [2.0, 0.0], "x1": [30.0, 80.0], "y1": [40.0, 100.0], "origin": ["responses.csv"] * 2}
    check_table(got.table, RESPONSES, "responses")
    assert (got.table.dtypes[["response", "worker", "image", "label", "origin"]] == "str").all()
    assert (got.level, got.notes, len(got.left_out)) == ("image", (), 0)
    assert got.left_out.columns.tolist() == ["where", "reason", "detail"]


@pytest.mark.parametrize("change", [
    lambda text: b"\xef\xbb\xbf" + text.encode(),
    lambda text: text.replace("\n", "\r\n"),
    lambda text: text.replace("\n", "\r"),
    lambda text: text.replace(",", ";"),
    lambda text: text.replace(",", "\t"),
    lambda text: text.replace("w1", '"w1"').replace("eyes", '" eyes "'),
    lambda text: "\n\n" + text.replace("\n", "\n\n  \n,,,\n"),
    lambda text: text.rstrip("\n"),
    lambda text: text.replace("worker,image", " Worker , IMAGE"),
    lambda text: "\n".join(",".join(reversed(line.split(","))) for line in text.splitlines()),
    lambda text: "\n".join(f"x,{line},y" for line in text.splitlines()).replace("x,worker", "a b,worker").replace(
        "y1,y", "y1,hit"),
    lambda text: "\n".join(line + "," for line in text.splitlines()),
    lambda text: text.replace("1,2,30,40", " 1.0,2e0 ,+30,40."),
], ids=["bom", "crlf", "cr", "semicolons", "tabs", "quotes", "blank lines", "no last line end", "header's case",
        "other order", "more columns", "trailing commas", "spellings of numbers"])
def test_the_same_responses_in_another_guise_read_the_same(tmp_path, change):
    text = HEADER + "w1,s1/1,eyes,1,2,30,40\nw2,s2/1,nose,0,0,8,10\n"
    expected = read(tmp_path, text).table
    pd.testing.assert_frame_equal(read(tmp_path, change(text)).table, expected)


def test_optional_columns_are_kept_and_others_kept_out(tmp_path):
    got = read(tmp_path, "response,worker,image,label,x0,y0,x1,y1,seconds,submitted,hit,origin\n"
                         "007,0012,s1/1,nose,1,1,2,2,3.5,2020-01-02T03:04:05Z,a,simulated\n"
                         "8,12,s1/1,nose,1,1,2,3,,,b,\n").table
    assert got.columns.tolist() == list(RESPONSES.names)
    assert got["response"].tolist() == ["007", "8"]
    assert got["worker"].tolist() == ["0012", "12"]
    assert got["seconds"].iloc[0] == 3.5
    assert np.isnan(got["seconds"].iloc[1])
    assert got["submitted"].tolist() == ["2020-01-02T03:04:05Z", ""]
    assert got["origin"].tolist() == ["simulated", "responses.csv"]  # simulated responses stay known as such


def test_image_ids_match_however_their_letters_are_composed(tmp_path):
    images = catalogue(["Zo\u00eb \u00dcnal/1"])
    got = read(tmp_path, HEADER + "w, Zoe\u0308 U\u0308nal/1 ,nose,1,1,2,2\n", images=images).table
    assert got["image"].tolist() == ["Zo\u00eb \u00dcnal/1"]


def test_names_with_blanks_and_unicode_are_fine_for_the_file(tmp_path):
    write(tmp_path / "meine Daten/Antworten ü.csv", HEADER + "w,s1/1,nose,1,1,2,2\n")
    assert read(tmp_path, path="meine Daten/Antworten ü.csv").table["origin"][0] == "Antworten ü.csv"


def test_labels_are_normalised_and_synonyms_counted_as_one(tmp_path):
    rows = "".join(f"w{i},s1/1,{label},1,1,2,{i + 2}\n" for i, label in enumerate(
        ["Eyes", " eye ", "EYE", "Laugh  Lines", "laugh\u00a0line", "ＮＯＳＥ", "my mole"]))
    got = read(tmp_path, HEADER + rows, synonyms={"Eye": "eyes", "laugh lines": "Laugh Line"})
    assert got.table["label"].tolist() == ["eyes"] * 3 + ["laugh line"] * 2 + ["nose", "my mole"]


@pytest.mark.parametrize(("synonyms", "said"), [
    ({"eye": " "}, "'eye': counts as ' '"), ({"Eye": "eyes", "eye": "nose"}, "counts as 'nose' and as 'eyes'"),
    ({"eye": "eyes", "eyes": "ocular"}, "'eye': counts as 'eyes', itself a synonym of 'ocular'")])
def test_synonyms_that_contradict_each_other_are_refused(tmp_path, synonyms, said):
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, HEADER, synonyms=synonyms)
    assert said in str(caught.value)


def test_boxes_in_pixels_of_the_grid_are_brought_to_the_image(tmp_path):
    got = read(tmp_path, HEADER + "w,s1/1,nose,0,50,100,200\nw,s2/1,nose,50,0,75,20\n", pixels="grid", size=(200, 100))
    assert got.table[["x0", "y0", "x1", "y1"]].to_numpy().tolist() == [[0, 25, 80, 100], [40, 0, 60, 10]]


# What is refused

def test_every_offending_row_is_named_by_its_line_and_reason(tmp_path):
    content = HEADER + "\n".join([
        "w,s1/1,nose,1,1,2,2",        # line 2 is sound
        "w,s9/1,nose,1,1,2,2", "w,s1/1,nose,1,1,81,2", "w,s1/1,nose,1,1,2,100.5", "w,s1/1,nose,-1,1,2,2",
        "w,s1/1,nose,5,1,5,2", "w,s1/1,nose,1,9,5,2", "w,s1/1,nose,nan,1,2,2", "w,s1/1,nose,a,1,,2",
        "w,s1/1,nose,1,1,inf,2", "", "w,s1/1, ,1,1,2,2", ",s1/1,nose,1,1,2,2", "w,,nose,1,1,2,2",
        "w,s1/1,nose,1,1,2,2", "w,s1/1,nose,1", "w,s1/1,nose,1,1,2,-inf"])
    with pytest.raises(InputError) as caught:
        read(tmp_path, content)
    clip = "draw boxes in image pixels, or cut them with --clip (clip = true in [responses])"
    assert [str(problem) for problem in caught.value.problems] == [
        "responses.csv row 3: no image 's9/1' in the study; expected an id of the catalogue, such as 's1/1'; "
        "see the column image of data/processed/images.csv, or delete the row",
        f"responses.csv row 4: x1=81 > width 80 of image 's1/1'; {clip}",
        f"responses.csv row 5: y1=100.5 > height 100 of image 's1/1'; {clip}",
        f"responses.csv row 6: x0=-1 < 0 on image 's1/1'; {clip}",
        "responses.csv row 7: x1=5 equals x0: the box has no width; expected x0 < x1; "
        "x1 is the first position outside the box; else delete the row",
        "responses.csv row 8: y1=2 < y0=9; expected y0 < y1; swap the corners",
        "responses.csv row 9: x0='nan'; expected a finite number; mend the cell or delete the row",
        "responses.csv row 10: x0='a'; expected a finite number; mend the cell or delete the row",
        "responses.csv row 10: x1=''; expected a finite number; mend the cell or delete the row",
        "responses.csv row 11: x1='inf'; expected a finite number; mend the cell or delete the row",
        "responses.csv row 13: label is empty; expected a text; fill the cell or delete the row",
        "responses.csv row 14: worker is empty; expected a text; fill the cell or delete the row",
        "responses.csv row 15: image is empty; expected a text; fill the cell or delete the row",
        "responses.csv row 16: the same in every cell as a row above; expected each response once; "
        "delete the row, or leave such rows out with --drop-invalid",
        "responses.csv row 17: y0=''; expected a finite number; mend the cell or delete the row",
        "responses.csv row 17: x1=''; expected a finite number; mend the cell or delete the row",
        "responses.csv row 17: y1=''; expected a finite number; mend the cell or delete the row",
        "responses.csv row 18: y1='-inf'; expected a finite number; mend the cell or delete the row",
    ]


def test_lines_are_those_of_the_file_where_cells_go_over_several(tmp_path):
    content = ('\r\nworker,image,label,x0,y0,x1,y1,note\r\nw,s1/1,nose,1,1,2,2,"a\r\nb\r\n\r\nc"\r\n\r\n'
               "w,s9/9,nose,1,1,2,2,\r\n")
    assert list(problems(tmp_path, content)) == ["row 8"]


@pytest.mark.parametrize("drop", [False, True])
def test_rows_with_too_many_cells_are_all_named(tmp_path, drop):
    content = HEADER + ("w,s1/1,left, eye,1,1,2,2\nw,s1/1,nose,1,1,2,2\n\nw,s1/1,right, eye,1,1,2,2\n"
                        'v,s1/1,"left, eye",1,1,2,2\nw,s1/1,nose,1,1\n')
    if not drop:
        assert problems(tmp_path, content) == {"row 2": "8 cells", "row 5": "8 cells", "row 7": "y1=''"}
        return
    got = read(tmp_path, content, drop_invalid=True)
    assert got.table["label"].tolist() == ["nose", "left, eye"]
    assert got.left_out["where"].tolist() == [f"responses.csv row {line}" for line in (2, 5, 7)]


def test_a_quote_that_is_never_closed_is_named_by_where_it_begins(tmp_path):
    content = HEADER + 'w,s1/1,nose,1,1,2,2\nw,s1/1,"nose,1,1,2,2\nw,s1/1,eyes,1,1,2,2\n'
    found = problems(tmp_path, content)
    assert list(found) == ["row 3"]
    assert "cannot be read from here on" in found["row 3"]


@pytest.mark.parametrize(("content", "said"), [
    (None, "responses.csv: does not exist; expected a CSV file; set [responses] path in study.toml"),
    ("", "responses.csv: is empty"), ("\n\n", "responses.csv: is empty"),
    (HEADER, "responses.csv: no row below the header"),
    ("worker,image,x0,y0\nw,s1/1,1,1\n", "no column 'label', 'x1', 'y1'; expected columns worker, image, label, x0, "
                                         "y0, x1, y1; add what is missing; found worker, image, x0, y0"),
    (b"worker,image,label\nw,s1/1,caf\xe9\n", "responses.csv row 2: byte 0xe9 is not UTF-8; expected UTF-8"),
    (HEADER.encode("utf-16"), "row 1: byte 0xff is not UTF-8"),
    (HEADER.replace("label", '"label') + "w,s1/1,nose,1,1,2,2\n", "row 1: cannot be read from here on"),
    (HEADER.replace("label", '"label'), "row 1: cannot be read from here on"),
    ("worker,image\nw,s1/1,nose\n", "no column 'label'"),
    (HEADER.replace("y0", "x0"), "row 1: column 'x0' is listed twice"),
    ("last_name,label,b0,b1,b2,b3\nx,nose,1,1,1,1\n", 'set source = "original" in [responses]'),
])
def test_a_file_that_cannot_be_read_says_why(tmp_path, content, said):
    with pytest.raises(InputError) as caught:
        read(tmp_path, content)
    assert said in str(caught.value)


def test_a_folder_is_no_file(tmp_path):
    (tmp_path / "data/raw/responses.csv").mkdir(parents=True)
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        read(tmp_path)


@pytest.mark.parametrize("source", ["simulated", "none"])
def test_responses_that_come_from_no_file_are_not_read(tmp_path, source):
    with pytest.raises(ConfigError, match="csv, original or collect"):
        read(tmp_path, HEADER, source=source)


def test_response_ids_are_unique_and_not_empty(tmp_path):
    content = "response," + HEADER + ("a,w,s1/1,nose,1,1,2,2\na,w,s1/2,nose,1,1,2,2\n,w,s1/1,eyes,1,1,2,2\n"
                                      "b,w,s1/1,nose,1,1,2,2\n")
    assert problems(tmp_path, content) == {
        "row 2": "response 'a' stands there more than once", "row 3": "response 'a' stands there more than once",
        "row 4": "response is empty"}


def test_seconds_are_a_number_from_zero_up_or_nothing(tmp_path):
    content = HEADER.replace("y1\n", "y1,seconds\n") + "".join(
        f"w,s1/1,nose,1,1,2,{i + 2},{seconds}\n" for i, seconds in enumerate(["1", "", " ", "-1", "quick", "inf"]))
    assert problems(tmp_path, content) == {"row 5": "seconds='-1'", "row 6": "seconds='quick'",
                                           "row 7": "seconds='inf'"}


def test_boxes_in_pixels_of_the_grid_are_held_to_the_grid(tmp_path):
    content = HEADER + "w,s1/1,nose,1,1,150,2\nw,s1/1,nose,1,1,2,210\n"
    assert problems(tmp_path, content, pixels="grid", size=(200, 160)) == {
        "row 3": "y1=210 > height 200 of the study's grid, on which image 's1/1' was shown"}


# The user's choice

def test_clip_cuts_boxes_to_the_image_but_not_those_wholly_outside(tmp_path):
    content = HEADER + "w,s1/1,nose,-5,-6,300,400\nw,s1/1,nose,1,1,2,2\n"
    got = read(tmp_path, content, clip=True)
    assert got.table[["x0", "y0", "x1", "y1"]].to_numpy().tolist() == [[0, 0, 80, 100], [1, 1, 2, 2]]
    assert got.notes == ("Boxes that reached over the edge of their image were cut to it: 1.",)
    content += "w,s1/1,nose,80,0,90,10\nw,s1/1,nose,-3,0,0,10\nw,s1/1,nose,9,0,3,10\n"
    assert problems(tmp_path, content, clip=True) == {
        "row 4": "the box (80, 0, 90, 10) lies wholly outside image 's1/1'",
        "row 5": "the box (-3, 0, 0, 10) lies wholly outside image 's1/1'", "row 6": "x1=3 < x0=9"}


def test_drop_invalid_leaves_rows_out_and_lists_them(tmp_path):
    content = HEADER + ("w,s1/1,nose,1,1,2,2\nw,s9/1,,1,1,2,2\nw,s1/1,nose,1,1,2,2\nw,s1/1,nose,1,1,200,2\n"
                        "w,s1/2,nose,1,1,2,2\n")
    got = read(tmp_path, content, drop_invalid=True)
    assert got.table["response"].tolist() == ["r000001", "r000005"]  # ids stay when other rows go
    assert got.left_out.to_dict("list") == {
        "where": ["responses.csv row 3", "responses.csv row 4", "responses.csv row 5"],
        "reason": ["empty_label unknown_image", "duplicate_response", "outside"],
        "detail": ["label is empty; no image 's9/1' in the study", "the same in every cell as a row above",
                   "x1=200 > width 80 of image 's1/1'"]}
    assert "left out 1 (boxes that reach outside the image): responses.csv row 5" in describe_left_out(got.left_out)


def test_drop_invalid_does_not_leave_nothing(tmp_path):
    with pytest.raises(InputError, match="no valid response; all 1 rows are invalid"):
        read(tmp_path, HEADER + "w,s9/1,nose,1,1,2,2\n", drop_invalid=True)


# Properties

# Braces and quotes too, for messages are templates and cells are quoted.
letters = st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zs", "Zl", "Zp", "Cf", "Mn", "Mc", "Me"))
words = st.text(letters, min_size=1, max_size=8)
whole_edges = st.tuples(st.integers(0, 79), st.integers(0, 99), st.integers(1, 80), st.integers(1, 100))
edges = st.tuples(*(st.floats(0, limit, allow_subnormal=False) for limit in (80, 100, 80, 100)))
boxes = st.one_of(whole_edges, edges).filter(lambda box: box[0] < box[2] and box[1] < box[3])
valid_rows = st.lists(st.tuples(words, st.sampled_from(IMAGES["image"].tolist()), words, boxes, st.floats(0, 1e4)),
                      min_size=1, max_size=12, unique=True)


def tidy(rows):
    return pd.DataFrame([(worker, image, label, *box, seconds) for worker, image, label, box, seconds in rows],
                        columns=["worker", "image", "label", "x0", "y0", "x1", "y1", "seconds"])


@settings(max_examples=40)
@given(valid_rows, st.sampled_from([",", ";", "\t"]), st.sampled_from(["\n", "\r\n"]), st.permutations(range(8)))
def test_any_table_of_valid_rows_comes_back(tmp_path_factory, rows, delimiter, line_end, order):
    table = tidy(rows)
    content = table.iloc[:, order].to_csv(index=False, sep=delimiter, lineterminator=line_end)
    got = read(tmp_path_factory.mktemp("study"), content).table
    names = ["x0", "y0", "x1", "y1", "seconds"]
    assert np.array_equal(got[names].to_numpy(), table[names].to_numpy(dtype=float))
    assert got["worker"].tolist() == table["worker"].tolist()
    assert got["image"].tolist() == table["image"].tolist()
    assert len(set(got["response"])) == len(rows)
    again = read(tmp_path_factory.mktemp("study"), got.to_csv(index=False)).table
    pd.testing.assert_frame_equal(again, got)  # what was read and written reads the same


spoils = st.sampled_from([
    ("worker", " "), ("image", "s3/1"), ("image", ""), ("label", ""), ("x0", "nan"), ("y0", "ten"), ("x1", "inf"),
    ("y1", ""), ("x0", "-0.5"), ("x1", "80.5"), ("y1", "101"), ("x0", "80"), ("y0", "100"), ("seconds", "-1"),
    ("y0", "1,5"), ("x0", "0x1")])


@settings(max_examples=60)
@given(valid_rows, st.data())
def test_any_spoiled_row_is_named_by_its_line_and_no_other_is(tmp_path_factory, rows, data):
    table = tidy(rows).astype("str")
    spoiled = data.draw(st.sets(st.integers(0, len(rows) - 1), min_size=1))
    for row in spoiled:
        column, cell = data.draw(spoils)
        table.loc[row, column] = cell
    folder = tmp_path_factory.mktemp("study")
    content = table.to_csv(index=False)
    assert set(problems(folder, content)) == {f"row {row + 2}" for row in spoiled}
    if len(spoiled) < len(rows):
        got = read(folder, content, drop_invalid=True)
        assert got.table["response"].tolist() == [f"r{row + 1:06}" for row in range(len(rows)) if row not in spoiled]
        assert got.left_out["where"].tolist() == [f"responses.csv row {row + 2}" for row in sorted(spoiled)]


@settings(max_examples=60)
@given(st.tuples(*[st.integers(-300, 300)] * 4).filter(lambda box: box[0] < box[2] and box[1] < box[3]))
def test_clipping_gives_the_box_s_pixels_that_the_image_has(tmp_path_factory, box):
    """Oracle: the set of pixels."""
    folder = tmp_path_factory.mktemp("study")
    across, down = set(range(box[0], box[2])) & set(range(80)), set(range(box[1], box[3])) & set(range(100))
    content = HEADER + "w,s1/1,nose," + ",".join(map(str, box)) + "\n"
    if not across or not down:
        assert list(problems(folder, content, clip=True)) == ["row 2"]
        return
    x0, y0, x1, y1 = read(folder, content, clip=True).table.loc[0, ["x0", "y0", "x1", "y1"]]
    assert (set(range(int(x0), int(x1))), set(range(int(y0), int(y1)))) == (across, down)


def test_a_large_file_comes_back_whole(tmp_path):
    rng = np.random.default_rng(0)
    n = 100_000
    corner = rng.integers(0, 40, (n, 2))
    table = pd.DataFrame({"worker": rng.integers(0, 500, n), "image": rng.choice(IMAGES["image"], n), "label": "nose",
                          "x0": corner[:, 0], "y0": corner[:, 1], "x1": corner[:, 0] + 20, "y1": corner[:, 1] + 30,
                          "seconds": np.arange(n) / 8})
    got = read(tmp_path, table.to_csv(index=False)).table
    assert np.array_equal(got["x1"].to_numpy(), table["x1"].to_numpy(dtype=float))
    assert np.array_equal(got["seconds"].to_numpy(), table["seconds"].to_numpy())
    assert got["response"].iloc[-1] == "r100000"
