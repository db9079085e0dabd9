"""Run the command line: `python -m sojourn` and the `sojourn` script."""

from interfaces.cli.command_line import main

if __name__ == "__main__":
    main()
