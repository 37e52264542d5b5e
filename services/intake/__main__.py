"""`python -m services.intake`: run the intake room."""

from services.intake.app import ROOM
from shared.service import run

if __name__ == "__main__":
    run(ROOM)
