"""A net cut in two: what is equal in every stochastic pass, and the rest."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor, fx, nn

WHOLE_CHANNELS = (nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)
DROPOUTS = (nn.Dropout, *WHOLE_CHANNELS)  # AlphaDropout does not merely drop, so its masks would not be these


def dropouts(net: nn.Module) -> list[nn.Module]:
    """Its dropout layers that drop anything."""
    return [layer for layer in net.modules() if isinstance(layer, DROPOUTS) and layer.p > 0]


class Whole(nn.Module):
    """Everything in every pass: what is left where a net cannot be cut."""

    def forward(self, x: Tensor) -> tuple[Tensor]:
        return (x,)


def split(net: nn.Module, some: Tensor) -> tuple[nn.Module, nn.Module]:
    """(trunk, head): trunk(x) gives a tuple, and head(*trunk(x)) is net(x). No dropout is in the trunk.

    Everything that no dropout layer has touched is trunk, beside a skip connection too. The net is traced in evaluation;
    where that fails, as it does where the path depends on values, or where the two halves do not give for `some` rows the
    very numbers of the net, the trunk is nothing and the head all of it: slower, and the same samples.

    some: a few rows as the net takes them.
    """
    net.eval()
    whole = Whole(), net
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            graph = fx.symbolic_trace(net)
        cut = _cut(graph)
    except Exception:  # tracing runs the net's own code with stand-ins for tensors, and that may raise anything
        return whole
    if cut is None:
        return whole
    with torch.no_grad():
        agree = torch.equal(cut[1](*(part.clone() for part in cut[0](some.clone()))), net(some.clone()))
    return cut if agree else whole


def _cut(net: fx.GraphModule) -> tuple[nn.Module, nn.Module] | None:
    """None where there is nothing to gain, or what the halves would pass on is not tensors alone."""
    nodes, random = list(net.graph.nodes), set[fx.Node]()
    for node in nodes:
        is_drop = node.op == "call_module" and bool(dropouts(net.get_submodule(str(node.target))))
        if is_drop or any(source in random for source in node.all_input_nodes):
            random.add(node)
    passed = [
        node
        for node in nodes
        if node not in random and node.op != "get_attr" and any(user in random for user in node.users)
    ]
    if not random or all(node.op == "placeholder" for node in passed):
        return None
    trunk, head = fx.Graph(), fx.Graph()
    here: dict[fx.Node, fx.Node] = {}
    there = {node: head.placeholder(f"from_trunk_{at}") for at, node in enumerate(passed)}
    for node in nodes:
        if node.op == "output":
            head.node_copy(node, there.__getitem__)
        elif node in random:
            there[node] = head.node_copy(node, there.__getitem__)
        else:
            here[node] = trunk.node_copy(node, here.__getitem__)
            if node.op == "get_attr":
                there[node] = head.node_copy(node, there.__getitem__)
    trunk.output(tuple(here[node] for node in passed))
    return fx.GraphModule(net, trunk), fx.GraphModule(net, head)
