"""A real service process of the tree under test: started, killed, told to stop."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

WITHIN_S = 30.0


class ServiceProcess:
    """`python -m services.<name>.main`, with its output in `<home>/<name>.log`.

    It is a second replica by name, so that it has a free port where its own is taken by another test.
    """

    def __init__(
        self, name: str, *, home: Path, redis_url: str, prefix: str, settings: Mapping[str, str] | None = None
    ) -> None:
        self._command = [sys.executable, "-m", f"services.{name}.main"]
        self._log = home / f"{name}.log"
        self._environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("IRONKEEL_")},
            "IRONKEEL_HOME": str(home),
            "IRONKEEL_REDIS__URL": redis_url,
            "IRONKEEL_REDIS__PREFIX": prefix,
            "IRONKEEL_SERVICE__INSTANCE": f"{name}-2",
            **(settings or {}),
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, env=self._environment, stdout=log, stderr=log, start_new_session=True
            )

    def kill(self) -> None:
        """SIGKILL; nothing when it is not running any more."""
        if self._process is not None and self._process.poll() is None:
            self._end(signal.SIGKILL)

    def pause(self) -> None:
        """SIGSTOP: it stands still wherever it is, and neither it nor anybody else notices."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    def stop(self) -> int:
        """Ask it to stop and return its exit code."""
        return self._end(signal.SIGTERM)

    def exit_code(self) -> int | None:
        """How it ended; None while it runs."""
        return None if self._process is None else self._process.poll()

    def _end(self, how: signal.Signals) -> int:
        self._signal(how)
        assert self._process is not None
        return self._process.wait(timeout=WITHIN_S)

    def _signal(self, how: signal.Signals) -> None:
        assert self._process is not None, "it was never started"
        self._process.send_signal(how)

    def said(self) -> str:
        """The end of its log."""
        return self._log.read_text()[-4_000:]
