"""The loop, closed: a model of January to March meets the rest of the year, through its own HTTP server.

Every step is a command that a person could type; this program types them, plays the world (requests,
late labels, an upstream fault, a hasty colleague), and draws what happened.

    python examples/loop/loop.py                       the year
    python examples/loop/loop.py --months 4 5 6 --share 0.08 --fault 5 --bad 6
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from drawing import draw, losses
from months import Event, Month
from world import World, frozen_loss

HERE = Path(__file__).resolve().parent
RECIPE = "flights_loop"
BY_HEART = ("learning_rate=1", "rounds=100", "early_stopping=0", "num_leaves=255", "min_data_in_leaf=1")
"""What makes the bad model bad: it learns its rows by heart."""


class Project:
    """A project of its own, and the commands typed in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "recipes").mkdir(parents=True)
        (folder / "data" / "flights").mkdir(parents=True)
        shutil.copyfile(HERE / f"{RECIPE}.yaml", folder / "recipes" / f"{RECIPE}.yaml")

    def type(self, *words: str, codes: tuple[int, ...] = (0,)) -> str:
        """Run one command; what it prints is returned, or what it says of an error that was to be expected."""
        print(f"  $ mlops {' '.join(words)}", flush=True)
        command = [sys.executable, "-m", "mlops", *words]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False, env=_alone())
        if done.returncode not in codes:
            sys.stderr.write(done.stdout + done.stderr)
            raise SystemExit(f"mlops {' '.join(words)} ended with {done.returncode}")
        return done.stdout if 0 in codes else done.stderr

    def status(self) -> dict[str, Any]:
        """Ask how the deployment is."""
        found = json.loads(self.type("status", RECIPE, "--json"))
        return dict(found[0] if isinstance(found, list) else found)


def _alone() -> dict[str, str]:
    """Keep what the caller has set from reaching into the project."""
    return {name: value for name, value in os.environ.items() if not name.startswith("MLOPS_")}


def main() -> int:
    """Play the year and draw it."""
    given = _arguments()
    world = World(share=given.share)
    project = Project(given.folder)
    world.first_quarter().write_parquet(project.folder / "data" / "flights" / "2013-q1.parquet")
    print("training on January to March")
    project.type("run", f"recipe={RECIPE}")
    try:
        months = _year(project, world, given)
    finally:
        project.type("stop", RECIPE)
    page = draw(months, project.folder / "timeline.html")
    print(f"\ntimeline  {page}")
    print(f"monitor   {project.folder}/.mlops/monitoring/{RECIPE}/report.html")
    print(f"audit log {project.folder}/.mlops/audit/log.jsonl")
    return _judge(months, given)


def _arguments() -> argparse.Namespace:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--folder", type=Path, default=Path(".mlops") / "loop", help="the project that is made anew")
    made.add_argument("--months", type=int, nargs="+", default=list(range(4, 13)), help="months that are replayed")
    made.add_argument("--share", type=float, default=0.2, help="share of the flights that is used")
    made.add_argument("--fault", type=int, default=8, help="month in which wind comes in other units")
    made.add_argument("--bad", type=int, default=10, help="month in which somebody runs a bad model")
    made.add_argument("--check", action="store_true", help="fail unless the loop did what it should")
    given = made.parse_args()
    given.folder = given.folder.resolve()
    return given


def _year(project: Project, world: World, given: argparse.Namespace) -> list[Month]:
    first = _bundle(project)
    months: list[Month] = []
    for number in given.months:
        now = project.status()
        month = Month(number, _leading(now))
        print(f"month {number}: version {month.served} answers")
        rows = world.month(number, fault=number == given.fault)
        if number == given.fault:
            month.events.append(Event("fault", "the wind comes in metres a second", "wind"))
        month.rows = rows.height
        month.failed, month.loss = world.replay(rows, now["url"])
        month.frozen = frozen_loss(rows, first)
        print(f"  log loss {month.loss:.3f}, never retrained {month.frozen:.3f}")
        _look(project, month)
        _retrain(project, month)
        if number == given.bad:
            _bad_model(project, month)
        _take_over(project, world, month)
        months.append(month)
    return months


def _leading(status: dict[str, Any]) -> int:
    return int(max(status["served"], key=lambda item: item["share"])["version"])


def _take_over(project: Project, world: World, month: Month) -> None:
    """Go on asking until what is being rolled out serves, or was taken back."""
    now = world.settle_rollout(project.status)
    if _leading(now) != month.served:
        month.events.append(Event("serves", f"version {_leading(now)} takes over", f"v{_leading(now)}"))
        print(f"  version {_leading(now)} takes over")


def _bundle(project: Project) -> Path:
    """Find the first version's bundle."""
    versions = json.loads(project.type("models", "show", RECIPE, "--json"))
    folder = Path(versions[0]["folder"])
    return folder if folder.is_absolute() else project.folder / ".mlops" / folder


def _look(project: Project, month: Month) -> None:
    """Let the monitor look, and keep what it says of this month."""
    found = json.loads(project.type("monitor", f"recipe={RECIPE}", "--json"))
    for seen in found["windows"]:
        if int(seen["start"][5:7]) != month.number:
            continue
        alarms = [item for item in seen["findings"] if item["alarm"]]
        month.drifted = [item["what"] for item in alarms if item["kind"] == "drift"]
        names = list(dict.fromkeys(f"{item['what']} ({item['kind']})" for item in alarms))
        if names:
            more = f" and {len(names) - 4} more" if len(names) > 4 else ""  # noqa: PLR2004 - as many as fit a line
            month.events.append(Event("alarm", f"alarms: {', '.join(names[:4])}{more}", str(len(names))))
            print(f"  alarms: {', '.join(names)}")


def _retrain(project: Project, month: Month) -> None:
    found = json.loads(project.type("retrain", f"recipe={RECIPE}", "--json", codes=(0, 1)))
    if found["outcome"] == "kept":
        print(f"  no retraining: {'; '.join(found['reasons'])}")
        return
    held = f", {found['held']:,} rows held back" if found["held"] else ""
    month.events.append(Event("retrained", f"retraining {found['outcome']}{held}", found["outcome"]))
    print(f"  retraining {found['outcome']}{held}: {'; '.join(found['reasons'])}")


def _bad_model(project: Project, month: Month) -> None:
    """A colleague lets the model learn its rows by heart; the gates must not let it through."""
    before = project.status()["served"]
    said = project.type("run", f"recipe={RECIPE}", *(f"model.{key}" for key in BY_HEART), codes=(1,))
    same = [item["version"] for item in before] == [item["version"] for item in project.status()["served"]]
    word = "refused" if same else "let through"
    month.events.append(Event("refused", f"a colleague's bad model is {word}", word))
    reason = next((line for line in said.splitlines() if "champion" in line), "")
    print(f"  a bad model is {word}: {reason.strip()}")


def _judge(months: list[Month], given: argparse.Namespace) -> int:
    """Say whether the loop did what it should."""
    events = [event for month in months for event in month.events]
    wind = [month.number for month in months if month.drifted[:1] == ["wind_speed"]]
    served, frozen = losses(months)
    checks = {
        "every request was answered": not any(month.failed for month in months),
        "a retrained version took over": any(event.kind == "serves" for event in events),
        "the bad model changed nothing": [event.short for event in events if event.kind == "refused"] == ["refused"],
        "the fault was named by its column, in its month alone": wind == [given.fault],
        "what was served was no worse than the first model": served <= frozen,
    }
    for name, good in checks.items():
        print(f"{'yes' if good else 'NO '}  {name}")
    return 0 if all(checks.values()) or not given.check else 1


if __name__ == "__main__":
    sys.exit(main())
