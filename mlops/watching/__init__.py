"""Looks at what a deployed model was asked and what came true."""

from mlops.watching.looking import look_at, look_at_files
from mlops.watching.subject import Loop

__all__ = ["Loop", "look_at", "look_at_files"]
