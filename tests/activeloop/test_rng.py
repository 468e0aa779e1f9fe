from __future__ import annotations

from activeloop.rng import derive, rng


def test_the_same_address_gives_the_same_stream_whatever_was_drawn_between() -> None:
    first = rng(3, 1, "acquire")
    first.random(100)

    assert rng(3, 1, "acquire").random() == rng(3, 1, "acquire").random()


def test_seed_round_and_use_each_change_the_stream() -> None:
    streams = [rng(0, 0, "start"), rng(1, 0, "start"), rng(0, 1, "start"), rng(0, 0, "acquire")]

    assert len({stream.random() for stream in streams}) == 4


def test_derived_seeds_fit_a_signed_64_bit_integer() -> None:
    assert all(0 <= derive(seed, 0, "fit") < 2**63 for seed in range(200))
