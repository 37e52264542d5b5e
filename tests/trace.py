"""`make trace`: which tests prove which rule of the regulation."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parent


def rules_in(file: Path) -> Iterator[tuple[str, str]]:
    """(rule id, test name) for every marked test of a file; a mark on a class holds for its tests."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        for mark in node.decorator_list:
            if isinstance(mark, ast.Call) and ast.unparse(mark.func).endswith("mark.rule"):
                for argument in mark.args:
                    if isinstance(argument, ast.Constant):
                        yield str(argument.value), node.name


def trace() -> dict[str, list[str]]:
    """Rule id → `file::test`, in the regulation's order."""
    found: dict[str, list[str]] = defaultdict(list)
    for file in sorted(TESTS.rglob("test_*.py")):
        for rule, test in rules_in(file):
            found[rule].append(f"{file.relative_to(TESTS.parent)}::{test}")
    return dict(sorted(found.items(), key=lambda item: _order(item[0])))


def _order(rule: str) -> tuple[str, list[int]]:
    return re.sub(r"\d.*", "", rule), [int(number) for number in re.findall(r"\d+", rule)]


def main() -> None:
    """Print the table."""
    table = trace()
    for rule, tests in table.items():
        print(f"{rule:8} {tests[0]}")
        for test in tests[1:]:
            print(f"{'':8} {test}")
    print(f"\n{len(table)} rules, {sum(map(len, table.values()))} proofs")


if __name__ == "__main__":
    main()
