"""Where in a TOML text each entry stands: the standard reader gives values without their lines."""

from __future__ import annotations

import re
import tomllib

_TABLE = re.compile(r"\s*(\[\[?)\s*(?:\"([^\"]*)\"|'([^']*)'|([\w-]+))")
_KEY = re.compile(r"\s*(?:\"([^\"]*)\"|'([^']*)'|([\w-]+))\s*(?:\.[^=]*)?=")
_TOKEN = re.compile(r"\"\"\"|'''|\"(?:[^\"\\]|\\.)*\"|'[^']*'|#.*|[\[\]{}]|\\.", re.DOTALL)


def lines_of_entries(text: str) -> dict[tuple[str, int, str], int]:
    """The line (from 1) of each `(table, number of the table from 0, key)`; the key "" stands for the table's head.

    Keys above the first table belong to the table "". The text must be valid TOML.
    """
    lines: dict[tuple[str, int, str], int] = {}
    count: dict[str, int] = {}
    table, number = "", 0
    depth, quote = 0, ""
    for at, line in enumerate(text.splitlines(), start=1):
        if depth == 0 and not quote:
            if head := _TABLE.match(line):
                table = next(name for name in head.groups()[1:] if name is not None)
                number = count.get(table, 0) if head[1] == "[[" else 0
                count[table] = number + 1
                lines.setdefault((table, number, ""), at)
                continue
            if key := _KEY.match(line):
                lines.setdefault((table, number, next(name for name in key.groups() if name is not None)), at)
        depth, quote = _after(line, depth, quote)
    return lines


def _after(line: str, depth: int, quote: str) -> tuple[int, str]:
    """How many brackets are open after a line, and which long quotation."""
    at = 0
    while at < len(line):
        if quote:
            end = line.find(quote, at)
            if end < 0:
                break
            at, quote = end + 3, ""
            continue
        token = _TOKEN.search(line, at)
        if not token:
            break
        at = token.end()
        if token[0] in ('"""', "'''"):
            quote = token[0]
        elif token[0] in ("[", "{"):
            depth += 1
        elif token[0] in ("]", "}"):
            depth -= 1
    return depth, quote


def line_of_error(error: tomllib.TOMLDecodeError, text: str) -> int:
    """The line that a syntax error names; the last one when it is about the end of the text."""
    found = re.search(r"at line (\d+)", str(error))
    return int(found[1]) if found else len(text.splitlines()) or 1
