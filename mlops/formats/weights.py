"""How much each row counts in a fit: the table's weights, and classes made equally heavy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlops.formats.features import Prepared
from mlops.formats.splits import PartName

if TYPE_CHECKING:
    import numpy as np

    Floats = np.ndarray[Any, np.dtype[np.float64]]

__all__ = ["row_weights"]


def row_weights(prepared: Prepared, part: PartName, *, balanced: bool = False) -> Floats | None:
    """Weigh the rows of a part.

    Args:
        prepared: the prepared parts.
        part: whose rows to weigh.
        balanced: multiply each row by n / (classes × n of its class), counted on train rows, so
            that all classes weigh the same there (G. King and L. Zeng, "Logistic Regression in
            Rare Events Data", 2001). No effect on regression.

    Returns:
        float64 (rows,), or None when every row counts the same.
    """
    weight = prepared.weight(part)
    classes = len(prepared.facts.classes)
    if not balanced or not classes:
        return weight
    import numpy as np

    counts = np.bincount(prepared.target("train"), minlength=classes)
    factors = counts.sum() / (classes * np.maximum(counts, 1))
    heavy: Floats = factors[prepared.target(part)]
    return heavy if weight is None else heavy * weight
