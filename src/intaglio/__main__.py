"""`python -m intaglio` is the command `intaglio`."""

from intaglio.cli.main import main

if __name__ == "__main__":
    main()
