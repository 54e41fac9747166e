import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salcompare.errors import InputError
from salcompare.schema import SPLITS
from salcompare.sources import assign_splits
from tests.sources.photos import catalogue


def images(counts):
    return catalogue([f"{actor}/{i}" for actor, count in counts.items() for i in range(count)])


def drawn(counts, **options):
    table = images(counts) if isinstance(counts, dict) else counts
    return dict(zip(table["image"], assign_splits(table, **{"seed": 0} | options), strict=True))


def counted(splits, actor):
    of_actor = [split for image, split in splits.items() if image.startswith(actor + "/")]
    return tuple(of_actor.count(name) for name in SPLITS)


@pytest.mark.parametrize(("n", "split", "expected"), [
    (100, (0.7, 0.15, 0.15), (70, 15, 15)), (100, (70, 15, 15), (70, 15, 15)), (10, (7, 1, 2), (7, 1, 2)),
    (10, (0.7, 0.15, 0.15), (7, 1, 2)), (20, (0.7, 0.15, 0.15), (14, 3, 3)), (4, (0.7, 0.15, 0.15), (2, 1, 1)),
    (3, (0.7, 0.15, 0.15), (1, 1, 1)), (2, (0.7, 0.15, 0.15), (1, 0, 1)), (5, (0.8, 0, 0.2), (4, 0, 1)),
    (30, (0.1, 0.2, 0.7), (3, 6, 21))])
def test_shares_and_counts_give_these_numbers(n, split, expected):
    assert counted(drawn({"a": n}, split=split), "a") == expected


def test_counts_that_are_not_there_name_every_such_actor():
    with pytest.raises(InputError) as caught:
        drawn({"Ann": 9, "Bob": 10, "Cyd": 3}, split=(7, 1, 2))
    assert [problem.where for problem in caught.value.problems] == ["actor 'Ann'", "actor 'Cyd'"]
    assert str(caught.value.problems[0]) == (
        "actor 'Ann': 9 usable photographs; expected 10 (7 train, 1 validation, 2 test); add photographs, lower the "
        "counts of [images] split, or give shares such as split = [0.7, 0.15, 0.15], which take what is there")


def test_counts_that_are_nearly_there_are_told_with_what_was_left_out_and_counts_that_fit():
    with pytest.raises(InputError) as caught:
        drawn({"Ann": 97, "Bob": 98, "Cyd": 100}, split=(70, 15, 15), left_out={"Ann": "left out 3 (copies): x.png"})
    assert list(map(str, caught.value.problems)) == [
        f"actor {actor}; expected 100 (70 train, 15 validation, 15 test); add photographs, set [images] split = "
        "[67, 15, 15], for which every actor has enough, or give shares such as split = [0.7, 0.15, 0.15], which take "
        "what is there" for actor in ("'Ann': 97 usable photographs, left out 3 (copies): x.png",
                                      "'Bob': 98 usable photographs")]


def test_an_actor_with_one_photograph_is_named():
    with pytest.raises(InputError, match=r"actor 'Bob': 1 usable photograph, none for test"):
        drawn({"Ann": 9, "Bob": 1}, split=(0.7, 0.15, 0.15))


@pytest.mark.parametrize(("split", "said"), [((1, 0, 0), "no test images"), ((0, 0, 1), "no train images"),
                                             ((70, 30, 0), "no test images"), ((0, 1, 0), "no train and no test")])
def test_a_split_without_training_or_test_images_is_refused(split, said):
    with pytest.raises(InputError, match=said):
        drawn({"a": 100, "b": 100}, split=split)


def test_the_seed_decides():
    one, same, other = (drawn({"a": 40}, split=(0.5, 0, 0.5), seed=seed) for seed in (1, 1, 2))
    assert one == same
    assert one != other


def test_every_image_is_as_likely_to_be_held_out():
    """Over 400 seeds each of 10 images is in test 40% of the time; 5 standard errors are 0.12."""
    table = images({"a": 10})
    tests = sum((assign_splits(table, split=(0.6, 0, 0.4), seed=seed) == "test").astype(int) for seed in range(400))
    assert ((tests / 400 - 0.4).abs() < 0.12).all()


shares = st.tuples(st.integers(1, 20), st.integers(0, 20), st.integers(1, 20)).map(
    lambda parts: tuple(part / sum(parts) for part in parts))
counts_of_actors = st.dictionaries(st.sampled_from(["a", "b", "Änne", "c 1"]), st.integers(2, 40), min_size=1)


@settings(max_examples=60)
@given(counts_of_actors, shares, st.integers(0, 99))
def test_counts_are_within_one_of_the_shares_unless_a_split_would_be_empty(counts, split, seed):
    splits = drawn(counts, split=split, seed=seed)
    for actor, n in counts.items():
        got = counted(splits, actor)
        assert sum(got) == n
        assert got[0] >= 1
        assert got[2] >= 1
        if min(share * n for share in split if share > 0) >= 1:
            assert all(abs(number - share * n) < 1 + 1e-9 for number, share in zip(got, split, strict=True))


@settings(max_examples=60)
@given(counts_of_actors, shares, st.randoms())
def test_neither_other_actors_nor_the_order_of_rows_change_a_split(counts, split, random):
    before = drawn(counts, split=split)
    more = images(counts | {"another": 12})
    order = list(range(len(more)))
    random.shuffle(order)
    after = drawn(more.iloc[order], split=split)
    assert {image: after[image] for image in before} == before


@settings(max_examples=60)
@given(counts_of_actors, shares, st.integers(1, 30), st.sets(st.integers(0, 39), max_size=10))
def test_a_catalogue_s_images_keep_their_split_when_images_come_and_go(counts, split, more, gone):
    before = drawn(counts, split=split)
    ids = [image for image in before if int(image.split("/")[1]) not in gone]
    ids += [f"{actor}/new{i}" for actor in counts for i in range(more)]
    try:
        after = drawn(catalogue(ids), split=split, previous=before)
    except InputError:  # the images that went may have been an actor's only ones for training
        assert gone
        return
    assert all(after[image] == before[image] for image in ids if image in before)
    assert drawn(catalogue(ids), split=split, previous=after) == after


def test_new_images_go_to_where_the_shares_fall_short():
    before = drawn({"a": 10}, split=(0.5, 0, 0.5))
    after = drawn({"a": 20}, split=(0.5, 0, 0.5), previous=before)
    assert counted(after, "a") == (10, 0, 10)


def test_a_split_that_is_none_is_drawn_anew():
    table = images({"a": 10})
    assert set(assign_splits(table, split=(0.5, 0, 0.5), seed=0, previous={"a/1": "holdout"})) == {"train", "test"}


def test_the_result_is_indexed_as_the_images():
    table = images({"a": 4}).set_index(pd.Index([7, 3, 9, 1]))
    assert assign_splits(table, split=(0.5, 0, 0.5), seed=0).index.tolist() == [7, 3, 9, 1]
