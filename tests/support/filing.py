"""The work on the files of candles, done in this process."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from services.fetcher.adapters.candle_files import CandleFiles
from services.fetcher.adapters.filing.work import answered


def files_in(folder: Path) -> CandleFiles:
    return CandleFiles(folder, FilingHere(folder), FilingHere(folder))


class FilingHere:
    """See `FilingProcess`: what is asked and answered goes through JSON here too."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def ask(self, question: Mapping[str, Any]) -> Any:
        told = await asyncio.to_thread(answered, self._folder, orjson.loads(orjson.dumps(question)))
        if "error" in told:
            raise OSError(told["error"])
        return orjson.loads(orjson.dumps(told["answer"]))
