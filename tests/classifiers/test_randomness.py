import torch

from salcompare.classifiers.randomness import derived_seed, deterministic, generator


def test_a_stream_depends_on_its_purpose_only():
    torch.rand(3)
    assert torch.equal(torch.rand(4, generator=generator(0, "a", 1)), torch.rand(4, generator=generator(0, "a", 1)))
    seeds = {derived_seed(*purpose) for purpose in [(0, "a", 1), (1, "a", 1), (0, "b", 1), (0, "a", 2), (0, "a1")]}
    assert len(seeds) == 5


def test_seeds_are_the_same_on_every_machine():
    # printf '0\0frozen' | sha256sum begins with cc83d78366132844
    assert derived_seed(0, "frozen") == 0xCC83D78366132844 // 2


def test_settings_and_global_generator_are_given_back_even_after_an_error():
    state, before = torch.get_rng_state(), torch.are_deterministic_algorithms_enabled()
    try:
        with deterministic():
            assert torch.are_deterministic_algorithms_enabled()
            torch.manual_seed(1)
            raise KeyError
    except KeyError:
        pass
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.are_deterministic_algorithms_enabled() == before
