"""Alembic's way in; what it does stands in `shared.migrate`."""

from shared.migrate import run_in_alembic

run_in_alembic()
