"""Errors are named after what the caller must do next.

TradingError
├── Transient     nothing happened: try again after a pause
├── Unknown       we asked and never heard: reconcile before anything else
├── Refused       the venue said no: the same request will be refused again
├── Poison        the message cannot be read: dead-letter it and go on
├── Fatal         a belief we trade on is false: stop the process
└── Misconfigured the user must change a setting or an argument: exit 2 with the message
"""


class TradingError(Exception):
    """Root of every error this system raises on purpose."""


class Transient(TradingError): ...


class Unknown(TradingError): ...


class Refused(TradingError):
    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code  # the venue's retCode, where there is one


class Poison(TradingError): ...


class Fatal(TradingError): ...


class Misconfigured(TradingError): ...
