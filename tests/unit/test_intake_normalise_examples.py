"""More than a thousand cells as people write them, through the code of `estafeta matching normalise` (MATCHING §§1-6)."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from services.intake.offline import BadLine, normalise

EXAMPLES = Path(__file__).with_name("examples")
ESCAPES = {"\\n": "\n", "\\u00a0": "\u00a0", "\\u200b": "\u200b"}


def examples(name: str) -> list[list[str]]:
    lines = (EXAMPLES / f"{name}.tsv").read_text("utf-8").splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith("# ")]
    return [[re.sub(r"\\n|\\u00a0|\\u200b", lambda m: ESCAPES[m.group()], cell) for cell in row] for row in rows]


def canon(key: str, raw: str, **more: str) -> Any:
    return normalise({"id": 1, "key": key, "op": "canon", "input": raw, **more})["output"]


def listed(cell: str) -> list[str]:
    return [] if cell == "none" else cell.split(";")


@pytest.mark.parametrize(("raw", "core", "form"), examples("company"))
def test_a_company_name_loses_its_form_and_nothing_else(raw: str, core: str, form: str) -> None:
    found = canon("company", raw)
    assert (found["core"] or "-", found["form"] or "-") == (core, form)


@pytest.mark.parametrize(("raw", "key"), examples("surname"))
def test_a_contact_gives_its_folded_surname(raw: str, key: str) -> None:
    assert (canon("surname", raw) or "-") == key


@pytest.mark.parametrize(("raw", "region", "numbers"), examples("phone"))
def test_a_telephone_cell_gives_its_numbers(raw: str, region: str, numbers: str) -> None:
    found = canon("phone", raw, region=region)
    wanted = [re.fullmatch(r"([+\d]*|-)(?::(\d+))?(?:,(\d+))?", each) for each in listed(numbers)]
    assert [(one["e164"] or "-", one["ext"]) for one in found] == [(each[1], each[3]) for each in wanted if each]
    for one, each in zip(found, wanted, strict=True):
        assert each is not None
        assert each[2] in (None, one["local"])


@pytest.mark.parametrize(("raw", "addresses"), examples("email"))
def test_an_email_cell_gives_its_addresses(raw: str, addresses: str) -> None:
    wanted = [each.partition("=") for each in listed(addresses)]
    assert [(one["email"], one["mailbox"]) for one in canon("email", raw)] == [(a, b or a) for a, _, b in wanted]


@pytest.mark.parametrize(("address", "domain"), examples("domain"))
def test_an_address_gives_its_corporate_domain(address: str, domain: str) -> None:
    assert (canon("domain", address) or "none") == domain


@pytest.mark.parametrize(("raw", "keys"), examples("website"))
def test_a_website_cell_gives_its_keys(raw: str, keys: str) -> None:
    assert canon("website", raw) == listed(keys)


@pytest.mark.parametrize(("key", "one", "other", "meet"), examples("same_key"))
def test_two_spellings_of_one_thing_meet_and_two_things_do_not(key: str, one: str, other: str, meet: str) -> None:
    for pair in ([one, other], [other, one]):
        assert normalise({"id": 1, "key": key, "op": "same_key", "input": pair})["output"] is (meet == "yes")


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ({"key": "fax", "op": "canon", "input": ""}, '"key" must be one of company, surname'),
        ({"key": "email", "op": "guess", "input": ""}, '"op" must be one of canon, same_key'),
        ({"key": "email", "op": "canon", "input": ["a"]}, '"input" must be a text, not ["a"]'),
        ({"key": "email", "op": "same_key", "input": "a@x.ru"}, '"input" of same_key must be a pair'),
    ],
)
def test_a_line_that_cannot_be_meant_says_what_is_wrong(line: dict[str, Any], what: str) -> None:
    with pytest.raises(BadLine, match=re.escape(what)):
        normalise(line)


def run(*arguments: str, text: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "estafeta", "matching", "normalise", *arguments]
    return subprocess.run(command, input=text, capture_output=True, check=False, timeout=60)


def test_the_command_answers_good_lines_in_order_and_names_the_bad_ones(tmp_path: Path) -> None:
    file = tmp_path / "cases.jsonl"
    good = [{"id": n, "key": "website", "op": "canon", "input": f"www.frezer{n}.ru"} for n in (1, 2)]
    lines = [json.dumps(good[0]).encode(), b"{", b"[1]", b'"\xff"', b"", json.dumps(good[1]).encode()]
    file.write_bytes(b"\xef\xbb\xbf" + b"\r\n".join(lines))
    done = run(str(file))
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {"id": 1, "output": ["frezer1.ru"]},
        {"id": 2, "output": ["frezer2.ru"]},
    ]
    told = done.stderr.decode().splitlines()
    assert [line.split(": ")[0] for line in told] == [f"{file}:{number}" for number in (2, 3, 4)]
    assert done.returncode == 1


def test_the_command_reads_standard_input_and_refuses_a_file_that_is_not_there(tmp_path: Path) -> None:
    line = json.dumps({"id": "x", "key": "surname", "op": "canon", "input": "Тихомирова Инна"}, ensure_ascii=False)
    done = run("-", text=line.encode())
    assert (json.loads(done.stdout), done.returncode) == ({"id": "x", "output": "тихомиров"}, 0)
    missing = run(str(tmp_path / "no.jsonl"))
    assert missing.returncode == 2
    assert b"There is no file" in missing.stderr
