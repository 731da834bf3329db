"""What is installed, held against what is asked for."""

from __future__ import annotations

from mlops.doctor.distributions import Installed
from mlops.doctor.libraries import BAD, examine_extras, examine_libraries

WANTS = (
    "polars<3,>=2.0",
    "torch>=2.10; extra == 'nets'",
    "lightning<2.7,>=2.6.6; extra == 'nets'",
    "mlops[nets]; extra == 'all'",
    "nothing-of-ours; python_version < '3'",
)


def installed(**versions: str) -> Installed:
    known = {name.replace("_", "-"): version for name, version in versions.items()}
    return Installed({"mlops": "1", **known}, {"mlops": WANTS}, ">=3.11", ("all", "nets"))


def test_all_is_well_when_each_requirement_is_met() -> None:
    (found,) = examine_libraries(installed(polars="2.1"))
    assert (found.level, found.what) == ("ok", "2 libraries, each as the others ask for")


def test_a_requirement_that_is_missing_or_outside_its_range_fails() -> None:
    (missing,) = examine_libraries(installed())
    assert (missing.level, missing.what) == ("fail", "polars<3,>=2.0 is not installed")
    (old,) = examine_libraries(installed(polars="1.9"))
    assert old.what == "polars<3,>=2.0 is asked for, 1.9 is installed"


def test_conflicts_between_others_are_told() -> None:
    known = Installed({"mlops": "1", "a": "1", "b": "1"}, {"mlops": (), "a": ("b>=2", "c")}, "", ())
    assert [(item.level, item.what) for item in examine_libraries(known)] == [
        ("warn", "a: b>=2 is asked for, 1 is installed"),
        ("warn", "a: c is not installed"),
    ]


def test_a_malicious_release_fails() -> None:
    found = list(examine_libraries(installed(polars="2.1", lightning="2.6.3")))
    assert [(item.level, item.what) for item in found] == [("fail", "lightning 2.6.3: a malicious release")]


def test_every_bad_version_names_its_fix() -> None:
    assert all(item.fix and item.why for item in BAD)


def test_an_extra_is_present_absent_or_there_in_part() -> None:
    whole = list(examine_extras(installed(torch="2.13.0", lightning="2.6.6")))
    assert [(item.level, item.what) for item in whole] == [("ok", "present: nets")]
    (absent,) = examine_extras(installed())
    assert (absent.level, absent.what, absent.fix) == ("ok", "absent: nets", "pip install 'mlops[nets]'")
    (part,) = examine_extras(installed(torch="2.13.0"))
    assert (part.level, part.what) == ("warn", "nets is there in part: lightning<2.7,>=2.6.6 is not installed")


def test_a_local_version_of_a_release_counts_as_that_release() -> None:
    assert [item.level for item in examine_extras(installed(torch="2.13.0+cpu", lightning="2.6.6"))] == ["ok"]


def test_metadata_that_cannot_be_read_is_passed_over() -> None:
    known = Installed({"mlops": "1", "a": "1"}, {"mlops": (), "a": ("===???",)}, "", ())
    assert [item.level for item in examine_libraries(known)] == ["ok"]
