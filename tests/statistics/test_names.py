from __future__ import annotations

import io
from datetime import date
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from apps.statistics.names import COMES_ALONG, LIST, facts_in, listed, words_in, written
from apps.statistics.parsing import NAME, normalised

HEADS = "name\tversion\tmonth\trank\tsummary"


def table(folder: Path, *rows: str) -> Path:
    path = folder / "list.tsv"
    path.write_text("\n".join([HEADS, *rows, *(f"pkg{n}\t1\t\t{n + 1000}\tx" for n in range(120))]))
    return path


def renew(file: Path, to: Path, **more: object) -> str:
    out = io.StringIO()
    given = {"source": "a list", "licence": "CC0", "date": "2026-12-01"} | more
    options = [f"--{name}={value}" for name, value in given.items()]
    call_command("library_names", str(file), f"--to={to}", *options, stdout=out)
    return out.getvalue()


def test_the_shipped_list_says_where_it_is_from_and_is_as_the_command_writes_it() -> None:
    facts, names = facts_in(LIST), words_in(LIST)

    assert all(facts[each] for each in ("source", "date", "licence"))
    assert LIST.read_text() == written(
        names,
        source=facts["source"],
        on=date.fromisoformat(facts["date"]),
        licence=facts["licence"],
    )
    assert len(names) > 5_000
    assert [each for each in names if not NAME.fullmatch(each) or normalised(each) != each] == []


def test_what_people_choose_is_listed_and_what_comes_along_is_not() -> None:
    assert {"torch", "jax", "polars", "scikit-learn", "transformers", "numpy"} <= listed().names
    assert not {"urllib3", "six", "pip", "wandb", "typing-extensions"} & listed().names
    along = words_in(COMES_ALONG)
    assert along == sorted(set(along))
    assert [each for each in along if normalised(each) != each] == []


def test_the_list_is_renewed_from_a_table(tmp_path: Path) -> None:
    to = tmp_path / "names.txt"
    file = table(tmp_path, "Torch_X\t1\t\t2\tx", "jax\t1\t\t1\tx", "unranked\t1\t\t\tx", "none\t1\t\t0\tx")

    said = renew(file, to, most=101)

    names = words_in(to)
    assert names == sorted(["jax", "torch-x", *(f"pkg{n}" for n in range(99))])
    assert facts_in(to)["date"] == "2026-12-01"
    assert "101 names, 101 new, 0 gone" in said


def test_the_list_is_renewed_from_json(tmp_path: Path) -> None:
    to, file = tmp_path / "names.txt", tmp_path / "list.json"
    rows = ",".join(f'{{"project": "pkg{n}", "download_count": {n}}}' for n in range(130))
    file.write_text(f'{{"last_update": "2026-12-01", "rows": [{rows}]}}')

    renew(file, to, most=110)

    assert words_in(to) == sorted(f"pkg{n}" for n in range(110))


@pytest.mark.parametrize("text", ["", "{", "[]", '{"rows": [1]}', "a\tb\n1\t2", f"{HEADS}\nx\t1\t\t1\tx"])
def test_what_is_no_list_changes_nothing(tmp_path: Path, text: str) -> None:
    to, file = tmp_path / "names.txt", tmp_path / "list"
    to.write_text("torch\n")
    file.write_text(text)

    with pytest.raises(CommandError):
        renew(file, to)

    assert to.read_text() == "torch\n"
