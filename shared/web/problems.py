"""What a door says when it says no: problem details (RFC 9457) with what is wrong, which field, how to mend it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import BaseModel, Field
from starlette.responses import JSONResponse

from shared.events import Fault


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of no: status, what it means, what to do about it."""

    status: int
    title: str
    remedy: str


class ProblemDetails(BaseModel):
    """Why it was not done (RFC 9457)."""

    type: str = Field(description="where this kind of problem is explained")
    title: str = Field(description="what this kind of problem is")
    status: int = Field(description="the status of the answer")
    detail: str = Field(description="what is wrong this time, and how to mend it")
    faults: list[Fault] = Field(default=[], description="each field that is wrong, and how to mend it")
    receipt: str | None = Field(default=None, description="the receipt of the lead that has this name already")


class Refusal(Exception):
    """Raised wherever something cannot be done; `detail` never repeats what was sent (personal data).

    Each door has a subclass with its own `kinds`; `where` is the page that explains them, if there is one.
    """

    kinds: ClassVar[Mapping[str, Kind]] = {}
    where: ClassVar[str] = "about:blank"

    def __init__(
        self,
        kind: str,
        detail: str,
        *,
        faults: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
        receipt: str | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind, self.detail = kind, detail
        self.faults, self.headers, self.receipt = list(faults), dict(headers or {}), receipt

    def response(self) -> JSONResponse:
        """As it is answered."""
        kind = self.kinds[self.kind]
        body: dict[str, Any] = {
            "type": self.where.format(kind=self.kind),
            "title": kind.title,
            "status": kind.status,
            "detail": f"{self.detail}: {kind.remedy}",
        }
        if self.faults:
            body["faults"] = [fault.model_dump() for fault in self.faults]
        if self.receipt is not None:
            body["receipt"] = self.receipt
        return JSONResponse(body, kind.status, self.headers, media_type="application/problem+json")
