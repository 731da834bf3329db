"""The reference of all keys."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import BaseModel, Field

from mlops.errors import ProjectError
from mlops.reference import pages, write_pages
from mlops.reference.keys import cell, key_table, table
from mlops.stage import Part

COMMITTED = Path(__file__).parents[2] / "docs" / "reference"
COMMAND = "python -m mlops.reference docs/reference"


class Yeast(BaseModel):
    grams: Annotated[float, Field(gt=0)] = 5.0
    """How much | how little."""


class Oven(Part):
    """Bakes."""


class Loaf(BaseModel):
    flour: str
    """Kind of ``flour``."""

    yeast: Yeast = Yeast()
    """What makes it rise."""

    by_day: dict[str, Yeast] = {}
    seeds: tuple[Yeast, ...] | None = None
    oven: Oven = Oven()


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    return pages()


def _row(model: type[BaseModel], key: str) -> str:
    return next(line for line in key_table(model).splitlines() if line.startswith(f"| `{key}` |"))


def test_a_key_has_type_default_limits_and_meaning() -> None:
    assert _row(Loaf, "flour") == "| `flour` | text | *required* |  | Kind of `flour`. |"
    assert _row(Yeast, "grams") == "| `grams` | number | `5.0` | > 0 | How much \\| how little. |"


@pytest.mark.parametrize("key", ["yeast.grams", "by_day.NAME.grams", "seeds[].grams"])
def test_a_nested_key_has_its_whole_path(key: str) -> None:
    assert "> 0" in _row(Loaf, key)


def test_a_section_with_keys_of_its_own_has_no_default() -> None:
    assert _row(Loaf, "yeast").split(" | ")[2].strip() == ""


def test_a_cell_stays_one_cell() -> None:
    assert cell("a | b\nc") == "a \\| b c"
    assert table(("x",), [("a|b",)]).splitlines()[2] == "| a\\|b |"


def test_a_model_without_keys_has_no_table() -> None:
    assert key_table(Oven) == ""


@pytest.mark.parametrize("page", ["README.md", "recipe.md", "formats.md", "data.md", "model.md", "executor.md"])
def test_there_is_a_page(made: dict[str, str], page: str) -> None:
    assert made[page].count("\n# ") == 1


def test_a_groups_page_shows_each_choice_with_its_comment(made: dict[str, str]) -> None:
    page = made["split.md"]
    assert "### `split: random`" in page
    assert "`mlops run recipe=" in page
    assert "| `leaks.duplicates` | one of fail, warn, off |" in page


def test_the_reserved_keys_are_listed(made: dict[str, str]) -> None:
    keys = ("inputs", "resources.cpus", "executor", "retries", "timeout", "enabled")
    assert [key for key in keys if f"| `{key}` |" not in made["recipe.md"]] == []


def test_every_link_leads_somewhere(made: dict[str, str]) -> None:
    links = {(name, link) for name, text in made.items() for link in re.findall(r"\]\(([^)]+)\)", text)}
    titles = {
        f"{name}#{title}" for name, text in made.items() for title in re.findall(r"^## (\w+)$", text, re.MULTILINE)
    }
    assert [(name, link) for name, link in sorted(links) if link not in made and link not in titles] == []


def test_every_key_of_every_page_has_a_meaning(made: dict[str, str]) -> None:
    empty = [line for text in made.values() for line in text.splitlines() if re.match(r"\| `[^|]+\|.*\|\s*\|$", line)]
    assert empty == []


def test_removes_pages_of_what_is_gone(tmp_path: Path) -> None:
    write_pages(tmp_path)
    (tmp_path / "data.md").rename(tmp_path / "gone.md")
    (tmp_path / "notes.md").write_text("mine")
    written = write_pages(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*written, "notes.md"])


def test_overwrites_nothing_that_it_did_not_write(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(ProjectError, match="was not generated"):
        write_pages(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]


def test_the_committed_pages_are_up_to_date(made: dict[str, str]) -> None:
    committed = {path.name: path.read_text(encoding="utf-8") for path in COMMITTED.glob("*.md")}
    stale = sorted(name for name in {*made, *committed} if made.get(name) != committed.get(name))
    assert stale == [], f"docs/reference is out of date; run: {COMMAND}"
