"""What every command of the operator needs: the way to the house, the way to the screen, and words it shares."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console, RenderableType

from estafeta.client import Bus, line_to_house

T = TypeVar("T")
WIDE = 150  # columns of what is printed where there is no terminal

State = Annotated[
    Path,
    typer.Option("--state", envvar="ESTAFETA_STATE", help="The house's directory.", show_default="./.estafeta"),
]
HERE = Path(".estafeta")
Lang = Annotated[str | None, typer.Option(help="en or ru; by LANG if not given.")]
WishedBy = Annotated[str | None, typer.Option("--by", help="Id of the head who says so; the operator if left out.")]
UndoDays = Annotated[int, typer.Option(min=0, max=366, help="For how many days it can be undone.")]
OnlyPreview = Annotated[bool, typer.Option("--preview", help="Only show who would get how many; nothing is moved.")]


def names(words: Any) -> str:
    """The words of an enumeration, for a help text."""
    return ", ".join(words)


def new_console(*, stderr: bool = False) -> Console:
    """A console as wide as the terminal, or `WIDE` characters where there is none; what is printed is taken as it stands."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(file=stream, width=None if stream.isatty() else WIDE, highlight=False, markup=False, emoji=False)


def display(*parts: RenderableType) -> None:
    """Print tables and lines; a line is never broken."""
    console = new_console()
    for part in parts:
        console.print(part, soft_wrap=isinstance(part, str))


def with_house(state: Path, work: Callable[[Bus], Coroutine[Any, Any, T]]) -> T:
    """Do `work` on the bus of the house in `state`; raises `Trouble` if the house cannot be reached."""

    async def connected() -> T:
        async with Bus(line_to_house(state)) as bus:
            return await work(bus)

    return asyncio.run(connected())
