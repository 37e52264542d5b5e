"""`python -m services.process` runs the room."""

from services.process.app import ROOM
from shared.service import run

if __name__ == "__main__":
    run(ROOM)
