"""The design matrix of a linear model: quantities as they are, codes as 0/1 columns."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from pydantic import BaseModel, ConfigDict

from mlops.formats.features import PreparedFacts

__all__ = ["Design", "Floats"]

Floats = np.ndarray[Any, np.dtype[np.float64]]
Singles = np.ndarray[Any, np.dtype[np.float32]]


class Design(BaseModel):
    """Which columns of the prepared matrix make which columns of the design."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    plain: tuple[int, ...]
    """Features taken as they are."""

    flags: tuple[tuple[int, int], ...]
    """(feature, code) of each 0/1 column that follows; codes that training never saw have none."""

    @classmethod
    def of(cls, matrix: Singles, facts: PreparedFacts) -> Self:
        """Learn the codes from the train matrix (rows, features)."""
        coded = [index for index, name in enumerate(facts.features) if name in facts.categorical]
        plain = tuple(index for index in range(len(facts.features)) if index not in coded)
        flags = tuple((index, int(code)) for index in coded for code in np.unique(matrix[:, index]))
        return cls(plain=plain, flags=flags)

    def expand(self, matrix: Singles) -> Floats:
        """Make the design matrix, float64 (rows, plain + flags)."""
        made = np.empty((len(matrix), len(self.plain) + len(self.flags)), dtype=np.float64)
        made[:, : len(self.plain)] = matrix[:, list(self.plain)]
        for place, (feature, code) in enumerate(self.flags, start=len(self.plain)):
            made[:, place] = matrix[:, feature] == code
        return made

    @property
    def features(self) -> tuple[int, ...]:
        """Feature that each design column comes from."""
        return (*self.plain, *(feature for feature, _ in self.flags))
