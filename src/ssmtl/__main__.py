"""`python -m ssmtl`."""

from ssmtl.cli.main import main

main()
