"""`python -m monitor.cli` is `omsorgsvagt`."""

from monitor.cli.main import main

main()
