from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import f1_score

from mlops.errors import StageError
from mlops_evaluate.scored import Scored
from mlops_evaluate.threshold import choose_threshold

Make = Callable[..., Any]


def test_a_number_is_taken_as_given(binary: Make) -> None:
    scores, target = binary()
    assert choose_threshold(0.3, Scored(scores, target, np.ones(400))).value == 0.3


def test_best_f1_is_the_best_over_all_scores(binary: Make) -> None:
    scores, target = binary(60)
    chosen = choose_threshold("best_f1", Scored(scores, target, np.ones(60))).value
    every = [f1_score(target, scores[:, 1] >= score) for score in scores[:, 1]]
    assert f1_score(target, scores[:, 1] >= chosen) == max(every)


def test_best_f1_without_positive_rows_says_what_to_do() -> None:
    scored = Scored(np.array([[0.4, 0.6]]), np.array([0]), np.ones(1))
    with pytest.raises(StageError, match="validation part has no positive rows") as caught:
        choose_threshold("best_f1", scored)
    assert "set threshold to a number" in caught.value.fix
