from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from mlops.environment import begin, capture, cgroup_limits
from mlops.probes import Probe, parse_gpus, parse_status

Git = Callable[..., None]

GPU_XML = dedent(
    """\
    <?xml version="1.0" ?>
    <!DOCTYPE nvidia_smi_log SYSTEM "nvsmi_device_v12.dtd">
    <nvidia_smi_log>
      <timestamp>Mon Jan  1 00:00:00 2024</timestamp>
      <driver_version>550.54.15</driver_version>
      <cuda_version>12.4</cuda_version>
      <attached_gpus>2</attached_gpus>
      <gpu id="00000000:01:00.0">
        <product_name>NVIDIA H100 80GB HBM3</product_name>
        <serial>123</serial>
        <fb_memory_usage><total>81559 MiB</total><used>1 MiB</used></fb_memory_usage>
      </gpu>
      <gpu id="00000000:02:00.0">
        <product_name>NVIDIA A10</product_name>
        <fb_memory_usage><total>23028 MiB</total></fb_memory_usage>
      </gpu>
    </nvidia_smi_log>
    """
).encode()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


@pytest.fixture
def git(project: Path) -> Git:
    def call(*words: str) -> None:
        who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
        subprocess.run(["git", *who, *words], cwd=project, check=True, capture_output=True)

    call("init", "--initial-branch=trunk")
    (project / "recipe.yaml").write_text("lr: 1\n")
    call("add", ".")
    call("commit", "-m", "first")
    return call


def git_of(project: Path) -> Any:
    return capture(project)["git"]


def test_a_clean_tree_tells_commit_and_branch(project: Path, git: Git) -> None:
    facts = git_of(project)
    assert len(facts.pop("commit")) == 40
    assert facts == {"branch": "trunk", "dirty": False}


def test_a_changed_file_is_told_with_a_digest_of_the_change(project: Path, git: Git) -> None:
    (project / "recipe.yaml").write_text("lr: 2\n")
    first = git_of(project)
    (project / "recipe.yaml").write_text("lr: 3\n")
    assert first["dirty"]
    assert first["diff_digest"] != git_of(project)["diff_digest"]


def test_changed_bytes_of_a_binary_file_change_the_digest(project: Path, git: Git) -> None:
    (project / "model.bin").write_bytes(b"\0one")
    git("add", ".")
    git("commit", "-m", "binary")
    (project / "model.bin").write_bytes(b"\0two")
    first = git_of(project)["diff_digest"]
    (project / "model.bin").write_bytes(b"\0six")
    assert first != git_of(project)["diff_digest"]


def test_a_staged_change_counts_like_any_other(project: Path, git: Git) -> None:
    (project / "recipe.yaml").write_text("lr: 2\n")
    before = git_of(project)
    git("add", ".")
    assert git_of(project) == before


def test_an_untracked_file_counts_by_its_name(project: Path, git: Git) -> None:
    (project / "new.py").write_text("1")
    first = git_of(project)
    (project / "new.py").write_text("2")
    same = git_of(project)
    (project / "other.py").write_text("2")
    assert first["dirty"]
    assert "diff_digest" not in first
    assert first == same
    assert first["untracked_digest"] != git_of(project)["untracked_digest"]


def test_ignored_files_and_our_own_do_not_count(project: Path, git: Git) -> None:
    (project / ".gitignore").write_text("*.log\n")
    git("add", ".")
    git("commit", "-m", "ignore")
    (project / "a.log").write_text("1")
    (project / "deep" / ".mlops" / "runs").mkdir(parents=True)
    (project / "deep" / ".mlops" / "runs" / "run.json").write_text("{}")
    assert not git_of(project)["dirty"]


def test_before_the_first_commit_the_tree_is_dirty_and_has_no_commit(project: Path) -> None:
    subprocess.run(["git", "init", "--initial-branch=trunk"], cwd=project, check=True, capture_output=True)
    (project / "new.py").write_text("1")
    facts = git_of(project)
    assert (facts["commit"], facts["branch"], facts["dirty"]) == ("", "trunk", True)


def test_away_from_any_branch_there_is_no_branch(project: Path, git: Git) -> None:
    git("checkout", "--detach")
    assert git_of(project)["branch"] == ""


def test_outside_a_repository_nothing_is_told(project: Path) -> None:
    assert git_of(project) is None


def test_without_git_nothing_is_told(project: Path, git: Git, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(project))
    assert git_of(project) is None


def test_a_folder_that_is_gone_is_no_error(tmp_path: Path) -> None:
    assert git_of(tmp_path / "gone") is None


def test_odd_names_of_untracked_files_are_read_whole() -> None:
    said = b"# branch.oid abc\0# branch.head a b\0? with space\0? new\nline\0? \xff\0u UU N... 1 2 3 4 a b c file\0"
    assert parse_status(said) == ("abc", "a b", [b"with space", b"new\nline", b"\xff"], True)


def test_python_and_libraries_are_told(project: Path) -> None:
    facts = capture(project)
    assert facts["python"]["version"] == sys.version.split()[0]
    assert facts["python"]["executable"] == Path(sys.executable).name
    assert "pydantic" in facts["libraries"]


def test_the_machine_is_told_without_its_name(project: Path) -> None:
    facts = capture(project)
    assert facts["cpu"]["count"] == os.cpu_count()
    assert facts["cpu"]["model"]
    assert facts["memory_bytes"] > 0
    assert os.uname().nodename not in str({name: value for name, value in facts.items() if name != "libraries"})


def test_facts_may_be_asked_for_early_and_read_late(project: Path, git: Git) -> None:
    early = begin(project)
    assert early.finish()["git"]["branch"] == "trunk"


def test_a_long_change_does_not_wait_for_its_reader(project: Path, git: Git) -> None:
    (project / "recipe.yaml").write_text("lr: 2\n" * 100_000)
    early = begin(project)
    difference = early._git[1]._process
    assert difference is not None
    difference.wait(timeout=20)
    assert early.finish()["git"]["diff_digest"]


def test_programs_that_nobody_waits_for_are_ended(project: Path) -> None:
    capturing = begin(project)
    capturing.abandon()
    assert all(probe._process is None or probe._process.returncode is not None for probe in capturing._git)


def test_a_program_that_fails_says_nothing() -> None:
    assert Probe("false").read() is None


def test_a_program_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlops.probes._PATIENCE_S", 0.05)
    assert Probe("sleep", "60").read() is None


def test_gpus_are_read_with_driver_and_cuda() -> None:
    shared = {"driver": "550.54.15", "cuda": "12.4"}
    assert parse_gpus(GPU_XML) == [
        {"name": "NVIDIA H100 80GB HBM3", "memory": "81559 MiB"} | shared,
        {"name": "NVIDIA A10", "memory": "23028 MiB"} | shared,
    ]


@pytest.mark.parametrize("said", [b"", b"No devices were found", b"<nvidia_smi_log>", GPU_XML[:400]])
def test_what_is_not_a_gpu_report_names_no_gpus(said: bytes) -> None:
    assert parse_gpus(said) == []


def test_the_driver_s_program_is_asked_when_it_is_there(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report, program = tmp_path / "report.xml", tmp_path / "nvidia-smi"
    report.write_bytes(GPU_XML)
    program.write_text(f"#!/bin/sh\ncat {report}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert [gpu["name"] for gpu in capture(project)["gpus"]] == ["NVIDIA H100 80GB HBM3", "NVIDIA A10"]


def lay(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_a_container_s_limits_are_the_tightest_above_the_process(tmp_path: Path) -> None:
    lay(
        tmp_path,
        {
            "membership": "0::/pod/job\n",
            "group/pod/cpu.max": "150000 100000\n",
            "group/pod/memory.max": "1048576\n",
            "group/pod/job/cpu.max": "max 100000\n",
            "group/pod/job/memory.max": "2097152\n",
        },
    )
    assert cgroup_limits(tmp_path / "group", tmp_path / "membership") == (1.5, 1048576)


def test_limits_of_the_first_version_are_read_too(tmp_path: Path) -> None:
    lay(
        tmp_path,
        {
            "membership": "4:memory:/job\n3:cpu,cpuacct:/job\n2:pids:/job\n",
            "group/cpu,cpuacct/job/cpu.cfs_quota_us": "200000",
            "group/cpu,cpuacct/job/cpu.cfs_period_us": "100000",
            "group/memory/job/memory.limit_in_bytes": "1048576",
        },
    )
    assert cgroup_limits(tmp_path / "group", tmp_path / "membership") == (2.0, 1048576)


def test_no_limit_is_none(tmp_path: Path) -> None:
    lay(
        tmp_path,
        {
            "membership": "0::/\n",
            "group/cpu.max": "max 100000",
            "group/memory.max": "max",
            "group/cpu.cfs_quota_us": "-1",
        },
    )
    assert cgroup_limits(tmp_path / "group", tmp_path / "membership") == (None, None)


def test_a_system_without_control_groups_has_no_limit(tmp_path: Path) -> None:
    assert cgroup_limits(tmp_path / "gone", tmp_path / "gone") == (None, None)
