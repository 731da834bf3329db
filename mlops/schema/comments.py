"""The comment that opens a shipped YAML file: what it is, and the command to try it."""

from __future__ import annotations

from itertools import takewhile

__all__ = ["opening"]


def opening(text: str) -> list[str]:
    """Read the lines of the comment that opens a file; lines for machines are left out."""
    lines = [line.strip() for line in takewhile(lambda line: line.lstrip().startswith("#"), text.splitlines())]
    words = [line.lstrip("#").strip() for line in lines]
    return [line for line in words if line and not line.startswith(("yaml-language-server:", "@package"))]
