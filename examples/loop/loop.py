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

from drawing import draw
from months import Month
from world import World, frozen_loss

HERE = Path(__file__).resolve().parent
RECIPE = "flights_loop"


class Project:
    """A project of its own, and the commands typed in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "recipes").mkdir(parents=True)
        (folder / "data" / "flights").mkdir(parents=True)
        shutil.copyfile(HERE / f"{RECIPE}.yaml", folder / "recipes" / f"{RECIPE}.yaml")

    def type(self, *words: str, fails: bool = False) -> str:
        """Run one command; what it prints is returned, what it says of errors is shown."""
        print(f"  $ mlops {' '.join(words)}", flush=True)
        command = [sys.executable, "-m", "mlops", *words]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False, env=_alone())
        if (done.returncode != 0) != fails:
            sys.stderr.write(done.stdout + done.stderr)
            raise SystemExit(f"mlops {' '.join(words)} ended with {done.returncode}")
        return done.stderr if fails else done.stdout

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
    page = draw(months, project.folder / "timeline.html", fault=given.fault, bad=given.bad)
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
        month = Month(number)
        print(f"month {number}")
        rows = world.month(number, fault=number == given.fault)
        month.failed, month.loss = world.replay(rows, project.status()["url"])
        month.frozen = frozen_loss(rows, first)
        _look(project, month)
        _retrain(project, month)
        if number == given.bad:
            _bad_model(project, month)
        world.settle_rollout(project.status)
        now = project.status()
        leading = max(now["served"], key=lambda item: item["share"])
        if months and leading["version"] != months[-1].served:
            month.events.append(f"version {leading['version']} serves")
        month.served = leading["version"]
        months.append(month)
        print(f"  version {month.served} serves; log loss {month.loss:.3f}, never retrained {month.frozen:.3f}")
    return months


def _bundle(project: Project) -> Path:
    """Find the first version's bundle."""
    versions = json.loads(project.type("models", "show", RECIPE, "--json"))
    folder = Path(versions[0]["folder"])
    return folder if folder.is_absolute() else project.folder / ".mlops" / folder


def _look(project: Project, month: Month) -> None:
    found = json.loads(project.type("monitor", f"recipe={RECIPE}", "--json"))
    for seen in found["windows"][-2:]:
        if seen["start"] in found["fresh"]:
            month.alarms += [f"{item['what']} ({item['kind']})" for item in seen["findings"] if item["alarm"]]
    month.alarms = list(dict.fromkeys(month.alarms))
    if month.alarms:
        print(f"  alarms: {', '.join(month.alarms[:6])}")


def _retrain(project: Project, month: Month) -> None:
    found = json.loads(project.type("retrain", f"recipe={RECIPE}", "--json"))
    if found["outcome"] != "kept":
        month.events.append(f"retraining {found['outcome']}")
        print(f"  retraining {found['outcome']}: {'; '.join(found['reasons'])}")


def _bad_model(project: Project, month: Month) -> None:
    """A colleague leaves most columns out; the gates must not let the model through."""
    drop = "features.drop=[month,day,hour,minute,sched_dep_time,sched_arr_time,carrier,origin,dest,temp,visib,precip]"
    before = project.status()["served"]
    said = project.type("run", f"recipe={RECIPE}", drop, fails=True)
    after = project.status()["served"]
    same = [item["version"] for item in before] == [item["version"] for item in after]
    month.events.append("bad challenger refused" if same else "bad challenger was let through")
    reason = next((line for line in said.splitlines() if "gates" in line), "")
    print(f"  a bad challenger: {reason.strip()}")


def _judge(months: list[Month], given: argparse.Namespace) -> int:
    """Say whether the loop did what it should."""
    fault = next((month for month in months if month.number == given.fault), None)
    checks = {
        "every request was answered": not any(month.failed for month in months),
        "the served version changed after a retraining": len({month.served for month in months}) > 1,
        "the bad challenger changed nothing": all(
            "bad challenger was let through" not in month.events for month in months
        )
        and any("bad challenger refused" in month.events for month in months),
        "the fault was named by its column": fault is not None and any("wind_speed (drift)" in a for a in fault.alarms),
    }
    for name, good in checks.items():
        print(f"{'yes' if good else 'NO '}  {name}")
    return 0 if all(checks.values()) or not given.check else 1


if __name__ == "__main__":
    sys.exit(main())
