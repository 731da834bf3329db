"""Looks at what a deployed model was asked and what came true."""

from mlops.watching.looking import look_at, look_at_files
from mlops.watching.subject import Loop
from mlops.watching.view import described

__all__ = ["Loop", "described", "look_at", "look_at_files"]
