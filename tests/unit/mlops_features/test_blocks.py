"""Blocks in the features stage: which columns become them, and what is prepared."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import polars as pl
import pytest
from PIL import Image

from mlops.errors import StageError
from mlops.formats import Roles, Splits
from mlops.formats.inputs import tensors
from mlops.formats.splits import PARTS
from mlops.testing import make_context
from mlops_features.features import Features, Made

SUBJECTS = ["Free money", "meeting on Monday", None, "free free offer", "the agenda"]
BODIES = ["click the link", "see you at the meeting", "click", "the link to the offer", "as said"]


def encoded(value: int) -> bytes:
    data = io.BytesIO()
    Image.fromarray(np.full((2, 2), value, dtype=np.uint8)).save(data, "PNG")
    return data.getvalue()


def rows(count: int) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "amount": [float(place) for place in range(count)],
            "subject": [SUBJECTS[place % 5] for place in range(count)],
            "body": [BODIES[place % 5] for place in range(count)],
            "picture": pl.Series([[place % 7, 0, 1, 2] for place in range(count)], dtype=pl.List(pl.UInt8)),
            "file": [encoded(place % 200) for place in range(count)],
            "spam": [place % 2 for place in range(count)],
        }
    )


def made(tmp_path: Path, section: Mapping[str, Any], *, table: pl.DataFrame | None = None) -> tuple[Made, Splits]:
    folder = tmp_path / "splits"
    folder.mkdir()
    frames = {part: (rows(20) if table is None else table) for part in PARTS}
    splits = Splits.create(folder, frames, roles=Roles(target="spam", task="binary"), checks={})
    return Features.model_validate(section).run(splits, context=make_context(tmp_path / "work")), splits


SECTIONS: list[dict[str, Any]] = [
    {"columns": ["picture"]},
    {"columns": ["file"]},
    {"columns": ["body"], "text": {"columns": ["body"], "min_documents": 1}},
    {"columns": ["body"], "text": {"encode": "tokens", "min_documents": 1}, "overrides": {"body": {"kind": "text"}}},
    {"text": {"columns": ["subject", "body"], "min_documents": 1}},
    {
        "derive": {"both": "coalesce(subject, '') || ' ' || coalesce(body, '')"},
        "columns": ["both", "amount"],
        "text": {"columns": ["both"], "min_documents": 1},
    },
]


@pytest.mark.parametrize("section", SECTIONS, ids=str)
def test_prepared_rows_are_what_the_graph_gives(tmp_path: Path, section: dict[str, Any]) -> None:
    (features, prepared), splits = made(tmp_path, section)
    facts = features.facts
    frame = splits.read("test")
    for item in facts.derived:
        frame = frame.with_columns(pl.sql_expr(item.sql).alias(item.name))
    session = onnxruntime.InferenceSession(features.graph, providers=["CPUExecutionProvider"])
    given = session.run(None, tensors(frame, facts.tensors))[0]
    assert given.shape == (20, len(facts.names))
    assert np.allclose(given, prepared.matrix("test"), atol=1e-6)


def test_blocks_come_after_single_features(tmp_path: Path) -> None:
    made_features, _ = made(tmp_path, {"drop": ["file"], "text": {"columns": ["body"], "min_documents": 1}})
    facts = made_features.prepared.facts
    assert [(block.name, block.kind) for block in facts.blocks] == [("body", "terms"), ("picture", "image")]
    assert facts.singles == ("amount", "subject")
    assert facts.features[2].startswith("body~")
    assert facts.features[-1] == "picture[3]"


def test_a_string_is_a_category_unless_it_is_named_as_text(tmp_path: Path) -> None:
    features = made(tmp_path, {"columns": ["body"]})[0].features
    assert [item.kind for item in features.facts.inputs] == ["categorical"]


def test_columns_of_text_may_be_named_by_a_pattern(tmp_path: Path) -> None:
    section = {"columns": ["type:text"], "text": {"columns": ["type:text"], "min_documents": 1}}
    features = made(tmp_path, section)[0].features
    assert [item.kind for item in features.facts.inputs] == ["text", "text"]


def test_texts_behind_a_derived_text_have_an_example_of_their_words(tmp_path: Path) -> None:
    facts = made(tmp_path, SECTIONS[-1])[0].features.facts
    assert [(item.name, item.kind) for item in facts.inputs] == [
        ("amount", "numeric"),
        ("subject", "text"),
        ("body", "text"),
    ]
    assert facts.example["subject"] == "free agenda meeting monday money"


def test_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    section = {"text": {"columns": ["body"], "min_documents": 1, "ngrams": [1, 2]}}
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    first, second = (made(tmp_path / name, section)[0] for name in ("one", "two"))
    assert first.features.graph == second.features.graph
    for one, two in zip(first, second, strict=True):
        for path in one.folder.iterdir():
            assert path.read_bytes() == (two.folder / path.name).read_bytes()


@pytest.mark.parametrize(
    ("section", "match"),
    [
        ({"text": {"columns": ["bdy"]}}, "there is no column 'bdy'"),
        ({"text": {"columns": ["amount"]}}, "the column 'amount' is Float64 and cannot be treated as text"),
        ({"text": {"columns": ["spam"]}}, "the column 'spam' has a role"),
        ({"overrides": {"amount": {"kind": "image"}}}, "'amount' is Float64 and cannot be treated as image"),
        ({"overrides": {"picture": {"scale": "robust"}}}, "'scale' means nothing for the image column 'picture'"),
    ],
)
def test_a_column_that_cannot_be_a_block_is_named(tmp_path: Path, section: dict[str, Any], match: str) -> None:
    with pytest.raises(StageError, match=match):
        made(tmp_path, section)


def test_a_row_without_a_picture_is_an_error(tmp_path: Path) -> None:
    table = rows(20).with_columns(pl.when(pl.col("amount") == 3).then(None).otherwise("picture").alias("picture"))
    with pytest.raises(StageError, match="row 3 of the column 'picture' has no picture"):
        made(tmp_path, {"columns": ["picture"]}, table=table)


def test_a_column_of_blocks_without_a_value_is_left_out(tmp_path: Path) -> None:
    table = rows(20).with_columns(pl.lit(None, dtype=pl.List(pl.UInt8)).alias("picture"))
    features = made(tmp_path, {"columns": ["picture", "amount"]}, table=table)[0].features
    assert features.facts.names == ("amount",)
