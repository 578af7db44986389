import socket
from pathlib import Path

import pytest

from ironkeel.local.home import open_home
from ironkeel.local.preflight import check_market, check_ports, parse_scale, refusal
from libs.common.errors import Misconfigured
from libs.common.settings import load


def panel(folder: Path, *names: str) -> str:
    folder.mkdir()
    for name in names:
        (folder / name).touch()
    return f"replay:{folder}"


def test_a_replay_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="no such folder"):
        check_market(load({"paper.market": f"replay:{tmp_path / 'gone'}"}))
    with pytest.raises(Misconfigured, match="holds no"):
        check_market(load({"paper.market": panel(tmp_path / "empty")}))


def test_an_unknown_symbol_is_named_with_the_known_ones(tmp_path: Path) -> None:
    market = panel(tmp_path / "p", "BTCUSDT-15m.parquet", "ETHUSDT-15m.parquet")
    check_market(load({"paper.market": market, "market.symbols": "BTCUSDT"}))
    with pytest.raises(Misconfigured, match=r"market.symbols = NOPEUSDT: not in .* BTCUSDT, ETHUSDT"):
        check_market(load({"paper.market": market, "market.symbols": "BTCUSDT,NOPEUSDT"}))


@pytest.mark.parametrize("key", ["paper.from", "paper.to"])
def test_a_date_that_is_none_is_named(key: str) -> None:
    with pytest.raises(Misconfigured, match=f"{key} = 'yesterday'"):
        check_market(load({key: "yesterday"}))


def test_a_taken_port_is_named_with_the_setting_that_moves_it() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        base = taken.getsockname()[1]
        if base > 65_000:
            pytest.skip("the kernel gave a port above the range of bases")
        with pytest.raises(Misconfigured, match=rf"port {base} \(executor\) is taken.*ports.base"):
            check_ports(load({"ports.base": str(base)}), ["redis", "executor", "fetcher-2"])


def test_scale_is_read_and_checked() -> None:
    assert parse_scale(["fetcher=3", "executor=2"]) == {"fetcher": 3, "executor": 2}
    for wrong in ("fetcher", "fetcher=0", "fetcher=x", "redis=2", "fetcher=17"):
        with pytest.raises(Misconfigured, match="--scale"):
            parse_scale([wrong])


def test_a_program_that_refuses_its_settings_is_quoted(tmp_path: Path) -> None:
    home = open_home(tmp_path)
    home.make()
    assert refusal(home, since=0) is None
    old = b"2026 WARN exited: fetcher (exit status 2; not expected)\n"
    (home.logs / "supervisord.log").write_bytes(old + b"2026 WARN exited: executor (exit status 1; not expected)\n")
    assert refusal(home, since=len(old)) is None
    (home.logs / "fetcher.log").write_text("the configuration is wrong:\n  market.symbols = NOPE\n")
    said = refusal(home, since=0)
    assert said is not None
    assert said.startswith("fetcher refused to start:")
    assert "market.symbols = NOPE" in said
