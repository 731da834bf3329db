"""Whether the servers that trackers and registries name can be reached."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from mlops.doctor.choices import Choice, Choices
from mlops.doctor.finding import Finding, ok, warn

__all__ = ["examine_tracker"]

_TOPIC = "tracker"
_VARIABLE = "MLFLOW_TRACKING_URI"
_GROUPS = ("tracker", "registry")
_KEYS = ("uri", "url")
_PATIENCE_S = 3.0
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class _Server:
    """A server, and what is known of who wants it."""

    user: str
    """tracker or registry."""

    address: str
    named_by: str
    """The variable, recipe or file that names it."""

    @property
    def host(self) -> tuple[str, int]:
        """Where it listens."""
        parts = urlsplit(self.address)
        return parts.hostname or "", parts.port or _PORTS[parts.scheme]

    @property
    def shown(self) -> str:
        """Its address without a name or password in it."""
        host, port = self.host
        return f"{urlsplit(self.address).scheme}://{host}:{port}"


def examine_tracker(choices: Choices) -> Iterator[Finding]:
    """Look whether the servers answer that the environment, the recipe or the project's choices name."""
    named = [_Server("tracker", os.environ.get(_VARIABLE, ""), _VARIABLE)]
    for group in _GROUPS:
        for choice in choices.of(group):
            if choice.missing:
                fix = f"export {choice.missing[0]}=…"
                yield warn(_TOPIC, f"the {group} needs {choice.missing[0]}, not set", where=choice.where, fix=fix)
            else:
                named += _servers(group, choice)
    wanted = {(server.user, server.address): server for server in reversed(named) if _is_server(server.address)}
    for server in wanted.values():
        yield _answer(server)
    if not any(user == "tracker" for user, _ in wanted):
        yield ok(_TOPIC, "no server is named: runs are tracked in this project", where=str(choices.project.state))


def _servers(group: str, choice: Choice) -> Iterator[_Server]:
    for key in _KEYS:
        if isinstance(address := choice.value(key), str):
            yield _Server(group, address, f"{choice.where}, {group}.{key}")


def _is_server(address: str) -> bool:
    return address.startswith(("http://", "https://"))


def _answer(server: _Server) -> Finding:
    try:
        host, where = server.host, f"{server.shown} ({server.named_by})"
    except ValueError:  # a port that is no number
        fix = f"correct {server.named_by}"
        return warn(_TOPIC, f"the {server.user}'s address cannot be read", where=server.named_by, fix=fix)
    try:
        with socket.create_connection(host, timeout=_PATIENCE_S):
            pass
    except OSError as exc:
        fix = f"start the server, or correct {server.named_by}"
        later = "; runs go on and are sent later: mlops runs sync" if server.user == "tracker" else ""
        what = f"the {server.user} does not answer: {exc.strerror or exc}"
        return warn(_TOPIC, what, where=where, fix=fix + later)
    return ok(_TOPIC, f"the {server.user} answers", where=where)
