"""What is told of trackers: troubles in words, with no password in any address."""

from __future__ import annotations

import re
from collections.abc import Callable

from mlops.errors import MlopsError

__all__ = ["explained", "without_passwords"]

_USERINFO = re.compile(r"(?<=://)[^/@\s'\"]+@")


def without_passwords(text: str) -> str:
    """Hide user and password of every address in a text."""
    return _USERINFO.sub("…@", text) if "://" in text else text


def explained(exc: BaseException, mask: Callable[[str], str]) -> tuple[str, str]:
    """Say what went wrong with a tracker and how to mend it, secrets masked."""
    fix = exc.fix if isinstance(exc, MlopsError) else ""
    what = exc.what if isinstance(exc, MlopsError) else f"{type(exc).__name__}: {exc}"
    return without_passwords(mask(what)), without_passwords(mask(fix))
