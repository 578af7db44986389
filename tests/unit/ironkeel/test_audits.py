import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ironkeel.cli.app import app
from ironkeel.local.audits import verdict_on
from libs.common.errors import Misconfigured, Transient
from tests.support.audits import Row, audit, wallet


def tool(*words: str) -> tuple[int, str]:
    said = CliRunner().invoke(app, ["paper", "audit", *words])
    return said.exit_code, said.output


def saved(tmp_path: Path, books: Row) -> str:
    file = tmp_path / "audit.json"
    file.write_text(json.dumps(books))
    return str(file)


def test_books_from_a_file_that_hold_end_with_0_and_one_line_a_rule(tmp_path: Path) -> None:
    code, out = tool(saved(tmp_path, audit()), "--home", str(tmp_path))
    assert code == 0
    *rules, last = out.splitlines()
    assert len(rules) == 11
    assert all(line.startswith("ok    ") for line in rules)
    assert last == "everything holds"


def test_a_broken_promise_ends_with_1_and_is_told_in_its_line(tmp_path: Path) -> None:
    code, out = tool(saved(tmp_path, audit(wallet=wallet(fees="0.3"))), "--home", str(tmp_path))
    assert code == 1
    (failed,) = [line for line in out.splitlines() if line.startswith("FAIL")]
    assert failed.endswith("fees is 0.3, its rows add up to 0.2")
    assert out.endswith("1 violations\n")


def test_the_verdict_is_told_as_json_too(tmp_path: Path) -> None:
    code, out = tool(saved(tmp_path, audit(wallet=wallet(fees="0.3"))), "--json", "--home", str(tmp_path))
    told = json.loads(out)
    assert (code, told["holds"], len(told["rules"])) == (1, False, 11)
    assert [rule["violations"] for rule in told["rules"] if rule["violations"]] == [
        ["fees is 0.3, its rows add up to 0.2"]
    ]


@pytest.mark.parametrize(
    ("body", "text"),
    [("", "is not JSON"), ("[]", "is not a JSON object"), ('{"orders": []}', "fills")],
)
def test_a_file_that_is_no_audit_is_wrong_usage(tmp_path: Path, body: str, text: str) -> None:
    file = tmp_path / "audit.json"
    file.write_text(body)
    code, out = tool(str(file), "--home", str(tmp_path))
    assert code == 2
    assert text in out


def test_a_file_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="No such file"):
        verdict_on(str(tmp_path / "none.json"), 5)


def test_an_exchange_that_does_not_answer_says_no(tmp_path: Path) -> None:
    with pytest.raises(Transient, match="does not answer"):
        verdict_on("http://127.0.0.1:1", 5)
    assert tool("--home", str(tmp_path))[0] == 1
