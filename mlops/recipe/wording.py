"""Words for what pydantic finds, and values written as YAML has them."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

__all__ = ["TYPES", "message_of", "shown"]

TYPES: Mapping[str, str] = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "text",
    "str": "text",
    "list": "a list",
    "tuple": "a list",
    "set": "a list",
    "frozen": "a list",
    "dict": "a mapping of keys to values",
    "mapping": "a mapping of keys to values",
    "model": "a mapping of keys to values",
    "date": "a date",
    "datetime": "a date and time",
    "time": "a time of day",
    "decimal": "a number",
}
_LIMITS = {
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "multiple_of": "must be a multiple of {multiple_of}",
    "string_pattern_mismatch": "must match {pattern}",
    "too_short": "needs at least {min_length} item(s)",
    "too_long": "takes at most {max_length} item(s)",
    "string_too_short": "needs at least {min_length} letter(s)",
    "string_too_long": "takes at most {max_length} letter(s)",
    "finite_number": "must be a finite number",
}
_LONGEST = 60


def message_of(item: Mapping[str, Any]) -> str:
    """Say what one of pydantic's errors asks for, without what it got."""
    kind: str = item["type"]
    context = item.get("ctx", {})
    if kind in _LIMITS:
        return _LIMITS[kind].format(**{key: _number(value) for key, value in context.items()})
    if kind in ("literal_error", "enum"):
        return f"must be one of {context['expected'].replace(' or ', ', ')}"
    if kind == "none_required":
        return "must be null"
    name = kind.split("_", 1)[0]
    if name in TYPES and re.search(r"_(type|parsing|from_float|parsing_size|inexact|attributes_type)$", kind):
        return f"must be {TYPES[name]}"
    return re.sub(r"^(Value error|Assertion failed), ", "", str(item["msg"]))


def _number(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def shown(value: Any) -> str:
    """Write a value as YAML has it, cut when it is long."""
    if isinstance(value, str):
        text = repr(value)
    elif isinstance(value, float) and not math.isfinite(value):
        text = ".nan" if math.isnan(value) else f"{'-' if value < 0 else ''}.inf"
    else:
        text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
