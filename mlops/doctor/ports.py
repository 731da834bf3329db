"""Ports that servers of mlops would take."""

from __future__ import annotations

import socket
from collections.abc import Iterator

from mlops.doctor.finding import Finding, ok, warn
from mlops.project import Project

__all__ = ["PORTS", "examine_ports"]

_TOPIC = "ports"

PORTS = {5000: "mlops ui", 8000: "mlops deploy (target local)", 3000: "bentoml serve"}
"""Port → what listens there when no other is named."""


def examine_ports(project: Project) -> Iterator[Finding]:
    """Try to take each port on 127.0.0.1; one that a deployment of this project holds is well taken."""
    del project
    free = []
    for port, user in PORTS.items():
        if _is_free(port):
            free.append(str(port))
        else:
            where = f"127.0.0.1:{port}"
            yield warn(_TOPIC, f"port {port} is taken; {user} would want it", where=where, fix="name another port")
    if free:
        yield ok(_TOPIC, f"free: {', '.join(free)}")


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
