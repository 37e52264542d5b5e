"""The two commands that read files and need no servers: `python -m services.intake.offline normalise|pairs FILE`.

Each line of FILE (`-` is standard input) is a JSON object, and so is each line of the output, in the same order.
They run the rules that intake runs and nothing else, so what they print is what intake would do.
A line that cannot be read is named on standard error with its file and number; the others go on, and the exit code is 1.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from services.intake.rules import company_name, email, person_name, phone, site
from services.intake.rules.keys import CompanyName
from services.intake.rules.search_keys import name_values
from shared.json_lines import on_file

Record = dict[str, Any]

LONGEST_LINE = 1 << 20
"""A longer line is no lead: it is refused before it is read whole."""
FORMS = frozenset({"LLC", "JSC", "IP", "UP", "COOP", "INST"})
"""The legal forms that have a name in the output; any other, a partnership say, is null there."""
HOME = "RU"
"""The phone region of a line that names none."""


class BadLine(ValueError):
    """What is wrong with a line, and how it ought to be."""


def normalise(line: Record) -> Record:
    """`{"id", "key", "op", "input"}` → `{"id", "output"}`; a phone may name the `region` of its list (ISO 3166-1)."""
    key = _one_of(line, "key", _READERS)
    op = _one_of(line, "op", ("canon", "same_key"))
    region = line.get("region") or line.get("region_a") or HOME
    if not isinstance(region, str):
        raise BadLine(f'"region" must be a country of two letters, not {_shown(region)}')
    canon, search = _READERS[key]
    given = line.get("input")
    if op == "canon":
        return {"id": line.get("id"), "output": canon(_text(given, "input"), region.upper())}
    if not isinstance(given, list) or len(given) != 2:
        raise BadLine(f'"input" of same_key must be a pair of texts, ["…", "…"], not {_shown(given)}')
    one, other = (search(_text(each, "input"), region.upper()) for each in given)
    return {"id": line.get("id"), "output": not one.isdisjoint(other)}


def judge(line: Record) -> Record:
    """`{"id", "lead", "client", "ctx"}` → `{"id", "outcome", "rule", "score", "evidence"}`."""
    from services.intake.rules.pairs import judge_pair

    lead, client, ctx = (_record(line, name) for name in ("lead", "client", "ctx"))
    try:
        judged = judge_pair(lead, client, ctx)
    except ValueError as wrong:
        raise BadLine("; ".join(str(wrong).splitlines()[:3])) from None
    return {"id": line.get("id"), **judged}


COMMANDS: dict[str, Callable[[Record], Record]] = {"normalise": normalise, "pairs": judge}


# ── the keys: what each shows, and what it is searched by ───────────────────────────────────────────────────────────


def _company(raw: str, _: str) -> Record:
    name, _flags = company_name.normalise(raw)
    if name is None:
        return {"core": "", "form": None}
    return {"core": name.core, "form": name.form if name.form in FORMS else None}


def _company_keys(raw: str, _: str) -> set[str]:
    name: CompanyName | None = company_name.normalise(raw)[0]
    return set(name_values(name))


def _surname(raw: str, _: str) -> str | None:
    persons = person_name.normalise(raw)[0]
    return persons[0].key if persons else None


def _surname_keys(raw: str, _: str) -> set[str]:
    return {person.skeleton for person in person_name.normalise(raw)[0]}


def _phone(raw: str, region: str) -> list[Record]:
    return [
        {"e164": one.e164 or None, "ext": one.extension or None, "local": one.local}
        for one in phone.normalise(raw, region)[0]
    ]


def _phone_keys(raw: str, region: str) -> set[str]:
    return {one.local for one in phone.normalise(raw, region)[0]}


def _email(raw: str, _: str) -> list[Record]:
    return [{"email": box.email, "mailbox": box.mailbox} for box in email.normalise(raw)[0]]


def _email_keys(raw: str, _: str) -> set[str]:
    return {box.mailbox for box in email.normalise(raw)[0]}


def _domain(raw: str, _: str) -> str | None:
    return next((box.domain for box in email.normalise(raw)[0] if box.domain), None)


def _domain_keys(raw: str, _: str) -> set[str]:
    return {box.domain for box in email.normalise(raw)[0] if box.domain}


def _website(raw: str, _: str) -> list[str]:
    return list(site.normalise(raw)[0])


def _website_keys(raw: str, _: str) -> set[str]:
    return set(site.normalise(raw)[0])


_READERS: dict[str, tuple[Callable[[str, str], Any], Callable[[str, str], set[str]]]] = {
    "company": (_company, _company_keys),
    "surname": (_surname, _surname_keys),
    "phone": (_phone, _phone_keys),
    "email": (_email, _email_keys),
    "domain": (_domain, _domain_keys),
    "website": (_website, _website_keys),
}


# ── reading lines ───────────────────────────────────────────────────────────────────────────────────────────────────


def _one_of(line: Record, name: str, known: Any) -> str:
    value = line.get(name)
    if not isinstance(value, str) or value not in known:
        raise BadLine(f'"{name}" must be one of {", ".join(known)}, not {_shown(value)}')
    return value


def _text(value: Any, name: str) -> str:
    """A text; null is an empty cell, and a number is what a spreadsheet made of one."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8") if not value.isascii() else value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise BadLine(f'"{name}" must be a text, not {_shown(value)}')


def _record(line: Record, name: str) -> Record:
    value = line.get(name)
    if value is None and name == "ctx":
        return {}
    if not isinstance(value, dict):
        raise BadLine(f'"{name}" must be an object, not {_shown(value)}')
    return value if name == "ctx" else {key: _text(cell, f"{name}.{key}") for key, cell in value.items()}


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _parsed(line: bytes) -> Record:
    try:
        record = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise BadLine(f"not UTF-8 (byte {error.start + 1}); save the file as UTF-8") from None
    except json.JSONDecodeError as error:
        raise BadLine(f"not JSON: {error.msg} (column {error.colno})") from None
    except RecursionError:
        raise BadLine("not a flat JSON object: nested too deeply") from None
    if not isinstance(record, dict):
        raise BadLine(f"a JSON object is wanted, not {_shown(record)}")
    return record


def _lines(source: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """The lines that hold something, with their numbers; None for one that is too long."""
    number = 0
    while line := source.readline(LONGEST_LINE):
        number += 1
        if len(line) < LONGEST_LINE or line.endswith(b"\n"):
            if line.strip():
                yield number, line
            continue
        while (rest := source.readline(LONGEST_LINE)) and not rest.endswith(b"\n"):
            pass
        yield number, None


def run(command: str, name: str, source: BinaryIO) -> int:
    """Answer each line of `source`; 1 if any of them could not be read, else 0."""
    answer, code = COMMANDS[command], 0
    for number, line in _lines(source):
        try:
            if line is None:
                raise BadLine(f"longer than {LONGEST_LINE} bytes")
            said = json.dumps(answer(_parsed(line)), ensure_ascii=False)
        except BadLine as wrong:
            code = 1
            sys.stderr.write(f"{name}:{number}: {wrong}\n")
        else:
            sys.stdout.write(f"{said}\n")
    sys.stdout.flush()
    return code


def main(arguments: list[str]) -> int:
    """Run `normalise FILE` or `pairs FILE`; 2 when that is not what was asked, or there is no such file."""
    if len(arguments) != 2 or arguments[0] not in COMMANDS:
        sys.stderr.write(f"usage: python -m services.intake.offline {'|'.join(COMMANDS)} FILE\n")
        return 2
    command, name = arguments
    return on_file(name, lambda shown, source: run(command, shown, source))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
