"""The stage that reads a table: which source, which rows and columns, which types and roles."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mlops.formats.snapshot import Snapshot
from mlops.formats.table import Roles, Table, Task
from mlops.services.versions import at_revision
from mlops.stage import Context, Stage
from mlops_polars.fields import Expression, Flag, TypeName, Whole
from mlops_polars.sources import FORMATS, Format, format_of, is_url, sqlite_file

__all__ = ["Csv", "Data", "Taken"]


class Csv(BaseModel):
    """How a CSV file is written."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    separator: str | None = Field(default=None, min_length=1, max_length=1)
    """Character between values; a comma, or a tab when the file ends in .tsv."""

    quote: str = Field(default='"', min_length=1, max_length=1)
    """Character around values that hold a separator or a line break."""

    header: Flag = True
    """Whether the first line names the columns; without one they are column_1, column_2 and so on."""

    null_values: tuple[str, ...] = ()
    """Texts that stand for a missing value, besides an empty one."""

    decimal_comma: Flag = False
    """Whether numbers are written 3,14 rather than 3.14."""

    skip_lines: Annotated[Whole, Field(ge=0)] = 0
    """Lines to pass over before the header."""

    infer_rows: Annotated[Whole, Field(ge=1)] = 10_000
    """Rows looked at to guess the types of columns that `types` does not declare."""


class Taken(NamedTuple):
    """What reading makes."""

    table: Table
    snapshot: Snapshot


class Data(Stage):
    """Read a table from files, any fsspec URL or a database.

    The keys act in this order: rename, types, where, columns and drop, limit; so each of them
    uses the new names, and `where` may use a column that is dropped.
    """

    libraries: ClassVar[tuple[str, ...]] = ("polars",)
    located_by: ClassVar[tuple[str, ...]] = ("rev",)

    path: str = Field(min_length=1, examples=["data/flights.parquet", "s3://bucket/2024-*.csv", "sqlite:///sales.db"])
    """File, glob, fsspec URL (memory://, s3://, https://) or database URL; files are read in order of name."""

    rev: str | None = Field(default=None, min_length=1, examples=["v1.0"])
    """Commit, tag or branch whose content of `path` is read, whether DVC or git keeps it; the workspace when not given.

    It does not count for reuse: the content that it leads to does.
    """

    format: Format | None = None
    """Format of the source; told from the suffix when not given."""

    query: str | None = Field(
        default=None, pattern=r"(?is)^\s*(select|with|values|from)\b", examples=["select * from t"]
    )
    """SQL to read with, for a database; add an `order by`, or the rows may come in another order next time."""

    options: dict[str, Any] = Field(default_factory=dict)
    """Keywords for the fsspec file system of a URL, such as a key, a secret or an endpoint."""

    version: str | None = None
    """Your label for the state of a source that cannot be fingerprinted; change it to read again."""

    csv: Csv = Csv()
    """How a CSV file is written."""

    rename: dict[str, str] = Field(default_factory=dict)
    """New names of columns: old name to new name."""

    types: dict[str, TypeName] = Field(default_factory=dict)
    """Declared types of columns; a value that does not fit one is an error, never a silent null."""

    where: Expression | None = Field(default=None, examples=["delayed15 is not null"])
    """SQL expression over the columns that is true for the rows to keep."""

    columns: tuple[str, ...] = ()
    """Columns to keep, in this order; all when not given."""

    drop: tuple[str, ...] = ()
    """Columns to leave out."""

    limit: Annotated[Whole, Field(ge=1)] | None = None
    """Most rows to keep: the first ones that `where` lets through."""

    target: str | None = None
    """Column to predict."""

    task: Task | None = None
    """What kind of prediction it is."""

    time: str | None = None
    """Column that orders the rows in time."""

    group: str | None = None
    """Column whose equal values belong together, such as a customer or a patient."""

    weight: str | None = None
    """Column that weighs each row in training and evaluation."""

    id: tuple[str, ...] = ()
    """Columns that name a row; never features."""

    @model_validator(mode="after")
    def _agree(self) -> Self:
        """Refuse keys that contradict one another."""
        if self.chosen_format is None:
            known = ", ".join(suffix for suffix, _ in FORMATS)
            raise ValueError(f"the format of {self.path!r} is unknown: give `format`, or a suffix of {known}")
        if self.chosen_format == "sql" and self.query is None:
            raise ValueError("a database needs a `query`, such as: select * from sales order by id")
        if self.chosen_format != "sql" and self.query is not None:
            raise ValueError("`query` is for databases; use `where` and `columns` to choose from files")
        if self.rev and (self.chosen_format == "sql" or is_url(self.path)):
            raise ValueError("`rev` is for files of the project; a database or URL has no revisions")
        if self.columns and self.drop:
            raise ValueError("give `columns` or `drop`, not both")
        if self.task and not self.target:
            raise ValueError("`task` needs a `target`")
        return self

    @property
    def chosen_format(self) -> Format | None:
        """The declared format, or the one that the path tells."""
        return self.format or format_of(self.path)

    @property
    def roles(self) -> Roles:
        """The roles that columns play."""
        return Roles(
            target=self.target, task=self.task, time=self.time, group=self.group, weight=self.weight, id=self.id
        )

    def sources(self) -> tuple[str, ...]:
        """Name the files to fingerprint; a database server and a URL that needs options have none."""
        if self.chosen_format == "sql":
            file = sqlite_file(self.path)
            return (file,) if file else ()
        return () if is_url(self.path) and self.options else (self.source,)

    @property
    def source(self) -> str:
        """The path, at its revision where one is asked for."""
        return at_revision(self.path, self.rev)

    @property
    def title(self) -> str:
        """The path as errors name it."""
        return f"{self.path} at {self.rev}" if self.rev else self.path

    def volatile(self) -> str:
        """Say that a source without files to fingerprint is read every time, unless `version` labels its state."""
        if self.sources() or self.version is not None:
            return ""
        kind = "a database" if self.chosen_format == "sql" else "a URL read with options"
        return f"{kind} cannot be fingerprinted; set `version` to a label to read it once for each label"

    def run(self, *, context: Context) -> Taken:
        """Read the source into a table, and sum up what is in it."""
        from mlops_polars.reading import read_table
        from mlops_polars.snapshot import snapshot_of

        table = read_table(self, context=context)
        return Taken(table, snapshot_of(table, context.output("snapshot")))
