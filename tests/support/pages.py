"""What the pages tell a user to type."""

import shlex
from pathlib import Path

ROOT = Path(__file__).parents[2]


def curl_lines(page: str, port: int) -> list[list[str]]:
    """The words of a page's curl commands to a port of this machine, the token put in."""
    text = (ROOT / page).read_text().replace("\\\n", " ").replace("$token", "secret")
    lines = [shlex.split(line, comments=True)[1:] for line in text.splitlines() if line.startswith("    curl ")]
    return [words for words in lines if any(f"127.0.0.1:{port}/" in word for word in words)]


def option(words: list[str], name: str, default: str) -> str:
    """What follows an option on a command line."""
    return words[words.index(name) + 1] if name in words else default
