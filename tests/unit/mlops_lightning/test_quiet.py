from __future__ import annotations

import logging
import warnings

import pytest

from mlops_lightning.quiet import quiet

LOG = logging.getLogger("mlops.stage")


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(record.levelname, record.getMessage()) for record in caplog.records]


def test_a_warning_is_a_line_of_the_log_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG"), quiet(LOG):
        warnings.warn("the rows are strange", UserWarning, stacklevel=1)
        warnings.warn("the rows are strange", UserWarning, stacklevel=1)
    assert told(caplog) == [("WARNING", "UserWarning: the rows are strange")]


def test_what_a_library_says_of_itself_is_for_debugging(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG"), quiet(LOG):
        warnings.warn_explicit("few workers", UserWarning, "/site-packages/lightning/loops.py", 1)
    assert told(caplog) == [("DEBUG", "UserWarning: few workers")]


@pytest.mark.parametrize("kind", [FutureWarning, DeprecationWarning])
def test_what_will_change_in_a_library_is_for_debugging(caplog: pytest.LogCaptureFixture, kind: type[Warning]) -> None:
    with caplog.at_level("DEBUG"), quiet(LOG):
        warnings.warn_explicit("it will go", kind, "/lib/python3.11/copyreg.py", 105)
    assert told(caplog) == [("DEBUG", f"{kind.__name__}: it will go")]


def test_the_libraries_loggers_say_errors_only_and_then_what_they_did_before() -> None:
    theirs = logging.getLogger("torch.onnx")
    theirs.setLevel(logging.INFO)
    with quiet(LOG):
        assert theirs.getEffectiveLevel() == logging.ERROR
    assert theirs.level == logging.INFO


def test_warnings_are_what_they_were_after_an_error() -> None:
    before = warnings.showwarning
    with pytest.raises(ValueError, match="broken"), quiet(LOG):
        raise ValueError("broken")
    assert warnings.showwarning is before
