"""`python -m estafeta`: the same as `estafeta`."""

from estafeta.cli import main

if __name__ == "__main__":
    main()
