"""Small prepared parts for testing model families and what comes after features."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops.formats.features import Block, Prepared, PreparedFacts
from mlops.formats.splits import PARTS
from mlops.formats.table import Task

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    Floats = np.ndarray[Any, np.dtype[Any]]

__all__ = ["make_prepared", "make_prepared_images", "make_prepared_texts"]

_CLASSES: Mapping[Task, tuple[str, ...]] = {"binary": ("no", "yes"), "multiclass": ("a", "b", "c"), "regression": ()}


def make_prepared(folder: Path, task: Task, *, rows: int = 300, weighed: bool = False) -> Prepared:
    """Make small prepared parts that any family can learn: two quantities and one code decide the target.

    Args:
        folder: where to write; made, must not exist.
        task: what the target is.
        rows: rows of train; validation and test have half as many.
        weighed: give rows weights.
    """
    import numpy as np

    folder.mkdir(parents=True)
    rng = np.random.default_rng(7)
    parts = {part: _part(rng, task, rows if part == "train" else rows // 2, weighed=weighed) for part in PARTS}
    facts = PreparedFacts(
        task=task,
        target="y",
        features=("first", 'se"cond, [odd]', "code"),
        categorical=("code",),
        classes=_CLASSES[task],
    )
    return Prepared.create(folder, parts, facts=facts)


def make_prepared_images(
    folder: Path, task: Task, *, rows: int = 300, shape: tuple[int, int, int] = (1, 8, 8)
) -> Prepared:
    """Make small prepared images: where a bright bar stands, and one quantity beside it, decide the target.

    Args:
        folder: where to write; made, must not exist.
        task: what the target is.
        rows: rows of train; validation and test have half as many.
        shape: channels, height (at least 6) and width of the images.
    """
    return _make_blocks(folder, task, Block(name="picture", kind="image", shape=shape), rows=rows)


def make_prepared_texts(folder: Path, task: Task, *, rows: int = 300, words: int = 12) -> Prepared:
    """Make small prepared texts: which words a text has, and one quantity beside it, decide the target.

    Args:
        folder: where to write; made, must not exist.
        task: what the target is.
        rows: rows of train; validation and test have half as many.
        words: most words of a text; some have none.
    """
    return _make_blocks(folder, task, Block(name="words", kind="tokens", shape=(words,), vocabulary=30), rows=rows)


def _make_blocks(folder: Path, task: Task, block: Block, *, rows: int) -> Prepared:
    """Make parts with a quantity, a code that means nothing, and a block."""
    import numpy as np

    folder.mkdir(parents=True)
    rng = np.random.default_rng(7)
    parts = {part: _block_part(rng, task, block, rows if part == "train" else rows // 2) for part in PARTS}
    facts = PreparedFacts(
        task=task,
        target="y",
        features=("first", "code", *(f"{block.name} {place}" for place in range(block.width))),
        categorical=("code",),
        classes=_CLASSES[task],
        blocks=(block,),
    )
    return Prepared.create(folder, parts, facts=facts)


def _block_part(rng: np.random.Generator, task: Task, block: Block, rows: int) -> pl.DataFrame:
    import numpy as np
    import polars as pl

    first = rng.normal(size=rows).astype(np.float32)
    content, meaning = (_images if block.kind == "image" else _texts)(rng, block, rows)
    value = 2.0 * meaning + first
    target = {"binary": value > 0, "multiclass": np.digitize(value, [-1.0, 1.0]), "regression": value}[task]
    columns = {
        "first": first,
        "code": rng.integers(0, 3, rows).astype(np.float32),
        block.name: pl.Series(content.astype(np.float32), dtype=pl.Array(pl.Float32, block.shape)),
        "__target__": target.astype(np.float64 if task == "regression" else np.int64),
    }
    return pl.DataFrame(columns)


def _images(rng: np.random.Generator, block: Block, rows: int) -> tuple[Floats, Floats]:
    """Noise with a bright bar of three lines at the upper edge (meaning 1) or a dim one at the lower (meaning -1)."""
    import numpy as np

    images = rng.uniform(0, 0.2, (rows, *block.shape))
    meaning = rng.choice([-1.0, 1.0], rows)
    for image, side in zip(images, meaning, strict=True):
        top = 0 if side > 0 else block.shape[1] - 3
        image[:, top : top + 3, :] += 0.8 if side > 0 else 0.4
    return np.asarray(images), meaning


def _texts(rng: np.random.Generator, block: Block, rows: int) -> tuple[Floats, Floats]:
    """Texts of up to as many words as fit: those below 16 mean 1, the others -1, a text the mean of its words."""
    import numpy as np

    words = rng.integers(1, block.vocabulary, (rows, block.width))
    lengths = rng.integers(0, block.width + 1, rows)
    words[np.arange(block.width) >= lengths[:, None]] = 0
    meanings = np.where(words == 0, 0.0, np.where(words < 16, 1.0, -1.0))
    return words, meanings.sum(axis=1) / np.maximum(lengths, 1)


def _part(rng: np.random.Generator, task: Task, rows: int, *, weighed: bool) -> pl.DataFrame:
    import numpy as np
    import polars as pl

    first, second = rng.normal(size=(2, rows)).astype(np.float32)
    code = rng.integers(0, 4, rows)
    value = 2.0 * first - second + np.array([0.0, 1.0, -1.0, 2.0])[code]
    target = {"binary": value > 0, "multiclass": np.digitize(value, [-1.0, 1.0]), "regression": value}[task]
    columns = {
        "first": first,
        'se"cond, [odd]': second,
        "code": code.astype(np.float32),
        "__target__": target.astype(np.float64 if task == "regression" else np.int64),
    }
    return pl.DataFrame(columns | ({"__weight__": rng.uniform(0.5, 2.0, rows)} if weighed else {}))
