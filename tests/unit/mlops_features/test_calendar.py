"""Parts of times in the graph equal Python's calendar, before 1970 too."""

from __future__ import annotations

import datetime as dt

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from mlops_features.calendar_nodes import time_parts
from mlops_features.nodes import Nodes
from mlops_features.options import TimePart

EPOCH = dt.datetime.fromisoformat("1970-01-01")
FIRST, LAST = dt.datetime.fromisoformat("0001-01-01"), dt.datetime.fromisoformat("9999-12-31T23:59")
PARTS: tuple[TimePart, ...] = ("year", "month", "day", "dayofyear", "weekday", "hour", "minute")


@pytest.fixture(scope="module")
def session() -> onnxruntime.InferenceSession:
    nodes = Nodes("t")
    made = time_parts(nodes, "ms", wanted=PARTS)
    outputs = [helper.make_tensor_value_info(made[part], TensorProto.INT64, ["rows", 1]) for part in PARTS]
    inputs = [helper.make_tensor_value_info("ms", TensorProto.INT64, ["rows", 1])]
    graph = helper.make_graph(nodes.nodes, "t", inputs, outputs, initializer=nodes.constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


@settings(deadline=None, max_examples=200)
@given(st.datetimes(min_value=FIRST, max_value=LAST))
def test_parts_equal_pythons(session: onnxruntime.InferenceSession, moment: dt.datetime) -> None:
    milliseconds = (moment - EPOCH) // dt.timedelta(milliseconds=1)
    found = [int(value[0, 0]) for value in session.run(None, {"ms": np.array([[milliseconds]], np.int64)})]
    expected = [moment.year, moment.month, moment.day, moment.timetuple().tm_yday, moment.isoweekday()]
    assert found == [*expected, moment.hour, moment.minute]


def test_every_day_of_four_centuries(session: onnxruntime.InferenceSession) -> None:
    days = np.arange(-146_097, 146_097, dtype=np.int64)
    found = session.run(None, {"ms": (days * 86_400_000).reshape(-1, 1)})
    dates = days.astype("datetime64[D]")
    years = dates.astype("datetime64[Y]")
    assert np.array_equal(found[0].ravel(), years.astype(np.int64) + 1970)
    assert np.array_equal(found[1].ravel(), dates.astype("datetime64[M]").astype(np.int64) % 12 + 1)
    assert np.array_equal(found[2].ravel(), (dates - dates.astype("datetime64[M]")).astype(np.int64) + 1)
    assert np.array_equal(found[3].ravel(), (dates - years).astype(np.int64) + 1)
