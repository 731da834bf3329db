"""The sides of `serving.py`: a service of scikit-learn by hand, and the client that asks both.

python benchmarks/serving_sides.py fit TABLE FOLDER                 # the pipeline and its service
python benchmarks/serving_sides.py ask URL BODY CLIENTS SECONDS     # the last line is what it met, as JSON
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

__all__ = ["SERVICE"]

SERVICE = '''"""A model as a service, as BentoML's documentation shows it."""

from pathlib import Path
from typing import Any

import bentoml


@bentoml.service(workers=1)
class Churn:
    def __init__(self) -> None:
        import joblib

        self.pipeline = joblib.load(Path(__file__).with_name("pipeline.joblib"))

    @bentoml.api
    async def predict(self, row: dict[str, Any]) -> dict[str, Any]:
        import pandas as pd

        scores = self.pipeline.predict_proba(pd.DataFrame([row]))[0]
        best = int(scores.argmax())
        return {"label": str(self.pipeline.classes_[best]), "scores": [float(score) for score in scores]}
'''


def main() -> None:
    """Do one side's work."""
    side, *words = sys.argv[1:]
    if side == "fit":
        fit(Path(words[0]), Path(words[1]))
    else:
        url, body, clients, seconds = words
        print(json.dumps(ask(url, Path(body).read_bytes(), clients=int(clients), seconds=float(seconds))))


def fit(table: Path, folder: Path) -> None:
    """Fit encoders and a logistic regression, and write the service."""
    import joblib  # type: ignore[import-untyped] # it has no types
    import pandas as pd
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    frame = pd.read_parquet(table)
    target, rows = frame.pop("churn"), frame
    numbers = list(rows.select_dtypes("number").columns)
    words = [name for name in rows.columns if name not in numbers]
    columns = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), numbers),
            ("words", OneHotEncoder(handle_unknown="ignore"), words),
        ]
    )
    pipeline = make_pipeline(columns, LogisticRegression(max_iter=2000)).fit(rows, target)
    joblib.dump(pipeline, folder / "pipeline.joblib")
    (folder / "service.py").write_text(SERVICE, encoding="utf-8")


def ask(url: str, body: bytes, *, clients: int, seconds: float) -> dict[str, Any]:
    """Let clients ask one after the other, each on a connection of its own that stays open."""
    import uvloop

    return dict(uvloop.run(_asked(url, body, clients=clients, seconds=seconds)))


async def _asked(url: str, body: bytes, *, clients: int, seconds: float) -> dict[str, Any]:
    import numpy as np

    times: list[float] = []
    failed: list[int] = []
    await asyncio.gather(*(_client(url, body, end=time.perf_counter() + 1, times=[], failed=failed) for _ in range(2)))
    end = time.perf_counter() + seconds
    began = time.perf_counter()
    await asyncio.gather(*(_client(url, body, end=end, times=times, failed=failed) for _ in range(clients)))
    spent = time.perf_counter() - began
    middle, tail = (float(value) for value in np.quantile(times, [0.5, 0.99]))
    return {"requests": len(times), "seconds": spent, "p50": middle, "p99": tail, "failed": len(failed)}


async def _client(url: str, body: bytes, *, end: float, times: list[float], failed: list[int]) -> None:
    place = urlsplit(url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    head = f"POST {place.path} HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Type: application/json\r\n"
    request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    while (began := time.perf_counter()) < end:
        writer.write(request)
        answer = await reader.readuntil(b"\r\n\r\n")
        size = next(line for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(int(size.partition(b":")[2]))
        if not answer.startswith(b"HTTP/1.1 200"):
            failed.append(1)
        times.append(time.perf_counter() - began)
    writer.close()


if __name__ == "__main__":
    main()
