import json
from pathlib import Path

from ironkeel.local.log_lines import newest_lines


def line(second: int, event: str, level: str = "info", **facts: str) -> str:
    told = {"event": event, "level": level, "timestamp": f"2026-11-21T05:45:{second:02}.5Z", "service": "x", **facts}
    return json.dumps(told) + "\n"


def test_the_newest_words_of_all_processes_are_told_in_order(tmp_path: Path) -> None:
    (tmp_path / "executor.log").write_text(line(1, "order.filled") + line(9, "position.opened", side="long"))
    (tmp_path / "fetcher.log").write_text(line(5, "feed.connected") + line(6, "message.handled", "debug"))
    assert newest_lines(tmp_path, ["executor", "fetcher", "trailing"], 2) == [
        "05:45:05 fetcher feed.connected",
        "05:45:09 executor position.opened side=long",
    ]


def test_what_is_no_structured_line_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "redis.log").write_text("* Ready to accept connections\n[1]\n{}\n" + line(1, "x.happened")[:-5])
    assert newest_lines(tmp_path, ["redis"], 5) == []
