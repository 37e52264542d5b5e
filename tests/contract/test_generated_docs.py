"""Documents that are drawn from the code say what the code says."""

from __future__ import annotations

import pytest

from docs.build import DOCUMENTS, HERE, outdated


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_generated_document_is_what_the_code_says(name: str) -> None:
    assert (HERE / name).read_text(encoding="utf-8") == DOCUMENTS[name](), "run `make docs`"


def test_a_document_that_differs_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DOCUMENTS, "lifecycle.md", lambda: "something else")
    assert "lifecycle.md" in outdated()
