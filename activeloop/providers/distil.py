"""Cluster heads that learn from slow copies of themselves that a row and its neighbour belong together."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from activeloop.providers.heads import LinearHeads, MlpHeads

MARGINAL_RATE = 0.1  # of the newest batch in the estimate of how full clusters are


def pair_losses(
    student: Tensor, teacher: Tensor, marginal: Tensor, *, temperature: float, pmi_power: float
) -> tuple[Tensor, Tensor]:
    """The loss of every head, and the slope of their mean over the student's logits.

    Low where a row and its neighbour fall to one cluster and clusters are equally full. `marginal` moves first, and its
    new value is used; then a pair weighs by how far the teachers of all heads think that it belongs together:
        w = mean over heads of sum_c t(c|x) t(c|x')        pmi_h(x, x') = log sum_c (s(c|x) t(c|x'))^pmi_power / marginal_c
        loss_h = - mean over pairs of w (pmi_h(x, x') + pmi_h(x', x)) / 2
    The slope is closed: pmi_power / temperature * w * (s - r) / (2 B H), r being the share of c in the sum above.

    student, teacher: [H, C, 2B] logits; pair i is columns i and B + i.    marginal: [H, C], changed in place.
    returns: [H], and [H, C, 2B].
    source:  Adaloglou et al. 2023, arXiv:2303.17896, and its code, which averages the weight over heads and takes
             teachers on both sides of it.
    """
    heads, _, columns = student.shape
    half = columns // 2
    of_student = (student / temperature).log_softmax(dim=1)
    of_teacher = (teacher / temperature).log_softmax(dim=1)
    certain = of_teacher.exp()
    marginal.lerp_(certain.mean(dim=2), MARGINAL_RATE)

    weight = (certain[..., :half] * certain[..., half:]).sum(dim=1).mean(dim=0).repeat(2)
    taken = marginal.clamp_min(torch.finfo(marginal.dtype).tiny).log()
    terms = (of_student + of_teacher.roll(half, dims=2)).mul_(pmi_power).sub_(taken[:, :, None])
    pmi = terms.logsumexp(dim=1, keepdim=True)
    losses = -(weight * pmi[:, 0]).mean(dim=1)
    slope = of_student.exp_().sub_(terms.sub_(pmi).exp_()).mul_(weight * (pmi_power / (temperature * heads * columns)))
    return losses, slope


class Distillation:
    """Students, their teachers, and one step of training at a time.

    After every step the teachers move to the students by 1 - momentum. Weights decay, biases do not; the gain of the
    last layer decays too, as in the code.

    marginal: [H, C], how full each head thinks its clusters are; uniform at first.
    """

    def __init__(
        self,
        heads: MlpHeads | LinearHeads,
        *,
        temperature: float = 0.1,
        pmi_power: float = 0.6,
        momentum: float = 0.996,
        weight_decay: float = 1e-4,
        bfloat16: bool = False,
    ) -> None:
        self.student, self.teacher = heads, copy.deepcopy(heads).requires_grad_(False)
        self._temperature, self._pmi_power, self._momentum = temperature, pmi_power, momentum
        self._device, self._bfloat16 = next(heads.parameters()).device, bfloat16
        self.marginal = torch.full((heads.heads, heads.classes), 1 / heads.classes, device=self._device)
        biases = heads.biases()
        matrices = [one for one in heads.parameters() if all(one is not bias for bias in biases)]
        groups = [{"params": matrices, "weight_decay": weight_decay}, {"params": biases, "weight_decay": 0.0}]
        self._optimiser = torch.optim.AdamW([group for group in groups if group["params"]], lr=0.0, fused=True)
        self._of_student: list[Tensor] = list(self.student.parameters())
        self._of_teacher: list[Tensor] = list(self.teacher.parameters())

    def step(self, x: Tensor, rate: float, *, frozen: bool = False) -> Tensor:
        """Train on B pairs; x: [2B, D], row i belongs with row B + i. Gives the losses [H] before the step.

        frozen: leave the last layer as it is, decay and moments included.
        """
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._bfloat16):
            student: Tensor = self.student(x).float()
            with torch.no_grad():
                teacher: Tensor = self.teacher(x).float()
        with torch.no_grad():
            losses, slope = pair_losses(
                student, teacher, self.marginal, temperature=self._temperature, pmi_power=self._pmi_power
            )
        self._optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(student, slope)
        for one in self.student.frozen_at_first() if frozen else ():
            one.grad = None
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        self._optimiser.step()
        with torch.no_grad():
            torch._foreach_lerp_(self._of_teacher, self._of_student, 1 - self._momentum)
        return losses

    @torch.no_grad()
    def probabilities(self, x: Tensor) -> Tensor:
        """[H, C, n], of the teachers."""
        logits: Tensor = self.teacher(x)
        return (logits / self._temperature).softmax(dim=1)
