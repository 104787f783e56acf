"""`python -m app` is the command `beatrice`."""

from app.cli import main

main()
