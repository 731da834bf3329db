"""Find secrets that a recipe holds itself, where every run would keep them, rather than refers to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, SecretBytes, SecretStr

from mlops.masking import REFERENCE
from mlops.origin import KeyPath

__all__ = ["advice", "literal_secrets"]

_PASSWORD = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#@:\s]*:[^/?#@\s]+@", re.IGNORECASE)
"""An address with a password in it: scheme://user:password@host."""


def literal_secrets(given: Any, made: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, str]]:
    """Find secret fields whose text is written out, and addresses with a password in them.

    Args:
        given: values as the recipe has them, secrets as references.
        made: the model that was made of them; it knows which fields are secret.
        path: where the values stand.

    Yields:
        The key path, and what is wrong there, without the value.
    """
    if isinstance(given, Mapping):
        for key, item in given.items():
            inner = getattr(made, str(key), None) if isinstance(made, BaseModel) else _get(made, key)
            yield from literal_secrets(item, inner, (*path, str(key)))
    elif isinstance(given, list | tuple):
        for index, item in enumerate(given):
            inner = made[index] if isinstance(made, list | tuple) and index < len(made) else None
            yield from literal_secrets(item, inner, (*path, str(index)))
    elif isinstance(given, str):
        if isinstance(made, SecretStr | SecretBytes) and given and not REFERENCE.search(given):
            yield path, "is a secret that is written out, which every run would keep"
        elif _PASSWORD.match(REFERENCE.sub("", given)):
            yield path, "is an address with a password that is written out, which every run would keep"


def advice(path: KeyPath) -> str:
    """Say how to refer to a secret instead."""
    name = re.sub(r"[^A-Z0-9]+", "_", "_".join(path).upper()).strip("_")
    return f"write it as a reference, ${{oc.env:{name}}}, and export {name}=…"


def _get(made: Any, key: Any) -> Any:
    return made.get(key) if isinstance(made, Mapping) else None
