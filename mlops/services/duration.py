"""Lengths of time as a recipe writes them: seconds, or text such as 90s, 10m, 6h, 1d, 2w."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

__all__ = ["Seconds", "seconds"]

_UNITS: Mapping[str, float] = MappingProxyType({"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0})


def seconds(value: Any) -> Any:
    """Read text such as 30m as seconds; anything else is left for the field to judge."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smhdw])\s*", value) if isinstance(value, str) else None
    return float(found[1]) * _UNITS[found[2]] if found else value


_SCHEMA = {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*[smhdw]\s*$"}]}

Seconds = Annotated[float, BeforeValidator(seconds), WithJsonSchema(_SCHEMA)]
"""A length of time in seconds; give it bounds with a further ``Field``."""
