"""The last step of the way: deployments that serve now what a lineage leads to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from mlops.ancestry.holding import Now
from mlops.ancestry.model import Node
from mlops.services.target import Deployed, Served

__all__ = ["with_deployments"]

_PREFIX = "deployment:"


def with_deployments(nodes: Sequence[Node], asked: str, now: Now) -> tuple[Node, ...]:
    """Add the deployments that serve a version among the nodes, and tell how those are that a stage brought about.

    Args:
        nodes: of a lineage, without what holds now.
        asked: a deployment that belongs to it even where it serves nothing at this moment.
        now: tells how deployments are; not asked where the lineage leads to no version.
    """
    if not asked and not any(node.kind in ("model", "deployment") for node in nodes):
        return tuple(nodes)
    found = {f"{_PREFIX}{deployed.name}": deployed for deployed in now.deployments}
    brought = [_brought(node, found[node.id], nodes) if node.id in found else node for node in nodes]
    present = {node.id for node in nodes}
    return (*brought, *_added([item for name, item in found.items() if name not in present], nodes, asked))


def _added(deployments: Sequence[Deployed], nodes: Sequence[Node], asked: str) -> Iterator[Node]:
    for deployed in deployments:
        reads = _reads(deployed, nodes, always=deployed.name == asked)
        if reads or deployed.name == asked:
            title = deployed.name
            yield Node(f"{_PREFIX}{title}", "deployment", title, {"target": deployed.target} | _now(deployed), reads)


def _brought(node: Node, deployed: Deployed, nodes: Sequence[Node]) -> Node:
    """Tell of a deployment that a stage brought about how it is now, which may be another version's."""
    return replace(node, facts={**node.facts, **_now(deployed)}, reads=(*node.reads, *_reads(deployed, nodes)))


def _reads(deployed: Deployed, nodes: Sequence[Node], *, always: bool = False) -> tuple[str, ...]:
    """Name what a deployment serves: a registered version, or else the stage that made the bundle."""
    if deployed.phase == "stopped" and not always:
        return ()
    served = {f"model:{item.model}@{item.version}" for item in deployed.served}
    models = tuple(node.id for node in nodes if node.id in served)
    digests = {item.digest for item in deployed.served}
    makers = [node.id for node in nodes if node.kind == "stage" and digests & set(node.outputs.values())]
    return models or tuple(makers[:1])


def _now(deployed: Deployed) -> dict[str, str]:
    """Say which versions a deployment has, how much each answers, and in which phase it is."""
    shares = ", ".join(f"{item.model}@{item.version} {_share(item)}" for item in deployed.served)
    failed = f" ({deployed.note})" if deployed.phase == "failed" and deployed.note else ""
    return {"serves now": shares or "nothing", "phase": f"{deployed.phase}{failed}"}


def _share(served: Served) -> str:
    return "looks on" if served.shadow else f"{served.share:.0%}"
