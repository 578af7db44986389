"""Results on disk, a line a run: a matrix that was stopped goes on where it stopped."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter

from tests.chaos.matrix.run import Result

_RESULT: Final = TypeAdapter(Result)


@dataclass(frozen=True, slots=True)
class Journal:
    """`<folder>/seed-<seed>.jsonl`; a line that was cut off by a crash is left out, and its run is done again."""

    file: Path

    @classmethod
    def of(cls, folder: Path, seed: int, mutation: str = "") -> "Journal":
        folder.mkdir(parents=True, exist_ok=True)
        return cls(folder / (f"seed-{seed}-{mutation}.jsonl" if mutation else f"seed-{seed}.jsonl"))

    def results(self) -> Iterator[Result]:
        if not self.file.exists():
            return
        for line in self.file.read_bytes().splitlines(keepends=True):
            if line.endswith(b"\n"):
                yield _RESULT.validate_json(line)

    def add(self, result: Result) -> None:
        with self.file.open("ab") as file:
            file.write(_RESULT.dump_json(result) + b"\n")

