"""Files of rows in, files of predictions out: any size, in bounded memory."""

from __future__ import annotations

from mlops.prediction.request import BadRows, Request
from mlops.prediction.streaming import Predicted, predict

__all__ = ["BadRows", "Predicted", "Request", "predict"]
