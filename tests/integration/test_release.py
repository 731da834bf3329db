"""From gates to a deployment, as a person runs it: with parts of a user's own, and with MLflow's registry."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlops.errors import ArtifactDamaged
from mlops.services.audit import AuditLog
from mlops.services.promotion import rollback
from mlops.services.registry import CHAMPION
from mlops.stage import Place
from mlops.testing.registry import make_new_version
from mlops_mlflow.registry import MLflow
from tests.release_parts import FileTarget, JsonRegistry
from tests.toy_project import Toy

PARTS = Path(__file__).parents[1] / "release_parts.py"
RECIPE = """
# A model of one's own parts: mlops run recipe=shop
defaults:
  - data: table
  - split: stratified
  - features: table
  - model: linear
  - train: default
  - evaluate: default
  - bundle: onnx
  - registry: {registry}
  - gates: default
  - register: default
  - deploy: default
  - target: file
  - strategy: at_once
stages: [data, split, features, train, evaluate, bundle, gates, register, deploy]
data: {{path: recipes/data/telco_churn.parquet, limit: 1500, target: churn, task: binary}}
evaluate: {{bootstrap: 20}}
gates:
  rules:
    champion: {{resamples: 100, margin: 0.05}}
    latency: {{mode: off}}
    few: {{_target_: release_parts.FewColumns}}
"""
WORSE = "model.strength=1e9"
OTHER = "model.strength=2.0"


def project(root: Path, registry: str) -> Toy:
    choices = {"target/file": "FileTarget", "strategy/at_once": "AtOnce", "registry/json": "JsonRegistry"}
    for name, target in choices.items():
        path = root / "conf" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"# A part of one's own: mlops run recipe=shop\n_target_: release_parts.{target}\n")
    for folder in ("recipes", "plugins"):
        (root / folder).mkdir()
    (root / "recipes" / "shop.yaml").write_text(RECIPE.format(registry=registry))
    shutil.copy(PARTS, root / "plugins" / "release_parts.py")
    return Toy(root)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """A project whose gate, registry and target are its own, with one version deployed."""
    made = project(tmp_path_factory.mktemp("own"), "json")
    assert set(made.actions("recipe=shop").values()) == {"run"}
    return made


def place(of: Toy) -> Place:
    return Place(of.root, of.root / ".mlops")


def champion(of: Toy) -> int | None:
    found = JsonRegistry().holder("shop", CHAMPION, place(of))
    return found.version if found else None


def test_parts_of_ones_own_release_a_model(own: Toy) -> None:
    served = FileTarget().status("shop", place(own)).leading
    assert served is not None
    assert (served.version, champion(own)) == (1, 1)
    assert [deed.action for deed in AuditLog(own.root / ".mlops").read()][:3] == ["register", "deploy", "promote"]


def test_what_was_released_is_not_released_again(own: Toy) -> None:
    assert {step["action"] for step in own.plan("recipe=shop").values()} == {"reuse"}


def test_a_stopped_deployment_is_released_again(own: Toy) -> None:
    FileTarget().stop("shop", place(own))
    plan = own.plan("recipe=shop")
    assert (plan["deploy"]["action"], plan["deploy"]["reasons"]) == ("run", ["the deployment shop is stopped"])
    assert plan["register"]["action"] == "reuse"
    own.run("recipe=shop")
    assert FileTarget().status("shop", place(own)).phase == "steady"


def test_a_worse_model_ends_the_run_and_registers_nothing(own: Toy) -> None:
    answer = own("run", "recipe=shop", WORSE)
    assert answer.code == 1
    assert "the model is refused by 1 of" in answer.err
    assert "champion: roc_auc" in answer.err
    assert champion(own) == 1
    assert AuditLog(own.root / ".mlops").read("model/shop")[-1].action == "refused"


def test_models_are_seen_through_a_registry_of_ones_own(own: Toy) -> None:
    shown = own("models", "show", "shop", "--registry", "json", "--json")
    assert [item["version"] for item in shown.last] == [1]
    assert own("models", "show", "shop", "recipe=shop", "--json").last == shown.last
    assert "did you mean 'json'" in own("models", "list", "--registry", "jsn").err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("show", "shp"), "did you mean 'shop'?"),
        (("show", "shop@champoin"), "did you mean 'champion'?"),
        (("promote", "shop", "9", "--why", "a=b"), "versions are 1 = champion, latest"),
        (("rollback", "shop", "--why", "worse"), "version 1 is the only one that ever was"),
        (("history", "shp"), "did you mean 'shop'?"),
    ],
)
def test_what_is_not_there_is_said_with_what_is(own: Toy, words: tuple[str, ...], said: str) -> None:
    answer = own("models", *words, "--registry", "json")
    assert answer.code == 2
    assert said in answer.err


def test_a_changed_log_is_found_by_its_history(own: Toy, tmp_path: Path) -> None:
    (tmp_path / "recipes").mkdir()
    shutil.copytree(own.root / ".mlops" / "audit", tmp_path / ".mlops" / "audit")
    there = Toy(tmp_path)
    assert "the log is unbroken" in there("models", "history").out
    path = tmp_path / ".mlops" / "audit" / "log.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"promote"', b'"demote"', 1))
    answer = there("models", "history")
    assert (answer.code, answer.out) == (1, "")
    assert "line 3 was changed after it was written" in answer.err
    assert "log.jsonl:3" in answer.err


@pytest.mark.slow
def test_mlflow_keeps_the_versions(tmp_path: Path) -> None:
    made = project(tmp_path, "mlflow")
    made.run("recipe=shop")
    made.run("recipe=shop", OTHER)
    listed = made("models", "--json").last["shop"]
    assert [(item["version"], item["aliases"]) for item in listed] == [(1, []), (2, [CHAMPION])]
    moved = made("models", "rollback", "shop", "--why", "for the test", "--json").last
    assert (moved["champion"]["version"], moved["previous"]) == (1, 2)
    deeds = made("models", "history", "shop", "--json").last
    actions = ["register", "deploy", "promote", "register", "deploy", "promote", "rollback"]
    assert ([deed["action"] for deed in deeds["deeds"]], deeds["unbroken"]) == (actions, True)


WRITERS = """
import os, random, signal, sys, time
from pathlib import Path
import mlflow.tracking, mlflow.store.tracking.sqlalchemy_store
from mlops.services.promotion import promote
from mlops.services.registry import NewVersion
from mlops.stage import Place
from mlops.testing.registry import make_new_version
from mlops_mlflow.registry import MLflow

root = Path(sys.argv[1])
place, registry = Place(root, root / ".mlops"), MLflow()

def write(seed, turns):
    chance = random.Random(seed)
    with (root / f"said-{seed}").open("w", buffering=1) as said:
        for turn in range(turns):
            digest = f"{chance.randrange(20):064x}"
            version = registry.register(NewVersion("small", digest, place.state / "store" / digest), place)
            said.write(f"{version.version} {digest}\\n")
            if turn % 3 == 0:
                promote(registry, version, place, why=f"writer {seed}, turn {turn}")

def start(seed, turns):
    child = os.fork()
    if child:
        return child
    try:
        write(seed, turns)
    finally:
        os._exit(1 if sys.exc_info()[0] else 0)

patient = [start(seed, 4) for seed in range(8)]
print([os.waitpid(child, 0)[1] for child in patient], flush=True)
for round in range(2):
    seeds = [100 + 10 * round + number for number in range(3)]
    doomed = [start(seed, 10_000) for seed in seeds]
    while not all(list(root.glob(f"said-{seed}")) and (root / f"said-{seed}").stat().st_size for seed in seeds):
        time.sleep(0.01)
    for child in doomed:
        time.sleep(random.Random(round).random() / 3)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
"""


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_eight_writers_of_a_new_registry_and_kills_leave_it_whole(tmp_path: Path) -> None:
    words = [sys.executable, "-W", "ignore", "-c", WRITERS, str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=280)
    assert (done.returncode, done.stdout.strip()) == (0, str([0] * 8)), done.stderr
    there, registry = Place(tmp_path, tmp_path / ".mlops"), MLflow()
    versions = registry.versions("small", there)
    assert [item.version for item in versions] == list(range(1, len(versions) + 1))
    known = {item.version: item.digest for item in versions}
    assert len(set(known.values())) == len(versions)
    said = [line.split() for path in tmp_path.glob("said-*") for line in path.read_text().splitlines()]
    assert len(said) >= 32 + 6
    assert [line for line in said if known[int(line[0])] != line[1]] == []
    assert registry.known("small", there) == versions
    assert sum(CHAMPION in item.aliases for item in versions) == 1
    assert AuditLog(there.state).read()
    assert rollback(registry, "small", there, why="the last word").changed


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """An MLflow server that keeps artifacts, and its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [
        "--backend-store-uri",
        f"sqlite:///{tmp_path}/server.db",
        "--artifacts-destination",
        str(tmp_path / "kept"),
    ]
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "mlflow", "server", *words, "--port", str(port), "--workers", "1"],
        cwd=tmp_path,
        env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _await(f"http://127.0.0.1:{port}/health")
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def _await(url: str) -> None:
    for _ in range(600):
        try:
            with urllib.request.urlopen(url, timeout=1):  # noqa: S310 - our own server
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail("the server does not start")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_bundle_registered_on_a_server_is_fetched_and_proved_elsewhere(tmp_path: Path, server: str) -> None:
    here, there = (Place(tmp_path / name, tmp_path / name / ".mlops", "shop") for name in ("here", "there"))
    registry = MLflow(uri=server)
    made = registry.register(make_new_version(here), here)
    assert registry.register(make_new_version(here), here) == made
    registry.point("small", CHAMPION, version=1, place=here)
    found = registry.find("small", CHAMPION, there)
    folder = registry.bundle(found, there)
    assert folder.is_relative_to(there.state)
    assert (folder / "model.onnx").read_bytes() == (made.folder / "model.onnx").read_bytes()
    (folder / "model.onnx").write_text("changed")
    with pytest.raises(ArtifactDamaged, match="changed"):
        registry.bundle(found, there)
