import pytest

from libs.common.errors import Refused
from libs.common.units import Instant
from services.paper_exchange.core.dialect.signing import Signed, Stamped, check_proof, check_stream_auth, digest

NOW = Instant(1_700_000_000_000)


def signed(*, at: int = NOW, window: str = "5000", key: str = "k", payload: bytes = b"a=1") -> Signed:
    sign = digest("s", f"{at}{key}{window}".encode() + payload)
    return Signed(key, str(at), window, sign, payload)


def check(asked: Signed) -> None:
    check_proof(asked, key="k", secret="s", now=NOW)


@pytest.mark.parametrize("at", [NOW - 5_000, NOW, NOW + 999])
def test_a_signed_request_in_its_window_passes(at: int) -> None:
    check(signed(at=at))


@pytest.mark.parametrize("at", [NOW - 5_001, NOW + 1_000])
def test_one_outside_its_window_is_late(at: int) -> None:
    with pytest.raises(Refused) as refused:
        check(signed(at=at))
    assert refused.value.code == 10002


def test_the_window_is_five_seconds_unless_said_otherwise() -> None:
    check(signed(at=NOW - 5_000, window=""))
    with pytest.raises(Refused):
        check(signed(at=NOW - 100, window="99"))


@pytest.mark.parametrize("timestamp", ["", "soon", "-1", "1e3", "٣", "9" * 40])
def test_what_is_no_timestamp_is_late(timestamp: str) -> None:
    with pytest.raises(Refused) as refused:
        check(Signed("k", timestamp, "5000", "x", b""))
    assert refused.value.code == 10002


def test_a_changed_payload_breaks_the_signature() -> None:
    whole = signed()
    with pytest.raises(Refused) as refused:
        check(Signed(whole.key, whole.timestamp, whole.window, whole.sign, b"a=2"))
    assert refused.value.code == 10004


@pytest.mark.parametrize("payload", [b"", b"b=2&a=1", b"cursor=a%3Ab%2Cc&x=%2D", b'{"a": 1}', b"\xff\x00"])
def test_what_is_signed_is_what_came_byte_for_byte(payload: bytes) -> None:
    check(signed(payload=payload))


@pytest.mark.parametrize(("at", "late"), [(NOW - 5_000, False), (NOW - 5_001, True), (NOW + 1_000, True)])
def test_over_a_socket_whose_owner_is_known_only_the_time_is_checked(at: int, late: bool) -> None:
    try:
        check_proof(Stamped(str(at), ""), key="k", secret="s", now=NOW)
    except Refused as refused:
        assert (late, refused.code) == (True, 10002)
    else:
        assert not late


@pytest.mark.parametrize(
    ("key", "expires", "secret", "code"),
    [("other", NOW + 1, "s", 10003), ("k", NOW, "s", 10002), ("k", NOW + 1, "t", 10004), ("k", NOW + 1, "s", None)],
)
def test_a_socket_is_signed_for_a_moment_that_lies_ahead(key: str, expires: int, secret: str, code: int | None) -> None:
    sign = digest(secret, f"GET/realtime{expires}".encode())
    try:
        check_stream_auth(key, str(expires), sign, key="k", secret="s", now=NOW)
    except Refused as refused:
        assert refused.code == code
    else:
        assert code is None
