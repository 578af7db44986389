"""The home folder: where everything of one world is found, by the system and by every command."""

import errno
import fcntl
import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Final

from libs.common.errors import Misconfigured

LONGEST_SOCKET_PATH: Final = 100  # the kernel's limit is 108 on Linux, 104 on macOS


@dataclass(frozen=True, slots=True)
class Instance:
    """One running process, as it registered itself in `<home>/run`."""

    name: str
    pid: int
    port: int | None
    started: int


@dataclass(frozen=True, slots=True)
class RunningSystem:
    """What `ironkeel up` wrote about the system it started, for the other commands."""

    programs: tuple[str, ...]
    flags: Mapping[str, str]  # section.key pairs of the command line, the ports in force among them
    redis_url: str  # without a password; "" when the user's own server is used


@dataclass(frozen=True, slots=True)
class Home:
    path: Path

    @property
    def run(self) -> Path:
        return self.path / "run"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def world(self) -> Path:
        return self.path / "world.json"

    @property
    def halt(self) -> Path:
        return self.path / "HALT"

    @property
    def token(self) -> Path:
        return self.path / "api.token"

    @property
    def books(self) -> Path:
        """What the last run in lockstep ended with."""
        return self.path / "books.json"

    @property
    def system(self) -> Path:
        return self.path / "system.json"

    @property
    def control_socket(self) -> Path:
        """Where supervisord listens; a long home gets a short name of its own in the temporary folder."""
        inside = self.run / "supervisord.sock"
        if len(str(inside)) <= LONGEST_SOCKET_PATH:
            return inside
        name = blake2b(str(self.path).encode(), digest_size=8).hexdigest()
        return Path(tempfile.gettempdir()) / f"ironkeel-{os.getuid()}-{name}.sock"

    def make(self) -> None:
        """Create the folders; raises Misconfigured when the home cannot be written."""
        try:
            for folder in (self.path, self.run, self.logs):
                folder.mkdir(parents=True, exist_ok=True)
            self.run.chmod(0o700)
        except OSError as error:
            raise Misconfigured(f"service.home = {self.path}: cannot be written: {error.strerror}") from error

    def instances(self) -> Sequence[Instance]:
        """Every process that registered itself and still lives, by name."""
        found = (read_instance(path) for path in sorted(self.run.glob("*.json")))
        return [instance for instance in found if instance and is_alive(instance.pid)]

    def running(self) -> RunningSystem | None:
        try:
            told = json.loads(self.system.read_text("utf-8"))
            flags = {str(key): str(value) for key, value in told["flags"].items()}
            return RunningSystem(tuple(map(str, told["programs"])), flags, str(told["redis_url"]))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def remember(self, system: RunningSystem) -> None:
        self.system.write_text(json.dumps(asdict(system), indent=2) + "\n", "utf-8")


def open_home(path: Path) -> Home:
    return Home(path.expanduser().resolve())


def read_instance(path: Path) -> Instance | None:
    """One registration; None when it is half written or not one."""
    try:
        told = json.loads(path.read_text("utf-8"))
        return Instance(str(told["name"]), int(told["pid"]), told.get("port"), int(told.get("started", 0)))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@contextmanager
def sole_owner(home: Home) -> Iterator[None]:
    """Hold the home for one `ironkeel up`; raises Misconfigured when another one has it.

    The kernel lets go of the lock however its holder dies: the lifeline watches it.
    """
    with lock_file(home).open("a+") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise
            held.seek(0)
            who = held.read().strip() or "another process"
            raise Misconfigured(f"home {home.path} is in use: `ironkeel up` runs as pid {who}") from error
        held.truncate(0)
        held.write(str(os.getpid()))
        held.flush()
        yield


def lock_file(home: Home) -> Path:
    return home.run / "up.lock"
