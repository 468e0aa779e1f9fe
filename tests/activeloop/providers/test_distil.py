"""The stacked step against heads written one by one, as the published code has them."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import Generator, Tensor, nn

from activeloop.providers.distil import Distillation, pair_losses
from activeloop.providers.heads import LinearHeads, MlpHeads

HEADS, WIDTH, CLASSES, PAIRS = 3, 10, 4, 8
RATE = 4e-3


class PlainHead(nn.Module):
    """One head of the stack: its own linear layers, and torch's weight normalisation."""

    def __init__(self, stack: MlpHeads, at: int) -> None:
        super().__init__()
        first, second = nn.Linear(WIDTH, 512), nn.Linear(512, 256)
        self.mlp = nn.Sequential(first, nn.GELU(), second)
        last = nn.Linear(256, CLASSES, bias=False)
        with torch.no_grad():
            first.weight.copy_(stack.first[at * 512 : (at + 1) * 512])
            second.weight.copy_(stack.second[at])
            last.weight.copy_(stack.last.direction[at])
            nn.init.zeros_(first.bias)
            nn.init.zeros_(second.bias)
            self.last = nn.utils.parametrizations.weight_norm(last)
            self.last.parametrizations.weight.original0.fill_(1)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(nn.functional.normalize(self.mlp(x), dim=1))


class PlainTraining:
    """Head by head, pair by pair of roles, in the order of the published code; autograd, no closed slope."""

    def __init__(self, stack: MlpHeads) -> None:
        self.students = [PlainHead(stack, at) for at in range(HEADS)]
        self.teachers = copy.deepcopy(self.students)
        self.marginals = [torch.full((CLASSES,), 1 / CLASSES) for _ in range(HEADS)]
        named = [item for student in self.students for item in student.named_parameters()]
        self.optimiser = torch.optim.AdamW(
            [
                {"params": [one for name, one in named if "bias" not in name], "weight_decay": 0.3},
                {"params": [one for name, one in named if "bias" in name], "weight_decay": 0.0},
            ],
            lr=RATE,
        )

    def step(self, x: Tensor, frozen: bool) -> list[float]:
        ours = [torch.softmax(student(x) / 0.1, dim=1) for student in self.students]
        with torch.no_grad():
            theirs = [torch.softmax(teacher(x) / 0.1, dim=1) for teacher in self.teachers]
            for head in range(HEADS):
                self.marginals[head] = 0.9 * self.marginals[head] + 0.1 * theirs[head].mean(dim=0)
            weight = sum((t[:PAIRS] * t[PAIRS:]).sum(dim=1) for t in theirs) / HEADS
        losses = []
        for head in range(HEADS):
            s, t, marginal = ours[head], theirs[head], self.marginals[head]
            one = ((s[:PAIRS] * t[PAIRS:]) ** 0.6 / marginal).sum(dim=1).log()
            two = ((s[PAIRS:] * t[:PAIRS]) ** 0.6 / marginal).sum(dim=1).log()
            losses.append(-(weight * (one + two) / 2).mean())
        self.optimiser.zero_grad()
        (sum(losses) / HEADS).backward()  # type: ignore[union-attr]
        if frozen:
            for student in self.students:
                for one in student.last.parameters():
                    one.grad = None
        self.optimiser.step()
        with torch.no_grad():
            for student, teacher in zip(self.students, self.teachers, strict=True):
                for s, t in zip(student.parameters(), teacher.parameters(), strict=True):
                    t.mul_(0.9).add_(0.1 * s)
        return [float(loss.detach()) for loss in losses]


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape)).float()


def stack(seed: int = 0) -> MlpHeads:
    return MlpHeads(HEADS, WIDTH, CLASSES, Generator().manual_seed(seed))


def test_stacked_heads_train_as_heads_one_by_one() -> None:
    """Three steps, the first with the last layer frozen, momentum 0.9 and a decay that shows."""
    heads = stack()
    plain = PlainTraining(heads)
    stacked = Distillation(heads, momentum=0.9, weight_decay=0.3)

    for step in range(3):
        x = drawn(2 * PAIRS, WIDTH, seed=step)
        expected = plain.step(x, frozen=step == 0)
        torch.testing.assert_close(
            stacked.step(x, RATE, frozen=step == 0), torch.tensor(expected), rtol=1e-5, atol=1e-6
        )

    torch.testing.assert_close(stacked.marginal, torch.stack(plain.marginals))
    for made, one_by_one in ((stacked.student, plain.students), (stacked.teacher, plain.teachers)):
        x = drawn(5, WIDTH, seed=9)
        expected_logits = torch.stack([head(x).T for head in one_by_one])
        torch.testing.assert_close(made(x), expected_logits, rtol=1e-4, atol=1e-5)


def test_the_closed_slope_is_the_gradient_of_the_mean_loss() -> None:
    student, teacher = (
        drawn(HEADS, CLASSES, 2 * PAIRS).double().requires_grad_(),
        drawn(HEADS, CLASSES, 2 * PAIRS, seed=1),
    )
    marginal = torch.full((HEADS, CLASSES), 1 / CLASSES, dtype=torch.float64)

    def loss(logits: Tensor) -> Tensor:
        return pair_losses(logits, teacher.double(), marginal.clone(), temperature=0.1, pmi_power=0.6)[0].mean()

    _, slope = pair_losses(student.detach(), teacher.double(), marginal.clone(), temperature=0.1, pmi_power=0.6)
    small, at = 1e-6, np.random.default_rng(0)
    for _ in range(20):
        index = tuple(int(at.integers(size)) for size in student.shape)
        moved = torch.zeros_like(student)
        moved[index] = small
        with torch.no_grad():
            numeric = (loss(student + moved) - loss(student - moved)) / (2 * small)
        assert float(slope[index]) == pytest.approx(float(numeric), abs=1e-7, rel=1e-5)


def test_one_pair_by_hand() -> None:
    """Two classes, student and teacher at (3/4, 1/4) on both rows: marginal (0.525, 0.475), weight 5/8."""
    logits = torch.tensor([[[np.log(3.0)] * 2, [0.0] * 2]])
    marginal = torch.full((1, 2), 0.5, dtype=torch.float64)

    losses, _ = pair_losses(logits, logits, marginal, temperature=1.0, pmi_power=1.0)

    torch.testing.assert_close(marginal, torch.tensor([[0.525, 0.475]], dtype=torch.float64))
    assert float(losses) == pytest.approx(-5 / 8 * np.log((9 / 16) / 0.525 + (1 / 16) / 0.475), rel=1e-6)


def test_marginals_move_before_they_are_used() -> None:
    logits = drawn(HEADS, CLASSES, 2 * PAIRS)
    fresh = torch.full((HEADS, CLASSES), 1 / CLASSES)
    moved = 0.9 * fresh + 0.1 * (logits / 0.1).softmax(dim=1).mean(dim=2)
    stale = 10 / 9 * (moved - 0.1 * (logits / 0.1).softmax(dim=1).mean(dim=2))

    torch.testing.assert_close(stale, fresh)
    used = fresh.clone()
    losses, _ = pair_losses(logits, logits, used, temperature=0.1, pmi_power=0.6)

    torch.testing.assert_close(used, moved)
    t = (logits / 0.1).softmax(dim=1)
    terms = ((t * t.roll(PAIRS, dims=2)) ** 0.6 / moved[:, :, None]).sum(dim=1).log()
    weight = (t * t.roll(PAIRS, dims=2)).sum(dim=1).mean(dim=0)
    torch.testing.assert_close(losses, -(weight * terms).mean(dim=1))


def test_the_weight_of_a_pair_is_shared_by_all_heads() -> None:
    """Another teacher in head 1 changes the loss of head 0, whose own student and teacher stay: by the weight alone."""
    student, teacher, other = (drawn(2, CLASSES, 2 * PAIRS, seed=seed) for seed in range(3))
    changed = torch.stack([teacher[0], other[1]])

    def losses(teacher: Tensor) -> Tensor:
        return pair_losses(student, teacher, torch.full((2, CLASSES), 0.25), temperature=1.0, pmi_power=0.6)[0]

    assert losses(teacher)[0] != losses(changed)[0]
    twice = pair_losses(student[:1], teacher[:1], torch.full((1, CLASSES), 0.25), temperature=1.0, pmi_power=0.6)[0]
    same = pair_losses(
        student[[0, 0]], teacher[[0, 0]], torch.full((2, CLASSES), 0.25), temperature=1.0, pmi_power=0.6
    )[0]
    torch.testing.assert_close(same, twice.expand(2))


def test_renumbering_a_heads_clusters_changes_no_loss() -> None:
    student, teacher = drawn(HEADS, CLASSES, 2 * PAIRS), drawn(HEADS, CLASSES, 2 * PAIRS, seed=1)
    marginal = torch.tensor([0.1, 0.2, 0.3, 0.4]).expand(HEADS, -1).clone()
    order = torch.tensor([2, 0, 3, 1])
    renumbered = [one.clone() for one in (student, teacher, marginal)]
    for one in renumbered:
        one[1] = one[1][order]

    before, _ = pair_losses(student, teacher, marginal, temperature=0.1, pmi_power=0.6)
    after, _ = pair_losses(renumbered[0], renumbered[1], renumbered[2], temperature=0.1, pmi_power=0.6)

    torch.testing.assert_close(after, before)


def test_the_last_layer_stands_still_while_frozen_and_moves_after() -> None:
    training = Distillation(stack(), weight_decay=0.5)
    before = copy.deepcopy(training.student)
    x = drawn(2 * PAIRS, WIDTH)

    training.step(x, RATE, frozen=True)
    assert torch.equal(training.student.last.direction, before.last.direction)
    assert torch.equal(training.student.last.gain, before.last.gain)
    assert not torch.equal(training.student.first, before.first)

    training.step(x, RATE)
    assert not torch.equal(training.student.last.direction, before.last.direction)
    assert not torch.equal(training.student.last.gain, before.last.gain)


def test_teachers_follow_after_every_step_and_get_no_gradient() -> None:
    training = Distillation(stack(), momentum=0.75)
    start = training.teacher.first.clone()

    training.step(drawn(2 * PAIRS, WIDTH), RATE)

    torch.testing.assert_close(training.teacher.first, 0.75 * start + 0.25 * training.student.first)
    assert all(one.grad is None and one.is_leaf for one in training.teacher.parameters())  # or every step would be kept


def test_biases_do_not_decay() -> None:
    training = Distillation(stack(), weight_decay=0.5)
    with torch.no_grad():
        training.student.first_bias.fill_(7)
        training.student.first.fill_(7)
    x = torch.zeros(
        2 * PAIRS, WIDTH
    )  # no gradient reaches the first weight, and equal rows give biases none to speak of

    training.step(x, 0.1, frozen=True)

    assert float(training.student.first.detach().max()) == pytest.approx(7 * (1 - 0.1 * 0.5), rel=1e-5)
    assert (
        float((training.student.first_bias.detach() - 7).abs().max()) <= 0.1 + 1e-5
    )  # one step of Adam at most, no decay of 0.35


def test_a_head_of_the_published_size_has_its_527_626_parameters() -> None:
    head = MlpHeads(1, 768, 10, Generator().manual_seed(0))

    assert sum(one.numel() for one in head.parameters()) == 527_626


def test_linear_heads_are_gain_times_cosines_of_centred_rows() -> None:
    heads = LinearHeads(2, torch.tensor([1.0, 0.0]), 3, Generator().manual_seed(0))
    x = torch.tensor([[3.0, 0.0], [1.0, 5.0]])

    logits = heads(x)

    direction = heads.last.direction / heads.last.direction.norm(dim=2, keepdim=True)
    torch.testing.assert_close(logits, torch.stack([direction[..., 0], direction[..., 1]], dim=2))
    with torch.no_grad():
        heads.last.gain.fill_(2)
    torch.testing.assert_close(heads(x), 2 * logits)
