"""`python -m services.routing`: the room as a process."""

from services.routing.app import ROOM
from shared.service import run

if __name__ == "__main__":
    run(ROOM)
