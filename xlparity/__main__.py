"""`python -m xlparity` is the command `xlparity`."""

from xlparity.cli import main

if __name__ == "__main__":
    main()
