"""`python -m tests.contract.golden_update`: store an example of each message that has none yet. Stored ones never change."""

from __future__ import annotations

import json
from pathlib import Path

from tests.examples import example, messages


def main() -> None:
    """Write what is missing."""
    folder = Path(__file__).parent / "golden"
    folder.mkdir(exist_ok=True)
    for name, kind in messages().items():
        file = folder / f"{name}.v{kind.version}.json"
        if not file.exists():
            text = json.dumps(json.loads(example(kind).model_dump_json()), indent=2, ensure_ascii=False)
            file.write_text(text + "\n", encoding="utf-8")
            print(f"stored {file.name}")


if __name__ == "__main__":
    main()
