"""What the section ``monitor`` says: windows, what counts as drift or decay, and who is told."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, SecretStr, model_validator

from mlops.services.duration import Seconds
from mlops.services.monitor import Monitor, Subject, Watched
from mlops.stage import Part, Place
from mlops_whylogs.floors import Floors

__all__ = ["AlertPart", "WhylogsMonitor"]


class AlertPart(Part):
    """Someone who is told of alarms."""

    to: Literal["log", "file", "webhook"] = "log"
    """log: the terminal and the run's log; file: one JSON object a line; webhook: a JSON body sent by POST."""

    path: str | None = None
    """The file, relative to the project."""

    url: SecretStr | None = None
    """The webhook's URL; write a secret one as ${oc.env:NAME}. It is in no log and no error."""

    @model_validator(mode="after")
    def _has_an_address(self) -> Self:
        """Refuse a webhook that leads nowhere."""
        url = self.url.get_secret_value() if self.url else ""
        if self.to == "webhook" and not url.startswith(("http://", "https://")):
            raise ValueError("a webhook needs a `url` that begins with http:// or https://")
        return self

    @property
    def name(self) -> str:
        """What it is called in logs, and known by from look to look."""
        return f"{self.to} {self.path}" if self.path else self.to


class WhylogsMonitor(Monitor):
    """Profile each window with whylogs and compare it with the reference profile and the test metrics.

    An alarm needs an effect above its floor and, over all comparisons of a window together, more than
    chance: so many false alarms a year as are allowed, and no more with many columns or short windows.
    """

    libraries: ClassVar[tuple[str, ...]] = ("whylogs", "polars", "numpy")
    extra: ClassVar[str] = "whylogs"

    window: Literal["month"] | Annotated[Seconds, Field(gt=0)] = 86400.0
    """Length of a window: seconds, text such as 6h, 1d, 4w, or month for those of the calendar (UTC)."""

    clock: str | None = None
    """Column that says when a row happened; when null, the time it was received counts."""

    ignore: tuple[str, ...] = ()
    """Columns that are not compared, such as those that follow the seasons."""

    min_rows: Annotated[int, Field(ge=1)] = 200
    """Fewer rows are not compared: they say nothing."""

    floors: Floors = Floors()
    """From which size on a difference counts."""

    false_alarms_per_year: Annotated[float, Field(gt=0, le=1000)] = 0.5
    """How many alarms of drift to expect in a year in which nothing changes."""

    metric: str | None = None
    """Metric whose decay counts; the evaluation's headline, or log_loss or rmse, when null."""

    max_decay: Annotated[float, Field(gt=0)] = 0.1
    """Loss of that metric that is still accepted, as a share of its value on the test rows."""

    min_labels: Annotated[int, Field(ge=2)] = 200
    """Labelled rows needed before performance is judged."""

    groups: tuple[str, ...] = ()
    """Columns between whose groups the error should not differ."""

    max_gap: Annotated[float, Field(gt=0)] = 0.2
    """Difference of the error between groups from which on it counts."""

    alerts: tuple[AlertPart, ...] = (AlertPart(),)
    """Who is told of fresh alarms."""

    def look(self, subject: Subject, place: Place) -> Watched:
        """Compare every window with the reference."""
        from mlops_whylogs.looking import look

        return look(self, subject, place)
