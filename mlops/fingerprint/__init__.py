"""Digests of code, libraries, parameters and data: what a stage's result depends on."""

from mlops.fingerprint.code import CodeDigests
from mlops.fingerprint.files import FileDigests
from mlops.fingerprint.key import Ingredients, differences
from mlops.fingerprint.libraries import versions

__all__ = ["CodeDigests", "FileDigests", "Ingredients", "differences", "versions"]
