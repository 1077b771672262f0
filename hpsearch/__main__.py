"""`python -m hpsearch`, the same as the command `hpsearch`."""

from hpsearch.ui import main

main()
