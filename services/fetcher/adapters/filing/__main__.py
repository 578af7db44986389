"""`python -m services.fetcher.adapters.filing <folder> <niceness>`: work on files of candles while somebody asks."""

import os
import signal
import sys
from importlib.abc import MetaPathFinder
from pathlib import Path


class _WithoutPandas(MetaPathFinder):
    """pyarrow loads it with the first array that it makes, if it is there: half its own memory, and nothing of ours."""

    def find_spec(self, name: str, path: object, target: object = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name)


def main(folder: Path, niceness: int) -> None:
    """Be ready for a stop of the whole group before anything that takes time: the fetcher still has questions then."""
    for told_to_stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(told_to_stop, signal.SIG_IGN)
    os.nice(niceness)
    sys.meta_path.insert(0, _WithoutPandas())
    from services.fetcher.adapters.filing.work import serve

    serve(folder, sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
