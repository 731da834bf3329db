"""Resolve references between keys; environment variables stay references until the moment of use.

Allowed are ``${key}`` in all of OmegaConf's forms and ``${oc.env:NAME}`` or ``${oc.env:NAME,default}``
with an upper-case NAME; every other resolver is refused, so that nothing in a recipe computes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from omegaconf import Container, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mlops.catalog import near
from mlops.errors import Fault
from mlops.origin import KeyPath, Origins, dotted
from mlops.yaml_file import plain_value

__all__ = ["Resolution", "resolve"]

_ENV = re.compile(r"\$\{oc\.env:\s*([^},$]*?)\s*(?:,\s*([^}$]*?)\s*)?\}")
_NAME = re.compile(r"[A-Z_][A-Z0-9_]*")
_RESOLVER = re.compile(r"\$\{\s*([A-Za-z_][\w.]*)\s*:")


class Resolution:
    """The resolved values with secrets as references, the secrets, and what went wrong."""

    def __init__(self, values: dict[str, Any], secrets: dict[str, str], faults: list[Fault], used: set[str]) -> None:
        self.values = values
        self.secrets = secrets
        """Variable → value, of every variable the recipe refers to."""

        self.faults = faults
        self.used = used
        """First key of every reference: sections that something reads."""


def resolve(raw: Mapping[str, Any], origins: Origins) -> Resolution:
    """Resolve every reference of a composed recipe; each failure is a fault with its place."""
    secrets: dict[str, str] = {}
    faults: list[Fault] = []
    used: set[str] = set()
    tree = _map(raw, lambda text, path: _escape(text, path, secrets=secrets, faults=faults, origins=origins))
    pending = [(path, text) for path, text in _leaves(tree) if isinstance(text, str) and "${" in text]
    if not pending:
        return Resolution(tree, secrets, faults, used)
    config = OmegaConf.create(tree)
    for path, text in pending:
        used.update(m.split(".")[0].split("[")[0] for m in re.findall(r"(?<!\\)\$\{([A-Za-z_][\w.\[\]]*)\}", text))
        try:
            value = _resolved(config, path)
        except (OmegaConfBaseException, RecursionError) as exc:
            faults.append(_failure(path, text, exc, origins=origins))
            value = None
        _put(tree, path, value)
    return Resolution(tree, secrets, faults, used)


def _escape(text: str, path: KeyPath, *, secrets: dict[str, str], faults: list[Fault], origins: Origins) -> Any:
    """Check the resolvers a value uses, and turn references to the environment into plain text."""
    if "${" not in text:
        return text
    other = [name for name in _RESOLVER.findall(text) if name != "oc.env"]
    if other:
        fix = "write ${key} or ${oc.env:NAME}"
        message = f"the resolver {other[0]!r} is not allowed"
        faults.append(Fault(dotted(path), str(origins.place(path)), message, fix))
        return None
    for name, default in _ENV.findall(text):
        problem = _env_problem(name, has_default=bool(default) or f"{name}," in text.replace(" ", ""))
        if problem:
            faults.append(Fault(dotted(path), str(origins.place(path)), *problem))
            return None
        if name in os.environ:
            secrets[name] = os.environ[name]
    whole = _ENV.fullmatch(text)
    if whole and whole[1] not in os.environ:
        return plain_value(whole[2] or "")
    return _ENV.sub(lambda m: f"\\${{oc.env:{m[1]}}}" if m[1] in os.environ else (m[2] or ""), text)


def _env_problem(name: str, *, has_default: bool) -> tuple[str, str] | None:
    if not _NAME.fullmatch(name):
        return f"{name!r} is not an allowed name of an environment variable", "use upper-case letters, digits and _"
    if name not in os.environ and not has_default:
        return f"the environment variable {name} is not set", f"export {name}=…, or write ${{oc.env:{name},default}}"
    return None


def _resolved(config: Any, path: KeyPath) -> Any:
    node: Any = config
    for key in path[:-1]:
        node = node._get_node(int(key) if OmegaConf.is_list(node) else key)  # noqa: SLF001 - the only way not to resolve
    value = node[int(path[-1]) if OmegaConf.is_list(node) else path[-1]]
    return OmegaConf.to_container(value, resolve=True) if isinstance(value, Container) else value


def _failure(path: KeyPath, text: str, exc: BaseException, *, origins: Origins) -> Fault:
    wanted = re.search(r"key '([^']*)' not found", str(exc))
    place = str(origins.place(path))
    if isinstance(exc, RecursionError) or "ecursi" in str(exc):
        return Fault(dotted(path), place, f"{text} refers to itself in a circle", "point it at a key with a value")
    if wanted:
        known = sorted({dotted(p) for p in origins.paths()})
        fix = near(wanted[1], known) if len(known) < 200 or near(wanted[1], known).startswith("did") else ""
        return Fault(dotted(path), place, f"{text} refers to {wanted[1]}, which is not set", _short(fix))
    return Fault(dotted(path), place, f"{text} cannot be resolved: {str(exc).splitlines()[0]}", "")


def _short(fix: str) -> str:
    return fix if fix.startswith("did you mean") else "name a key of this recipe"


def _map(value: Any, change: Any, path: KeyPath = ()) -> Any:
    if isinstance(value, Mapping):
        return {key: _map(item, change, (*path, key)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_map(item, change, (*path, str(index))) for index, item in enumerate(value)]
    return change(value, path) if isinstance(value, str) else value


def _leaves(value: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _leaves(item, (*path, str(index)))
    else:
        yield path, value


def _put(tree: Any, path: KeyPath, value: Any) -> None:
    for key in path[:-1]:
        tree = tree[int(key) if isinstance(tree, list) else key]
    tree[int(path[-1]) if isinstance(tree, list) else path[-1]] = value
