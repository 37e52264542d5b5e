"""`python -m services.routing.offline replay COMPANY.json ARRIVALS`."""

from __future__ import annotations

import sys

from services.routing.offline import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
