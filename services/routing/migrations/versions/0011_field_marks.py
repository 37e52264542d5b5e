"""The field of play has marks that every change of it changes, so that a room need not read it anew for each lead."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_DIRECTORY = ("offices", "office_regions", "staff", "duty", "absences")

_FUNCTIONS = (
    """
    create function mark_directory() returns trigger language plpgsql as $$
    begin
        update routing.company set directory_mark = gen_random_uuid();
        return null;
    end $$
    """,
    """
    create function mark_presence() returns trigger language plpgsql as $$
    begin
        update routing.presence_mark set mark = gen_random_uuid();
        return null;
    end $$
    """,
)


def upgrade() -> None:
    """Who writes one of these tables first changes the mark: the company's is locked by all who look at the field."""
    op.execute("alter table company add column directory_mark uuid not null default gen_random_uuid()")
    op.execute("comment on column company.directory_mark is 'another after each change of what the field is made of'")
    op.execute(
        "create table presence_mark (id smallint primary key check (id = 1),"
        " mark uuid not null default gen_random_uuid())"
    )
    op.execute("comment on column presence_mark.mark is 'another after each word that was said'")
    op.execute("insert into presence_mark (id) values (1)")
    for function in _FUNCTIONS:
        op.execute(function)
    for table in _DIRECTORY:
        op.execute(_trigger(table, "mark_directory"))
    op.execute(_trigger("presence", "mark_presence"))


def _trigger(table: str, function: str) -> str:
    return (
        f"create trigger marks_the_field before insert or update or delete or truncate on {table}"
        f" for each statement execute function {function}()"
    )


def downgrade() -> None:
    for table in (*_DIRECTORY, "presence"):
        op.execute(f"drop trigger marks_the_field on {table}")
    op.execute("drop function mark_directory()")
    op.execute("drop function mark_presence()")
    op.drop_table("presence_mark")
    op.drop_column("company", "directory_mark")
