"""What the door for leads says when it says no, kind by kind, and what is wrong with a body, field by field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from shared.events import Fault
from shared.web.problems import Kind, Refusal

KINDS: Mapping[str, Kind] = {
    "unreadable": Kind(400, "The body cannot be read", "send the kind of body that the content type says, whole, in UTF-8"),
    "unknown-key": Kind(401, "The key or the signature is not one of ours", "send the key you were given; set your clock right"),
    "wrong-origin": Kind(403, "This form is not for pages of this origin", "have the page's origin entered for the form"),
    "not-here": Kind(404, "There is nothing here", "see /docs for what there is; a receipt is shown to the source that got it"),
    "wrong-method": Kind(405, "This address does not understand this method", "use one of those in the header Allow"),
    "too-slow": Kind(408, "The body did not come in time", "send it at once, and again"),
    "name-taken": Kind(409, "Another lead was brought under this name", "give every lead its own name; repeat one unchanged"),
    "too-large": Kind(413, "The body is too large", "send one lead, without files"),
    "wrong-kind": Kind(415, "This kind of body is not understood here", "use one of those in the header Accept-Post"),
    "unfit": Kind(422, "The body is not as it should be", "mend the fields named in faults, and send it again"),
    "too-many": Kind(429, "That was too much at once", "wait as long as Retry-After says, and send it again"),
    "own-fault": Kind(500, "This is our own fault", "send it again later under the same name; nothing comes in twice"),
    "not-now": Kind(503, "Nothing can be stored at this moment", "send it again under the same name when Retry-After has passed"),
}  # fmt: skip


class Problem(Refusal):
    """Why a lead was not taken, or a receipt not shown."""

    kinds, where = KINDS, "/docs#{kind}"


def faults_in(error: ValidationError, known: Sequence[str]) -> list[Fault]:
    """What pydantic found, in the words of the house; `known` are the names that a field may have."""
    return [
        Fault(
            field=".".join(map(str, one["loc"])) or "(the whole body)",
            problem=one["msg"],
            remedy=_remedy(one["type"], one.get("ctx", {}), known),
        )
        for one in error.errors(include_url=False, include_input=False)
    ]


def _remedy(kind: str, context: Mapping[str, Any], known: Sequence[str]) -> str:
    if kind == "extra_forbidden":
        return f"leave it out, or call it by one of the names that are understood here: {', '.join(known)}"
    if kind == "string_too_long":
        return f"shorten it to {context['max_length']} characters"
    if kind == "string_pattern_mismatch":
        return "fill it in as /docs says, without zero characters"
    if kind in {"string_type", "string_sub_type"}:
        return "write it as text, in quotation marks"
    if kind in {"missing", "string_too_short"}:
        return "fill it in"
    if kind in {"model_type", "model_attributes_type", "dict_type"}:
        return 'send one JSON object: {"fields": {"company": "…", "phone": "…"}}'
    return "see /docs for how it should be"
