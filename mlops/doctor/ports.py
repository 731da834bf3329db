"""Ports that servers of mlops would take."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

from mlops.deploying import deployments
from mlops.doctor.choices import Choices
from mlops.doctor.finding import Finding, ok, warn
from mlops.errors import MlopsError
from mlops.project import Project
from mlops.stage import Place
from mlops.workspace import Workspace

__all__ = ["examine_ports"]

_TOPIC = "ports"
_PACKAGED = {3000: "bentoml serve"}
"""Port → what listens there when no other is named."""


def examine_ports(choices: Choices) -> Iterator[Finding]:
    """Try to take each port on 127.0.0.1; one that a deployment of this project holds is well taken."""
    ours = _held(choices.project)
    free = []
    for port, user in sorted({**_PACKAGED, **_of_targets(choices)}.items()):
        if _is_free(port):
            free.append(str(port))
        elif port in ours:
            yield ok(_TOPIC, f"port {port} is held by the deployment {ours[port]}")
        else:
            where = f"127.0.0.1:{port}"
            fix = "name another port, such as target.port=0 for any that is free"
            yield warn(_TOPIC, f"port {port} is taken; {user} would want it", where=where, fix=fix)
    if free:
        yield ok(_TOPIC, f"free: {', '.join(free)}; mlops ui takes any that is")


def _of_targets(choices: Choices) -> dict[int, str]:
    """Give the ports of targets that listen on an address of this machine; 0 stands for any that is free."""
    found = [(choice.value("port"), choice.where) for choice in choices.of("target") if choice.value("host")]
    return {port: f"mlops deploy ({where})" for port, where in found if isinstance(port, int) and port > 0}


def _held(project: Project) -> dict[int, str]:
    """Give port → the deployment of this project that listens there."""
    found = {}
    try:
        standing = deployments(Workspace(project), Place(project.root, project.state))
    except MlopsError:
        return {}
    for deployed in standing:
        port = urlsplit(deployed.url).port
        if port and deployed.phase not in ("stopped", "failed"):
            found[port] = deployed.name
    return found


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
