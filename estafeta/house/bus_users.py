"""Who may say and hear what on the bus: a NATS user for each room, one for the operator, one for the administrator."""

from __future__ import annotations

import sys
from collections.abc import Mapping

import shared.commands  # noqa: F401  # readings follow from the commands that exist
from shared.bus import COMMANDS, EVENTS
from shared.message import ROOMS
from shared.provision import readings_of, role_of

OPERATOR, ADMIN = "operator", "admin"
BUS_USERS = (*ROOMS, OPERATOR, ADMIN)


def nats_users(passwords: Mapping[str, str]) -> str:
    """The `authorization` block of a nats-server's configuration.

    `passwords` maps rooms, `operator` and `admin` to their secrets; the users are called `estafeta_<name>`.
    A room says its own events, rings its own bell, asks anybody, and reads by its own durables only; the operator sends
    commands and asks; the administrator makes streams and consumers. Everything else is refused.
    """
    users = [_user(name, _quoted(passwords[name])) for name in BUS_USERS]
    return "authorization {\n  users: [\n" + "\n".join(users) + "\n  ]\n}"


def deployed() -> str:
    """The whole of `deploy/nats.conf`: the same users, with passwords from an included file of `NAME_PASSWORD: "…"`."""
    users = "\n".join(_user(name, f"${name.upper()}_PASSWORD") for name in BUS_USERS)
    return _DEPLOYED.format(users=users)


_DEPLOYED = """\
# The bus of a deployed house. Made by `python -m estafeta.house.bus_users`; a test holds it against the code.
server_name: estafeta
listen: 0.0.0.0:4222
http: 0.0.0.0:8222
max_payload: 8MB
lame_duck_duration: 30s
jetstream {{
  store_dir: /data
  max_mem: 256MB
  max_file: 20GB
  sync_interval: always
}}

# The secret: one line `ROUTING_PASSWORD: "…"` for each user; bcrypt hashes are taken as well.
include passwords.conf
authorization {{
  users: [
{users}
  ]
}}
"""


def _user(name: str, password: str) -> str:
    speaks, hears, answers = _rights(name)
    lines = [
        f"user: {role_of(name)}, password: {password}, permissions: {{",
        f"  publish: {{allow: [{_lines(speaks)}]}}",
        f"  subscribe: {{allow: [{_lines(hears)}]}}",
        *(['  allow_responses: {max: 1, expires: "1m"}'] if answers else []),
        "}",
    ]
    return "    {" + "\n      ".join(lines) + "}"


def _rights(name: str) -> tuple[list[str], list[str], bool]:
    """What `name` may publish, what it may subscribe to, whether it may answer what it was asked."""
    if name == ADMIN:
        return [">"], [">"], False
    inbox = f"_INBOX_{name}.>"
    streams = [f"$JS.API.STREAM.INFO.{stream}" for stream in (EVENTS, COMMANDS)]
    if name == OPERATOR:
        return ["cmd.>", "ask.>", *streams, "$JS.API.CONSUMER.INFO.>"], ["evt.>", inbox], False
    own = [f"evt.{name}.>", f"evt.bulk.{name}.>", f"bell.{name}", "ask.>", *streams]
    for reading in readings_of(name):
        at = f"{reading.stream}.{reading.durable}"
        own += [f"$JS.API.CONSUMER.MSG.NEXT.{at}", f"$JS.API.CONSUMER.INFO.{at}", f"$JS.ACK.{at}.>"]
    return own, [f"ask.{name}.>", f"bell.{name}", inbox], True


def _lines(subjects: list[str]) -> str:
    return "".join(f'\n          "{subject}"' for subject in subjects)


def _quoted(secret: str) -> str:
    return '"' + secret.replace("\\", "\\\\").replace('"', '\\"') + '"'


if __name__ == "__main__":
    sys.stdout.write(deployed())
