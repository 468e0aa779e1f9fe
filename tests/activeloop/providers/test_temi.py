from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import normalized_mutual_info_score
from torch import Tensor

from activeloop.errors import BadScores, ConfigError
from activeloop.providers.temi import clusters
from activeloop.types import Data, Noted

QUICK = {"heads": 4, "layers": "linear", "epochs": 60, "batch": 16, "neighbours": 5, "lr": 0.1, "warm_up": 2,
         "momentum": 0.8}  # fmt: skip


def blobs(sizes: tuple[int, ...] = (40, 30, 20)) -> tuple[Tensor, Tensor]:
    """Far apart in direction; and which blob every row is of, shuffled."""
    draw = np.random.default_rng(0)
    which = draw.permutation(np.repeat(np.arange(len(sizes)), sizes))
    features = 10 * np.eye(6)[which] + draw.normal(size=(len(which), 6))
    return torch.from_numpy(features).float(), torch.from_numpy(which)


def data(classes: int = 3) -> Data:
    return Data(torch.zeros(90, 1), tuple(map(str, range(classes))), torch.zeros(1), torch.ones(1))


def found(features: Tensor, seed: int = 0, classes: int = 3, **options: object) -> Noted:
    return clusters(features, data(classes), seed, **{**QUICK, **options})  # type: ignore[arg-type]


@pytest.mark.parametrize("consensus", [False, True])
@pytest.mark.parametrize("layers", [{}, {"layers": "mlp", "lr": 0.005, "heads": 2}, {"dimensions": 3}])
def test_blobs_far_apart_are_the_clusters(layers: dict[str, object], consensus: bool) -> None:
    features, which = blobs()

    value = found(features, consensus=consensus, **layers).value

    assert normalized_mutual_info_score(which, value) == 1
    assert value.dtype == torch.int64


def test_notes_tell_sizes_agreement_and_losses_and_are_plain_numbers() -> None:
    import json

    noted = found(*blobs()[:1])

    notes = json.loads(json.dumps(noted.notes, allow_nan=False))
    assert sorted(notes["sizes"]) == [20, 30, 40]
    assert notes["sizes"] == torch.bincount(noted.value).tolist()
    assert (notes["occupied"], notes["largest_to_smallest"], notes["head_agreement"]) == (3, 2.0, 1.0)
    assert notes["losses"][notes["chosen_head"]] == min(notes["losses"])
    assert (len(notes["losses"]), len(notes["loss_by_epoch"])) == (4, 60)


def test_one_head_alone_agrees_with_nobody() -> None:
    noted = found(blobs()[0], heads=1, consensus=True)

    assert (noted.notes["head_agreement"], noted.notes["averaged_heads"]) == (None, 1)


def test_same_seed_same_clusters_and_the_seed_is_all_the_chance() -> None:
    features = torch.from_numpy(np.random.default_rng(1).normal(size=(90, 6))).float()

    torch.manual_seed(1)
    one = found(features, 7)
    torch.manual_seed(2)
    before = torch.get_rng_state()
    same, other = found(features, 7), found(features, 8)

    assert torch.equal(one.value, same.value)
    assert one.notes == same.notes
    assert one.notes["losses"] != other.notes["losses"]
    assert torch.equal(torch.get_rng_state(), before)


def test_consensus_is_the_chosen_head_where_heads_agree() -> None:
    features, _ = blobs()

    alone, together = found(features), found(features, consensus=True)

    assert torch.equal(alone.value, together.value)
    assert together.notes["averaged_heads"] == 4


def test_a_pool_smaller_than_a_batch_and_its_neighbours_is_one_step_an_epoch() -> None:
    features, _ = blobs((6, 5, 4))

    large = found(features, batch=1024, neighbours=50)
    exact = found(features, batch=15, neighbours=14)

    assert torch.equal(large.value, exact.value)
    assert large.notes == exact.notes


def test_classes_by_option_win_over_those_of_the_data() -> None:
    features, which = blobs()

    noted = clusters(features, data(9), 0, classes=3, **QUICK)  # type: ignore[arg-type]

    assert normalized_mutual_info_score(which, noted.value) == 1


def test_a_memory_map_of_small_floats_and_bfloat16_products_do_too(tmp_path: object) -> None:
    features, which = blobs()
    np.save(f"{tmp_path}/features.npy", features.numpy().astype(np.float16))
    mapped = torch.from_numpy(np.load(f"{tmp_path}/features.npy", mmap_mode="r+"))

    assert normalized_mutual_info_score(which, found(mapped, precision="bfloat16").value) == 1


def test_inputs_and_truth_of_the_data_are_never_looked_at() -> None:
    features, _ = blobs()
    other = replace(data(), inputs=torch.full((90, 1), torch.nan))

    there = clusters(features, other, 0, **QUICK)  # type: ignore[arg-type]

    assert torch.equal(there.value, found(features).value)


def test_empty_clusters_are_counted_aloud() -> None:
    features = torch.tensor([[1.0, 0.0], [0.0, 1.0]]).repeat(20, 1)

    with pytest.warns(UserWarning, match="of 5 clusters hold no row"):
        noted = found(features, classes=5)

    assert noted.notes["occupied"] == len(set(noted.value.tolist())) < 5


def test_more_classes_than_rows_are_refused_with_both_numbers() -> None:
    with pytest.raises(ConfigError, match="3 clusters were asked for, and there are 2 rows: ask for fewer"):
        found(torch.eye(2))


def test_equal_rows_are_refused() -> None:
    with pytest.raises(BadScores, match="all 90 rows have the same features"):
        found(torch.ones(90, 6))


@pytest.mark.parametrize(("bad", "why"), [(torch.nan, "nan"), (0.0, "zero vectors")])
def test_nan_and_zero_vectors_are_refused_by_position(bad: float, why: str) -> None:
    features, _ = blobs()
    features[17] = bad

    with pytest.raises(BadScores, match=f"1 of 90 rows .*{why}.* position 17"):
        found(features)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("classes", 1), ("heads", 0), ("epochs", 0), ("batch", 0), ("neighbours", 0), ("layers", "deep"), ("lr", 0.0),
        ("temperature", -1.0), ("pmi_power", 0.0), ("momentum", 1.0), ("warm_up", -1), ("weight_decay", -1.0),
        ("dimensions", -1), ("precision", "float16"),
    ],
)  # fmt: skip
def test_options_out_of_range_are_refused_by_name_and_value(option: str, value: object) -> None:
    with pytest.raises(ConfigError, match=rf"{option}.* {value!r}"):
        clusters(blobs()[0], data(), 0, **{**QUICK, option: value})  # type: ignore[arg-type]


def test_a_diverged_training_is_refused() -> None:
    with pytest.raises(BadScores, match="training diverged.* Lower lr"):
        found(blobs()[0], layers="mlp", lr=1e30, epochs=3, warm_up=0)
