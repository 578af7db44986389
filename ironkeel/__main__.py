"""`python -m ironkeel` is `ironkeel`."""

from ironkeel.cli.app import main

main()
