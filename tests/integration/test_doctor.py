"""What is found of a project and a machine, well or not."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from mlops.doctor import Finding, examine
from mlops.project import Project
from mlops.services.pins import pin
from tests.toy_project import TOY, Toy
from tests.toy_repository import Repository

TOPICS = [
    *("python", "libraries", "extras", "gpu", "machine", "disk", "store"),
    *("tracker", "telemetry", "ports", "deployments", "git", "clock", "locale"),
]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A toy project in which a recipe was run; to be copied."""
    root = tmp_path_factory.mktemp("ran") / "project"
    shutil.copytree(TOY, root, ignore=shutil.ignore_patterns("__pycache__"))
    Toy(root).run("recipe=chain")
    return root


@pytest.fixture
def used(ran: Path, tmp_path: Path) -> Toy:
    """A project of its own in which a recipe was run."""
    root = tmp_path / "used"
    shutil.copytree(ran, root)
    return Toy(root)


def found(toy: Toy, *topics: str, deep: bool = False) -> tuple[Finding, ...]:
    return examine(Project(toy.root), deep=deep, topics=topics or TOPICS)


def whats(toy: Toy, *topics: str, level: str, deep: bool = False) -> str:
    return "\n".join(item.what for item in found(toy, *topics, deep=deep) if item.level == level)


def test_every_topic_has_a_finding(toy: Toy) -> None:
    assert list(dict.fromkeys(item.topic for item in found(toy))) == TOPICS


def test_every_finding_that_is_not_well_has_a_fix(toy: Toy) -> None:
    assert [item for item in found(toy) if item.level != "ok" and not item.fix] == []


def test_a_project_that_is_well_ends_with_0(used: Toy) -> None:
    answer = used("doctor", "python", "disk", "store", "clock")
    assert answer.code == 0, answer.out
    assert answer.out.splitlines()[0].split() == ["level", "topic", "found"]
    assert "4 artifacts: none damaged by name or size" in answer.out


def test_a_failure_ends_with_1_and_is_told_as_json(used: Toy) -> None:
    shutil.rmtree(used.root / ".mlops" / "store" / "index")
    _lose_a_file(used)
    answer = used("doctor", "store", "--json")
    assert answer.code == 1
    assert answer.last["counts"]["fail"] == 1
    assert {"level", "topic", "what", "where", "fix"} == set(answer.last["findings"][0])


def test_nothing_is_written_into_a_project_that_is_examined(toy: Toy) -> None:
    before = sorted(toy.root.rglob("*"))
    found(toy)
    assert sorted(toy.root.rglob("*")) == before


def _lose_a_file(project: Toy) -> Path:
    folder = project.artifacts[0]
    folder.chmod(0o700)
    (folder / "data.parquet").unlink()
    return folder


def test_an_artifact_that_lost_a_file_fails(used: Toy) -> None:
    folder = _lose_a_file(used)
    assert f"artifact {folder.name[:12]} is damaged" in whats(used, "store", level="fail")


def test_a_changed_byte_is_found_when_everything_is_hashed_again(used: Toy) -> None:
    path = used.artifacts[0] / "data.parquet"
    times = path.stat()
    path.chmod(0o600)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert whats(used, "store", level="fail") == ""
    assert "has other bytes than it was stored with" in whats(used, "store", level="fail", deep=True)


def test_an_entry_whose_artifact_is_gone_is_told(used: Toy) -> None:
    used.artifacts[0].rename(used.root / "elsewhere")
    assert "0 entries of finished stages cannot be read, 1 name artifacts" in whats(used, "store", level="warn")


def test_half_made_folders_of_killed_runs_are_told(used: Toy) -> None:
    (used.root / ".mlops" / "store" / "tmp" / "abcd").mkdir()
    assert "1 half-made folders of killed runs" in whats(used, "store", level="warn")


def test_an_audit_log_that_was_changed_fails(used: Toy) -> None:
    (used.root / ".mlops" / "audit").mkdir()
    (used.root / ".mlops" / "audit" / "log.jsonl").write_text('{"number": 1}\n')
    assert "the audit log is not as it was written" in whats(used, "store", level="fail")


def test_a_database_that_is_none_fails_when_databases_check_themselves(used: Toy) -> None:
    (used.root / ".mlops" / "kept.db").write_text("no database at all, but long enough to look like one" * 100)
    assert "kept.db: file is not a database" in whats(used, "store", level="fail", deep=True)


def test_a_port_in_use_is_told(toy: Toy) -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", 3000))
            taken.listen()
        except OSError:
            pass  # somebody else holds it, which is told as well
        assert "port 3000 is taken" in whats(toy, "ports", level="warn")


def test_a_switch_that_the_library_does_not_understand_is_told(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENTOML_DO_NOT_TRACK", "1")
    item = next(item for item in found(toy, "telemetry") if item.level == "warn")
    assert "bentoml takes BENTOML_DO_NOT_TRACK=1 for a yes" in item.what
    assert item.fix == "export BENTOML_DO_NOT_TRACK=True"


def test_more_threads_than_cores_are_told(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "4096")
    assert "OMP_NUM_THREADS=4096 is more than" in whats(toy, "machine", level="warn")


def test_a_tracker_that_does_not_answer_is_told(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://user:hunter2@127.0.0.1:{closed.getsockname()[1]}")
        told = found(toy, "tracker")
    assert "the tracker does not answer" in told[0].what
    assert "hunter2" not in repr(told)


def _closed_port() -> int:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        return int(closed.getsockname()[1])


def _choose(toy: Toy, group: str, text: str) -> None:
    folder = toy.root / "conf" / group
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "server.yaml").write_text(f"# A choice of the tests. Try: mlops doctor\n{text}\n")


@pytest.mark.parametrize("group", ["tracker", "registry"])
def test_servers_that_the_project_s_choices_name_are_asked(toy: Toy, group: str) -> None:
    _choose(toy, group, f"_target_: toy.numbers.Read\nuri: http://me:hunter2@127.0.0.1:{_closed_port()}")
    item = next(item for item in found(toy, "tracker") if item.level == "warn")
    assert f"the {group} does not answer" in item.what
    assert f"conf/{group}/server.yaml, {group}.uri" in item.where
    assert "hunter2" not in repr(item)


def test_a_server_that_answers_is_well(toy: Toy) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        _choose(toy, "tracker", f"uri: http://127.0.0.1:{server.getsockname()[1]}")
        assert "the tracker answers" in whats(toy, "tracker", level="ok")


def test_a_variable_that_a_tracker_needs_and_is_not_set_is_told(toy: Toy) -> None:
    _choose(toy, "tracker", "uri: http://${oc.env:NO_SUCH_HOST}:5000")
    item = next(item for item in found(toy, "tracker") if item.level == "warn")
    assert (item.what, item.fix) == ("the tracker needs NO_SUCH_HOST, not set", "export NO_SUCH_HOST=…")


def test_the_tracker_of_a_recipe_is_asked(toy: Toy) -> None:
    address = f"http://127.0.0.1:{_closed_port()}"
    answer = toy("doctor", "tracker", "recipe=chain", "+tracker=mlflow", f"tracker.uri={address}")
    assert answer.code == 0, answer.err
    assert f"where: {address} (recipe chain, tracker.uri)" in answer.out


def test_the_port_of_a_target_is_tried(toy: Toy) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        _choose(toy, "target", f"_target_: mlops_serve.local.Local\nhost: 127.0.0.1\nport: {port}")
        told = whats(toy, "ports", level="warn")
    assert f"port {port} is taken; mlops deploy (conf/target/server.yaml) would want it" in told


def test_a_pinned_artifact_that_is_gone_fails(used: Toy) -> None:
    pin(used.root / ".mlops", "model/flights", [used.artifacts[0].name])
    assert "which is gone" not in whats(used, "store", level="fail")
    shutil.rmtree(used.root / ".mlops" / "store")
    assert "model/flights needs artifact" in whats(used, "store", level="fail")


def test_other_texts_than_utf_8_are_told(toy: Toy) -> None:
    answer = toy("doctor", "locale", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert "not UTF-8" in answer.out


def test_git_is_looked_at(toy: Toy) -> None:
    assert "the project is in no git repository" in whats(toy, "git", level="warn")
    repository = Repository(toy.root)
    repository.begin()
    assert "main at " in whats(toy, "git", level="ok")
    repository.edit("recipes/chain.yaml", "rows: 5", "rows: 6")
    assert "changes on main are not committed" in whats(toy, "git", level="warn")
    (toy.root / ".gitignore").write_text("")
    assert ".mlops/ is not ignored" in whats(toy, "git", level="warn")


def test_an_unknown_topic_is_refused(toy: Toy) -> None:
    answer = toy("doctor", "weather")
    assert answer.code == 2
    assert "topics are python, libraries" in answer.err


def test_no_library_that_stages_use_is_loaded(toy: Toy) -> None:
    heavy = "('torch', 'ray', 'bentoml', 'mlflow', 'whylogs', 'sklearn', 'pandas', 'polars', 'numpy', 'hydra')"
    program = (
        f"import sys; from mlops.cli import main; main(['doctor']); sys.exit(any(n in sys.modules for n in {heavy}))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=toy.root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
