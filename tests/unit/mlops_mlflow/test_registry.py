from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mlops.errors import ProjectError
from mlops.services.pins import pinned
from mlops.services.registry import CHAMPION, NewVersion
from mlops.stage import Place
from mlops.testing.registry import RegistryContract, make_new_version
from mlops_mlflow.database import prepared
from mlops_mlflow.registry import MLflow
from mlops_mlflow.registry_view import View

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new database of MLflow, which takes seconds to make, for tests to copy."""
    state = tmp_path_factory.mktemp("mlflow") / ".mlops"
    prepared(state)
    return state / "mlflow"


@pytest.fixture
def place(tmp_path: Path, database: Path) -> Place:
    folder = tmp_path / ".mlops" / "mlflow"
    folder.mkdir(parents=True)
    for name in ("mlflow.db", "version"):
        (folder / name).write_bytes((database / name).read_bytes())
    return Place(tmp_path, tmp_path / ".mlops", "shop", "20240101-run")


class TestContract(RegistryContract):
    @pytest.fixture
    def place(self, place: Place) -> Place:
        return place

    def registry(self) -> MLflow:
        return MLflow()


def new(place: Place, digest: str, *, model: str = "small") -> NewVersion:
    return NewVersion(model, digest * 64, place.state / "store" / digest, "run", "shop")


def test_planning_does_not_import_mlflow(place: Place) -> None:
    MLflow().register(new(place, "a"), place)
    MLflow().point("small", CHAMPION, version=1, place=place)
    code = (
        "import sys; from pathlib import Path; from mlops.stage import Place\n"
        "from mlops_mlflow.registry import MLflow\n"
        "place = Place(Path(sys.argv[1]), Path(sys.argv[1]) / '.mlops')\n"
        "print(MLflow().holder('small', 'champion', place).version, len(MLflow().known('small', place)),"
        " [name for name in ('mlflow', 'sqlalchemy', 'numpy', 'polars') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(place.root)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "1", "[]"]


def test_nothing_is_made_only_to_find_nothing(tmp_path: Path) -> None:
    place = Place(tmp_path, tmp_path / ".mlops")
    assert (MLflow().models(place), MLflow().versions("small", place)) == ((), ())
    assert not (tmp_path / ".mlops").exists()


def test_registered_bundles_are_pinned(place: Place) -> None:
    for digest in "ab":
        MLflow().register(new(place, digest), place)
    MLflow().register(new(place, "c", model="other"), place)
    assert pinned(place.state) == {"a" * 64: "model/small", "b" * 64: "model/small", "c" * 64: "model/other"}


@pytest.mark.parametrize("left", [b"", b"{", b'{"registry": "local", "versions": [{}]}', b'{"registry": "x"}'])
def test_a_view_of_no_use_is_mended_by_the_next_operation(place: Place, left: bytes) -> None:
    made = MLflow().register(new(place, "a"), place)
    view = place.state / "registry" / "small.json"
    view.write_bytes(left)
    assert MLflow().known("small", place) == ()
    MLflow().versions("small", place)
    assert MLflow().known("small", place) == (made,)


def test_the_view_of_another_registry_is_not_read(place: Place) -> None:
    made = MLflow().register(new(place, "a"), place)
    View(place.state, "http://elsewhere:5000").write("small", [made])
    assert MLflow().holder("small", CHAMPION, place) is None
    assert MLflow().known("small", place) == ()


def test_the_address_of_a_server_is_not_written_down(place: Place) -> None:
    made = MLflow().register(new(place, "a"), place)
    View(place.state, "http://me:secret@elsewhere:5000").write("small", [made])
    assert b"secret" not in (place.state / "registry" / "small.json").read_bytes()


def test_a_project_may_be_moved(place: Place, tmp_path: Path) -> None:
    MLflow().register(new(place, "a"), place)
    kept = json.loads((place.state / "registry" / "small.json").read_text())
    assert kept["versions"][0]["folder"] == "store/a"
    place.state.rename(tmp_path / "moved")
    there = Place(tmp_path, tmp_path / "moved")
    assert MLflow().versions("small", there)[0].folder == tmp_path / "moved" / "store" / "a"


def test_versions_that_mlops_did_not_make_are_passed_over(place: Place) -> None:
    from mlops_mlflow.database import client_of

    client = client_of(None, place.state)
    client.create_registered_model("foreign")
    client.create_model_version("foreign", "file:///tmp/x", await_creation_for=0)
    assert MLflow().models(place) == ()
    assert MLflow().register(new(place, "a", model="foreign"), place).version == 2


def test_an_alias_moved_in_mlflow_itself_is_seen(place: Place) -> None:
    from mlops_mlflow.database import client_of

    MLflow().register(new(place, "a"), place)
    client_of(None, place.state).set_registered_model_alias("small", CHAMPION, "1")
    assert MLflow().holder("small", CHAMPION, place) is None
    MLflow().versions("small", place)
    holder = MLflow().holder("small", CHAMPION, place)
    assert holder is not None
    assert holder.version == 1


def test_a_server_that_is_not_there_is_said_without_its_password(place: Place) -> None:
    registry = MLflow(uri="http://me:secret@127.0.0.1:9")
    with pytest.raises(ProjectError, match="does not answer") as caught:
        registry.versions("small", place)
    assert "secret" not in str(caught.value)
    assert caught.value.where == "http://127.0.0.1:9"
    assert "registry.uri" in caught.value.fix


def test_a_new_version_lies_where_it_was_made(place: Place) -> None:
    made = make_new_version(place)
    assert MLflow().bundle(MLflow().register(made, place), place) == made.folder


@pytest.mark.parametrize("name", ["../../evil", "a/b", "", "a b", "'; drop", "ü"])
def test_odd_names_of_models_are_only_unknown(place: Place, name: str) -> None:
    assert MLflow().versions(name, place) == ()
    assert MLflow().known(name, place) == ()
