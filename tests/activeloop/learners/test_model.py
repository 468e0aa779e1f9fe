from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from activeloop.errors import ConfigError, MissingEvidence
from activeloop.learners.model import NetModel
from activeloop.learners.nets import cnn, gal2017, mlp
from activeloop.types import Data


def features(values: Tensor, classes: int) -> Data:
    return Data(values, tuple(map(str, range(classes))), torch.zeros(1), torch.ones(1))


def identity(width: int) -> nn.Linear:
    layer = nn.Linear(width, width, bias=False)
    layer.weight.data = torch.eye(width)
    return layer


class Opaque(nn.Module):
    """The same net, which nothing can trace: its path depends on values."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.net(x) if float(x.sum()) < torch.inf else x
        return out


ROWS = np.arange(12)


@pytest.fixture
def noise() -> Data:
    return features(torch.randn(12, 6, generator=torch.Generator().manual_seed(1)), 3)


@pytest.fixture
def pictures() -> Data:
    values = torch.rand(12, 1, 12, 12, generator=torch.Generator().manual_seed(1))
    return Data(values, ("a", "b", "c"), torch.zeros(1, 1, 1), torch.ones(1, 1, 1))


def test_a_pass_keeps_or_drops_each_unit_for_all_rows_alike_and_scales_what_it_keeps() -> None:
    model = NetModel(nn.Sequential(nn.Dropout(0.75), identity(2)), features(torch.ones(3, 2), 2))

    logits = model.samples(np.arange(3), 50, seed=0).log()

    differences = logits[..., 0] - logits[..., 1]  # 4, 0 or -4: what is kept counts 1 / (1 - 0.75)
    torch.testing.assert_close(differences, differences[:1].expand(3, 50))
    assert set(differences[0].round().int().tolist()) == {4, 0, -4}


def test_a_rate_of_one_drops_everything() -> None:
    model = NetModel(nn.Sequential(nn.Dropout(1.0), identity(2)), features(torch.tensor([[5.0, 1.0]]), 2))

    torch.testing.assert_close(model.samples(np.arange(1), 3, seed=0), torch.full((1, 3, 2), 0.5))


def test_dropout_2d_drops_whole_channels() -> None:
    ones = Data(torch.ones(1, 3, 2, 2), tuple("abcdefghijkl"), torch.zeros(1, 1, 1), torch.ones(1, 1, 1))
    model = NetModel(nn.Sequential(nn.Dropout2d(0.5), nn.Flatten()), ones)

    by_channel = model.samples(np.arange(1), 20, seed=0).reshape(20, 3, 4)

    assert (by_channel == by_channel[:, :, :1]).all()
    assert len(by_channel[:, :, 0].unique(dim=0)) > 2


def test_permuting_rows_permutes_samples_and_other_rows_in_the_call_change_nothing(
    noise: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = NetModel(mlp((6,), 3), noise)
    whole = model.samples(ROWS, 5, seed=3)

    torch.testing.assert_close(model.samples(ROWS[::-1].copy(), 5, seed=3), whole.flip(0))
    torch.testing.assert_close(model.samples(ROWS[4:5], 5, seed=3), whole[4:5])
    monkeypatch.setattr("activeloop.learners.model.look_rows", lambda data: 5)
    torch.testing.assert_close(model.samples(ROWS, 5, seed=3), whole)


def test_the_first_passes_do_not_depend_on_how_many_there_are(noise: Data) -> None:
    model = NetModel(mlp((6,), 3), noise)

    torch.testing.assert_close(model.samples(ROWS, 8, seed=3)[:, :3], model.samples(ROWS, 3, seed=3))


def test_the_same_seed_gives_the_same_passes_and_another_gives_others(noise: Data) -> None:
    model = NetModel(mlp((6,), 3), noise)

    assert torch.equal(model.samples(ROWS, 3, seed=3), model.samples(ROWS, 3, seed=3))
    assert not torch.equal(model.samples(ROWS, 3, seed=3), model.samples(ROWS, 3, seed=4))


@pytest.mark.parametrize("make", [cnn, gal2017, mlp])
def test_what_stands_before_the_first_dropout_is_computed_once_to_no_effect(
    make: type[nn.Module], pictures: Data
) -> None:
    net = make((1, 12, 12), 3)

    torch.testing.assert_close(
        NetModel(net, pictures).samples(ROWS, 4, seed=0), NetModel(Opaque(net), pictures).samples(ROWS, 4, seed=0)
    )


def test_a_net_that_works_in_place_gives_every_pass_the_same_inputs(noise: Data) -> None:
    def made(inplace: bool) -> nn.Module:
        torch.manual_seed(0)
        inner = nn.Sequential(nn.LeakyReLU(0.1, inplace=inplace), nn.Dropout(0.5), nn.Linear(4, 3))
        return nn.Sequential(nn.Linear(6, 4), inner)

    apart, in_place = NetModel(made(False), noise), NetModel(made(True), noise)

    assert torch.equal(apart.samples(ROWS, 4, seed=0), in_place.samples(ROWS, 4, seed=0))


def test_one_dropout_layer_used_twice_draws_twice(noise: Data) -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.dropout, self.last = nn.Dropout(0.5), identity(3)

        def forward(self, x: Tensor) -> Tensor:
            first, second = self.dropout(torch.ones_like(x[:, :3])), self.dropout(torch.ones_like(x[:, :3]))
            out: Tensor = self.last(first - second)
            return out

    assert NetModel(Twice(), noise).samples(ROWS, 20, seed=0).std() > 0.05


def test_in_the_mean_a_pass_is_ordinary_dropout_of_torch_as_baal_uses_it(noise: Data) -> None:
    """baal's convention: the net in eval mode, its dropout layers in train mode, one mask per row and pass."""
    torch.manual_seed(0)
    net, passes = mlp((6,), 3, width=8, dropout=0.4).eval(), 3000
    ours = NetModel(net, noise).samples(ROWS[:4], passes, seed=0).double()

    for layer in net.modules():
        layer.train(isinstance(layer, nn.Dropout))
    with torch.no_grad():
        theirs = net(noise.inputs[:4].repeat_interleave(passes, dim=0)).softmax(dim=1).reshape(4, passes, 3).double()

    error = ((ours.var(dim=1) + theirs.var(dim=1)) / passes).sqrt()
    assert ((ours.mean(dim=1) - theirs.mean(dim=1)).abs() < 4 * error).all()  # 12 comparisons, each 1 in 16,000
    torch.testing.assert_close(ours.std(dim=1), theirs.std(dim=1), rtol=0.1, atol=0.005)


def test_looking_changes_no_weight_and_no_global_stream(noise: Data) -> None:
    model = NetModel(mlp((6,), 3), noise)
    before = {name: value.clone() for name, value in model.net.state_dict().items()}
    stream = torch.get_rng_state()

    model.probs(ROWS), model.samples(ROWS, 3, 0), model.embed(ROWS)

    assert all(torch.equal(value, before[name]) for name, value in model.net.state_dict().items())
    assert torch.equal(torch.get_rng_state(), stream)
    assert not any(layer._forward_hooks or layer._forward_pre_hooks for layer in model.net.modules())


def test_the_embedding_is_what_the_last_linear_layer_sees(noise: Data) -> None:
    net = mlp((6,), 3)
    model = NetModel(net, noise)
    last = net[-1]  # type: ignore[index]

    torch.testing.assert_close(last(model.embed(ROWS)).softmax(dim=1), model.probs(ROWS))


def test_a_strategy_may_train_on_what_it_is_given(noise: Data) -> None:
    model = NetModel(mlp((6,), 3), noise)
    head = nn.Linear(128, 1)

    for evidence in (model.embed(ROWS), model.samples(ROWS, 2, 0), model.probs(ROWS)):
        assert not evidence.is_inference()
    head(model.embed(ROWS)).sum().backward()

    assert head.weight.grad is not None


def test_probabilities_are_float32_and_sum_to_one_even_for_a_net_in_bfloat16(noise: Data) -> None:
    class Half(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return (10 * x[:, :3]).bfloat16()

    probs = NetModel(Half(), noise).probs(ROWS)

    assert probs.dtype == torch.float32
    torch.testing.assert_close(probs.sum(dim=1), torch.ones(12))


def test_a_model_can_look_at_other_data(noise: Data) -> None:
    other = features(noise.inputs.flip(0), 3)
    model = NetModel(mlp((6,), 3), noise, recorded=torch.zeros(1, 1, 3))

    torch.testing.assert_close(model.on(other).probs(ROWS), model.probs(ROWS).flip(0))
    with pytest.raises(MissingEvidence, match="recorded no history: fit it with `watch`"):
        model.on(other).history()


def test_what_a_net_cannot_give_is_refused_with_the_next_step(noise: Data) -> None:
    plain = NetModel(nn.Sequential(nn.Linear(6, 3)), noise)

    with pytest.raises(MissingEvidence, match="no dropout, so its passes would all be equal: use the net 'cnn'"):
        plain.samples(ROWS, 2, seed=0)
    with pytest.raises(MissingEvidence, match="no nn.Linear"):
        NetModel(nn.Identity(), noise).embed(ROWS)
    with pytest.raises(ConfigError, match="0 stochastic passes.*evidence.samples.passes must be 1 or more"):
        NetModel(mlp((6,), 3), noise).samples(ROWS, 0, seed=0)


def test_alpha_dropout_which_also_shifts_does_not_count_as_dropout(noise: Data) -> None:
    net = nn.Sequential(nn.AlphaDropout(0.5), nn.Linear(6, 3))

    with pytest.raises(MissingEvidence, match="no dropout"):
        NetModel(net, noise).samples(ROWS, 2, seed=0)


def test_two_units_of_which_one_is_kept_give_the_softmax_by_hand() -> None:
    model = NetModel(nn.Sequential(nn.Dropout(0.5), identity(2)), features(torch.ones(1, 2), 2))
    by_hand = {round(1 / (1 + math.exp(-gap)), 5) for gap in (2, 0, -2)}

    assert {round(p, 5) for p in model.samples(np.arange(1), 30, seed=0)[0, :, 0].tolist()} == by_hand
