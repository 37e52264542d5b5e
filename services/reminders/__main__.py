"""`python -m services.reminders`: one replica of the room as a process."""

from services.reminders.app import ROOM
from shared.service import run

if __name__ == "__main__":
    run(ROOM)
