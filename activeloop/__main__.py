"""`python -m activeloop` is the command `activeloop`."""

from activeloop.cli.main import entry

if __name__ == "__main__":
    entry()
