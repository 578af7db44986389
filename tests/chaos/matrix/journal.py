"""Results on disk, a line a run: a matrix that was stopped goes on where it stopped."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter

from tests.chaos.matrix.run import Result

_RESULT: Final = TypeAdapter(Result)


@dataclass(frozen=True, slots=True)
class Journal:
    """`<folder>/seed-<seed>.jsonl`; a line that a crash cut off is dropped, and its run is done again."""

    file: Path

    @classmethod
    def of(cls, folder: Path, seed: int, mutation: str = "") -> "Journal":
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / (f"seed-{seed}-{mutation}.jsonl" if mutation else f"seed-{seed}.jsonl")
        if file.exists():
            whole = file.read_bytes()
            os.truncate(file, whole.rfind(b"\n") + 1)
        return cls(file)

    def results(self) -> Iterator[Result]:
        if self.file.exists():
            yield from map(_RESULT.validate_json, self.file.read_bytes().splitlines())

    def add(self, result: Result) -> None:
        with self.file.open("ab") as file:
            file.write(_RESULT.dump_json(result) + b"\n")
