"""study.toml: what it may say, what it may not, and that the file we write reads back as it was meant."""

import dataclasses
import tomllib
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salcompare.config import (
    ALL_TEST,
    Attribution,
    Classifier,
    Collect,
    Config,
    Controls,
    Fixations,
    General,
    Images,
    Maps,
    Phase,
    Precomputed,
    Quality,
    Removal,
    Report,
    Responses,
    Simulation,
    Statistics,
    commented_toml,
    read_config,
)
from salcompare.errors import ConfigError
from salcompare.texts import hidden_in


@pytest.fixture
def reading(tmp_path):
    """Read a text as a study.toml."""
    def read(text):
        path = tmp_path / "study.toml"
        path.write_text(text, encoding="utf-8")
        return read_config(path)
    return read


@pytest.fixture
def refusal(reading):
    """Give what is said against a text, a line a problem."""
    def refuse(text):
        with pytest.raises(ConfigError) as caught:
            reading(text)
        return [str(problem) for problem in caught.value.problems]
    return refuse


def test_an_empty_file_means_all_defaults(reading):
    assert reading("") == Config()


def test_the_defaults_are_the_original_studys():
    classifier = Config().classifier[0]
    assert (classifier.backbone, classifier.hidden, classifier.dropout) == ("alexnet", 100, 0.5)
    assert (classifier.frozen.iterations, classifier.frozen.per_class) == (1000, 3)
    assert (classifier.finetuned.iterations, classifier.finetuned.per_class) == (1500, 5)
    assert classifier.frozen.learning_rate == classifier.finetuned.learning_rate == 5e-4
    assert classifier.frozen.l2 == classifier.finetuned.l2 == 1e-2
    assert Config().study.size == (227, 227)
    assert Config().maps.mask_share == 0.05


def test_what_is_given_replaces_its_default_only(reading):
    config = reading('[study]\nseed = 3\n[maps]\nsigma = 0\n[labels]\neye = "eyes"\n')
    assert config == Config(study=General(seed=3), maps=Maps(sigma=0.0), labels={"eye": "eyes"})
    assert isinstance(config.maps.sigma, float)


def test_one_option_of_the_finetuned_phase_leaves_its_other_defaults(reading):
    config = reading("[[classifier]]\n[classifier.finetuned]\nlearning_rate = 5e-5\n")
    assert config.classifier[0].finetuned == Phase(iterations=1500, per_class=5, learning_rate=5e-5)
    assert config.classifier[0].frozen == Phase()


def test_one_option_of_the_frozen_phase_leaves_both_phases_otherwise(reading):
    config = reading("[[classifier]]\n[classifier.frozen]\niterations = 40\n")
    assert config.classifier[0].frozen == Phase(iterations=40)
    assert config.classifier[0].finetuned == Classifier().finetuned


def test_every_image_is_a_test_image_where_nothing_is_trained_and_no_split_is_named(reading):
    assert reading("classifier = []\n").images.split == ALL_TEST
    assert reading("classifier = []\n[images]\nsplit = [0.5, 0.2, 0.3]\n").images.split == (0.5, 0.2, 0.3)
    assert reading("").images.split == Images().split


def test_several_classifiers_stand_in_order(reading):
    config = reading('[[classifier]]\nname = "a"\n[[classifier]]\nname = "b"\nvariants = ["frozen"]\n')
    assert [one.name for one in config.classifier] == ["a", "b"]
    assert [one.variants for one in config.classifier] == [("frozen", "finetuned"), ("frozen",)]


def test_a_study_may_do_without_a_classifier_if_it_has_responses(reading, refusal):
    assert reading("classifier = []").classifier == ()
    assert refusal('classifier = []\n[responses]\nsource = "none"\n') == [
        "study.toml: neither a classifier nor responses; expected one of them; give a [[classifier]]"]


@pytest.mark.parametrize(("text", "says"), [
    ("[study]\nsede = 1", "study.toml [study]: unknown key 'sede'; expected one of name, seed, size; "
     "did you mean 'seed'?"),
    ("[study]\nxyzzy = 1", "study.toml [study]: unknown key 'xyzzy'; expected one of name, seed, size; remove it"),
    ("[imagse]\npath = 'x'", "did you mean 'images'?"),
    ("[[classifier]]\n[classifier.finetuned]\niteration = 5", "study.toml [classifier.finetuned]: unknown key "
     "'iteration'"),
])
def test_an_unknown_key_is_named_with_what_was_perhaps_meant(refusal, text, says):
    assert says in refusal(text)[0]


@pytest.mark.parametrize("option", ["shuffles", "randomisations"])
def test_a_single_control_is_refused_with_the_reason(refusal, option):
    assert refusal(f"[controls]\n{option} = 1\n") == [
        f"study.toml [controls] {option}: 1; expected a finite number from 2 to 1000; the spread over networks, "
        'beside which a control is judged, needs two; for no controls, set classifiers = "none"']
    assert refusal(f"[controls]\n{option} = 100000\n") == [
        f"study.toml [controls] {option}: 100000; expected a finite number from 2 to 1000"]


def test_a_choice_that_is_nearly_one_is_asked_for(refusal):
    assert refusal('[responses]\nsource = "fixation"\n')[0].endswith("did you mean 'fixations'?")


@pytest.mark.parametrize(("text", "says"), [
    ('[study]\nseed = "0"', "study.toml [study] seed: '0'; expected a whole number"),
    ("[study]\nseed = 1.5", "seed: 1.5; expected a whole number"),
    ("[study]\nseed = true", "seed: True; expected a whole number"),
    ("[study]\nname = 7", "name: 7; expected a text in quotes"),
    ('[responses]\nclip = "yes"', "clip: 'yes'; expected true or false"),
    ("[responses]\nclip = 1", "clip: 1; expected true or false"),
    ('[maps]\nsigma = "wide"', "sigma: 'wide'; expected a number"),
    ("[study]\nsize = 227", "size: 227; expected a list in [ ]"),
    ('[study]\nsize = [227, "227"]', "size: '227'; expected a whole number"),
    ("study = 3", "study.toml study: 3; expected a table"),
    ("classifier = 3", "study.toml classifier: 3; expected [[classifier]]"),
    ("[classifier]\nname = 'a'", "expected [[classifier]]"),
    ("[[classifier]]\nfrozen = 3", "study.toml [classifier] frozen: 3; expected a table"),
    ("[labels]\neye = 3", "labels: {'eye': 3}; expected texts"),
])
def test_a_value_of_the_wrong_kind_is_refused(refusal, text, says):
    assert says in refusal(text)[0]


@pytest.mark.parametrize(("text", "says"), [
    ("[study]\nseed = -1", "seed: -1; expected a finite number from 0 up"),
    ("[study]\nsize = [4, 227]", "size: 4; expected a finite number from 8 to 4096"),
    ("[maps]\nmask_share = 1.01", "mask_share: 1.01; expected a finite number from 0.0001 to 1"),
    ("[maps]\nmask_share = 0", "mask_share: 0.0"),
    ("[maps]\nsigma = nan", "sigma: nan"),
    ("[[classifier]]\n[classifier.frozen]\nl2 = inf", "study.toml [classifier.frozen] l2: inf"),
    ("[statistics]\nn_permutations = 9", "n_permutations: 9"),
    ('[images]\nsource = "web"', "source: 'web'; expected folder or facescrub or orl"),
    ('[[classifier]]\nvariants = ["frozen", "thawed"]', "variants: 'thawed'; expected frozen or finetuned"),
    ('[attribution]\noutput = "loss"', "output: 'loss'; expected logit or probability"),
])
def test_a_value_out_of_bounds_is_refused_with_the_bounds(refusal, text, says):
    assert says in refusal(text)[0]


@pytest.mark.parametrize(("text", "says"), [
    ("[images]\nsplit = [0.7, 0.2]", "[images] split: [0.7, 0.2]; expected three counts"),
    ("[images]\nsplit = [0.7, 0.2, 0.2]", "[images] split"),
    ("[images]\nsplit = [70.5, 15, 15]", "[images] split"),
    ("[study]\nsize = [227]", "[study] size: [227]; expected height and width"),
    ("[study]\nsize = [227, 227, 3]", "[study] size"),
    ("[[classifier]]\n[[classifier]]", "name: 'alexnet' is used twice"),
    ("[[classifier]]\nname = 'a/b'", "name: 'a/b'; expected letters"),
    ("[[classifier]]\nname = '..'", "name: '..'; expected letters"),
    ("[[classifier]]\nname = ''", "name: ''; expected letters"),
    ("[[classifier]]\nvariants = []", "variants: []; expected at least one of"),
    ("[report]\nactors = ['1', '2', '3', '4', '5', '6', '7']", "actors: 7 actors; expected at most 6"),
])
def test_options_that_contradict_each_other_are_refused(refusal, text, says):
    assert says in refusal(text)[0]


@pytest.mark.parametrize("split", ["[85, 0, 15]", "[0.85, 0, 0.15]"])
def test_a_split_without_validation_images_trains_only_where_the_last_weights_are_kept(reading, refusal, split):
    said = refusal(f"[images]\nsplit = {split}\n")[0]
    assert "[[classifier]] alexnet keep: 'best' with" in said
    assert 'set keep = "last"' in said
    config = reading(f'[images]\nsplit = {split}\n[[classifier]]\nkeep = "last"\n')
    assert config.classifier[0].keep == "last"
    assert reading(f"classifier = []\n[images]\nsplit = {split}\n").classifier == ()


@pytest.mark.parametrize("split", ["[70, 15, 15]", "[0.8, 0.1, 0.1]", "[7, 1, 2]", "[0.7, 0.15, 0.15]"])
def test_a_split_is_counts_or_shares(reading, split):
    assert list(reading(f"[images]\nsplit = {split}").images.split) == tomllib.loads(f"split = {split}")["split"]


def test_all_that_is_wrong_is_told_at_once(refusal):
    found = refusal("[study]\nseed = -1\nsede = 1\n[images]\nsplit = [1]\n[maps]\nsigma = 'a'\n[wrong]\n")
    assert len(found) == 5


def test_a_file_that_is_missing_or_is_no_toml_is_an_error_that_names_it(tmp_path):
    with pytest.raises(ConfigError, match=r"study\.toml: does not exist; run: salcompare init"):
        read_config(tmp_path / "study.toml")
    (tmp_path / "study.toml").write_text("[study\nname = 1")
    with pytest.raises(ConfigError, match=r"study\.toml: is not TOML: .*line 1"):
        read_config(tmp_path / "study.toml")
    (tmp_path / "study.toml").write_bytes(b'[study]\nname = "\xff"')
    with pytest.raises(ConfigError, match="is not TOML"):
        read_config(tmp_path / "study.toml")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_config(tmp_path)


def test_a_byte_order_mark_does_no_harm(tmp_path):
    (tmp_path / "study.toml").write_text("[study]\nseed = 5\n", encoding="utf-8-sig")
    assert read_config(tmp_path / "study.toml").study.seed == 5


def test_the_written_file_reads_back_as_the_defaults(reading):
    assert reading(commented_toml()) == Config()


def test_the_written_file_says_what_every_option_does():
    text = commented_toml()
    for section in (General, Images, Responses, Simulation, Phase, Classifier, Attribution, Maps, Statistics, Report):
        assert f"# {section.__doc__}" in text
        for option in dataclasses.fields(section):
            if "help" in option.metadata:
                assert f"{option.name} = " in text
                assert f"# {option.metadata['help']}" in text


def test_the_written_file_names_every_choice_of_every_option():
    text = commented_toml()
    for section in (Images, Responses, Collect, Quality, Fixations, Classifier, Attribution, Controls, Removal):
        for option in dataclasses.fields(section):
            for choice in option.metadata.get("choices", ()):
                assert choice in text or choice.startswith("smoothgrad_"), choice
    for section in (Images, Responses):
        source = next(option for option in dataclasses.fields(section) if option.name == "source")
        assert all(f"# {choice}: " in text for choice in source.metadata["choices"])


def test_the_written_file_becomes_a_study_of_people_alone_as_it_says(reading):
    text = commented_toml().replace("# classifier = []", "classifier = []")
    text = text[:text.index("\n[[classifier]]")] + text[text.index("\n[attribution]"):]
    config = reading("\n".join(line for line in text.splitlines() if not line.startswith("split = ")))
    assert config == dataclasses.replace(Config(), classifier=(), images=Images(split=ALL_TEST))
    ready = commented_toml().split("\n# [[precomputed]]\n")[1].split("\n\n")[0]
    maps = "[[precomputed]]\n" + "\n".join(line.removeprefix("# ") for line in ready.splitlines() if " = " in line)
    assert reading(maps).precomputed == (Precomputed(),)


def test_no_classifier_and_one_at_once_is_an_error_that_says_so(refusal):
    said, = refusal('classifier = []\n[[classifier]]\nname = "a"\n')
    assert "classifier = [] and a [[classifier]]" in said


PHASES = st.builds(Phase, iterations=st.integers(1, 9999), learning_rate=st.floats(0, 1), l2=st.floats(0, 1e-3),
                   flip=st.booleans(), shift=st.integers(0, 40))
NAMES = st.text("abcXYZ019-_.", min_size=1, max_size=6).filter(lambda name: name.strip("."))
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12).map(
    lambda text: unicodedata.normalize("NFC", text)).filter(lambda text: not hidden_in(text))
CLASSIFIERS = st.lists(st.builds(Classifier, name=NAMES, weights=TEXTS, dropout=st.floats(0, 0.95), frozen=PHASES,
                                 finetuned=PHASES), max_size=2, unique_by=lambda one: one.name).map(tuple)
CONFIGS = st.builds(
    Config, study=st.builds(General, name=TEXTS, seed=st.integers(0, 2**60)),
    images=st.builds(Images, path=TEXTS, split=st.sampled_from([(70.0, 15.0, 15.0), (0.8, 0.1, 0.1)])),
    labels=st.dictionaries(TEXTS, TEXTS, max_size=3), classifier=CLASSIFIERS,
    report=st.builds(Report, actors=st.lists(TEXTS, max_size=6).map(tuple)))


@given(CONFIGS)
def test_any_configuration_reads_back_as_it_was_written(tmp_path_factory, config):
    path = tmp_path_factory.mktemp("study") / "study.toml"
    path.write_text(commented_toml(config), encoding="utf-8")
    assert read_config(path) == config
