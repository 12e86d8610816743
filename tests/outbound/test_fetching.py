"""What the fetcher does when all is well, and what it keeps to itself."""

import asyncio
import datetime as dt
import ipaddress
import ssl
from pathlib import Path
from typing import Any

import pytest

from intaglio.outbound.base import Facts, FetchFailed, FetchRefused, FetchTooLarge, Reason, Wanted
from intaglio.outbound.settings import OutboundSettings, Patience, UrlLists
from tests.outbound.certificates import Authority
from tests.outbound.hostile_server import CAP, DATA, TAG, Call, hostile, says, to
from tests.outbound.hostile_urls import ANSWERS, HERE
from tests.outbound.looking import Watcher, fetch, fetcher, settings
from tests.starters.base import free_port

pytestmark = pytest.mark.anyio
ONCE = Patience(attempts=1, pause=0)


async def reason_of(url: str, chosen: OutboundSettings, watcher: Watcher | None = None) -> Reason:
    with pytest.raises((FetchRefused, FetchFailed)) as error:
        await fetch(fetcher(watcher or Watcher(), chosen), url)
    raised: Any = error.value
    reason: Reason = raised.reason
    return reason


@pytest.mark.parametrize("place", ["data", "chunks", "until-it-closes", "elsewhere", "elsewhere-by-name", "data?a=b#c"])
async def test_all_is_well(place: str) -> None:
    watcher = Watcher()
    async with hostile() as server:
        url = f"http://images.example:{server.port}/{place}"
        assert await fetch(fetcher(watcher, settings(server.port)), url) == (0, DATA)
    headers = server.asked[0][1]
    assert (headers["host"], headers["accept-encoding"]) == (f"images.example:{server.port}", "identity")
    assert set(watcher.attempts) == {HERE}


async def test_an_address_in_the_url() -> None:
    async with hostile() as server:
        for host in (HERE, f"[::ffff:{HERE}]"):
            assert await fetch(fetcher(Watcher(), settings(server.port)), f"http://{host}:{server.port}/data") == (
                0,
                DATA,
            )


async def test_a_name_is_asked_for_once_and_what_was_vetted_is_connected_to() -> None:
    watcher = Watcher()
    async with hostile() as server:
        url = f"http://rebind.example:{server.port}/data"
        assert await fetch(fetcher(watcher, settings(server.port)), url) == (0, DATA)
    assert watcher.names == ["rebind.example"]
    assert watcher.attempts == [HERE]


async def test_the_next_address_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    watcher = Watcher()
    async with hostile() as server:
        chosen = settings(server.port, networks=(ipaddress.ip_network("127.0.0.0/29"),))
        monkeypatch.setitem(ANSWERS, "two.example", ("127.0.0.3", HERE))
        assert await fetch(fetcher(watcher, chosen), f"http://two.example:{server.port}/data") == (0, DATA)
    assert watcher.attempts == ["127.0.0.3", HERE]


async def test_nobody_listens() -> None:
    port = free_port()
    assert await reason_of(f"http://images.example:{port}/", settings(port)) is Reason.UNREACHABLE


async def test_a_name_server_that_does_not_answer() -> None:
    patience = Patience(connect=0.1, attempts=1)
    assert await reason_of("http://silent.example/", settings(80, patience)) is Reason.CONNECT_TIME


class TestLists:
    @pytest.mark.parametrize(
        ("url", "lists", "reason"),
        [
            pytest.param("http://a.example/", {"allowed_hosts": ("b.example",)}, Reason.HOST, id="not-allowed"),
            pytest.param("http://A.example./", {"disallowed_hosts": ("a.EXAMPLE",)}, Reason.HOST, id="disallowed"),
            pytest.param("http://[8::0]/", {"disallowed_hosts": ("8:0::",)}, Reason.HOST, id="disallowed-v6"),
            pytest.param("http://bob:x@a.example/", {"disallowed_hosts": ("a.example",)}, Reason.HOST, id="userinfo"),
            pytest.param("https://a.example/", {"allowed_schemes": ("http",)}, Reason.SCHEME, id="scheme"),
            pytest.param(
                "http://a.example/",
                {"allowed_schemes": (), "disallowed_schemes": ("http",)},
                Reason.SCHEME,
                id="no-scheme",
            ),
            pytest.param("ftp://a.example/", {"allowed_schemes": ("ftp",)}, Reason.SCHEME, id="not-spoken"),
            pytest.param("http://a.example/", {"allowed_ports": (8443,)}, Reason.PORT, id="port-of-the-scheme"),
            pytest.param(
                "http://a.example/", {"allowed_ports": (), "disallowed_ports": (80,)}, Reason.PORT, id="disallowed-port"
            ),
            pytest.param(
                "http://second.example/", {"disallowed_hosts": ("8.8.8.8",)}, Reason.HOST, id="disallowed-address"
            ),
            pytest.param(
                "http://metadata.example/", {"allowed_hosts": ("metadata.example",)}, Reason.METADATA, id="metadata"
            ),
            pytest.param("http://any.example/", {"allowed_hosts": ("any.example",)}, Reason.UNSPECIFIED, id="any"),
        ],
    )
    async def test_refused(self, url: str, lists: dict[str, tuple[str, ...]], reason: Reason) -> None:
        watcher = Watcher()
        chosen = OutboundSettings(lists=UrlLists(**lists), patience=ONCE)  # type: ignore[arg-type]
        assert await reason_of(url, chosen, watcher) is reason
        assert watcher.attempts == []

    async def test_an_allowed_host_may_be_private(self) -> None:
        async with hostile() as server:
            lists = UrlLists(allowed_hosts=("self.example", "images.example"), allowed_ports=())
            watcher = Watcher()
            url = f"http://images.example:{server.port}/data"
            assert await fetch(fetcher(watcher, OutboundSettings(lists=lists)), url) == (0, DATA)
            url = f"http://images.example:{server.port}/elsewhere-by-name"  # every hop
            assert await reason_of(url, OutboundSettings(lists=lists), watcher) is Reason.HOST


class TestSecrets:
    async def test_credentials_stay_with_their_host(self) -> None:
        async with hostile() as server:
            url = f"http://bob:tell%20no%20one@images.example:{server.port}/elsewhere-by-name"
            wanted = Wanted(url=url, size_cap=CAP, headers={"X-Auth-Token": "secret"})
            assert await fetch(fetcher(Watcher(), settings(server.port)), wanted) == (0, DATA)
        (_, first), (_, second) = server.asked
        assert first["authorization"] == "Basic Ym9iOnRlbGwgbm8gb25l"
        assert first["x-auth-token"] == "secret"
        assert not {"authorization", "x-auth-token", "referer", "cookie"} & second.keys()

    async def test_credentials_go_along_on_the_same_host(self) -> None:
        async with hostile() as server:
            url = f"http://bob:x@images.example:{server.port}/elsewhere"
            await fetch(fetcher(Watcher(), settings(server.port)), url)
        assert [asked[1]["authorization"] for asked in server.asked] == ["Basic Ym9iOng="] * 2

    async def test_a_redirect_brings_none_of_its_own(self) -> None:
        async with hostile() as server:
            server.places["data"] = to(f"http://eve:hers@other.example:{server.port}/chunks")
            url = f"http://bob:x@images.example:{server.port}/data"
            await fetch(fetcher(Watcher(), settings(server.port)), url)
        assert "authorization" not in server.asked[1][1]

    async def test_no_error_tells_them(self) -> None:
        async with hostile() as server:
            url = f"http://bob:geheim@images.example:{server.port}/gone?signature=geheim"
            with pytest.raises(FetchFailed) as error:
                await fetch(fetcher(Watcher(), settings(server.port)), url)
        assert "images.example" in str(error.value)
        assert "geheim" not in str(error.value)

    async def test_no_cookies_are_kept(self) -> None:
        async with hostile() as server:
            fetching = fetcher(Watcher(), settings(server.port))
            for _ in range(2):
                await fetch(fetching, f"http://images.example:{server.port}/cookie")
        assert "cookie" not in server.asked[1][1]


class TestProxies:
    async def test_those_of_the_environment_are_not_asked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "https_proxy"):
            monkeypatch.setenv(name, "http://127.0.0.1:9/")
        async with hostile() as server:
            watcher = Watcher()
            await fetch(fetcher(watcher, settings(server.port)), f"http://images.example:{server.port}/data")
        assert watcher.attempts == [HERE]

    async def test_the_operators_own_is(self) -> None:
        async with hostile() as server:
            server.places["http:"] = says("200 OK", "Content-Length: 4", body=b"data")
            server.places = {f"http://far.example/{name}": says("200 OK", body=b"data") for name in ("disk",)}
            watcher = Watcher()
            chosen = settings(80, proxy=f"http://self.example:{server.port}")
            ANSWERS["self.example"] = (HERE,)
            try:
                assert await fetch(fetcher(watcher, chosen), "http://far.example/disk") == (0, b"data")
            finally:
                ANSWERS["self.example"] = ("127.0.0.1",)
            assert watcher.names == ["self.example"]  # the far name is the proxy's business
            assert await reason_of("http://169.254.169.254/", chosen, watcher) is Reason.METADATA
            assert await reason_of("http://localhost/", chosen, watcher) is Reason.LOOPBACK
        assert [path for path, _ in server.asked] == ["http://far.example/disk"]


class TestSizes:
    async def test_exactly_the_cap(self) -> None:
        async with hostile() as server:
            fetching = fetcher(Watcher(), settings(server.port))
            for place in ("data", "chunks"):
                url = f"http://images.example:{server.port}/{place}"
                assert await fetch(fetching, Wanted(url=url, size_cap=len(DATA))) == (0, DATA)
                with pytest.raises(FetchTooLarge):
                    await fetch(fetching, Wanted(url=url, size_cap=len(DATA) - 1))


class TestGoingOn:
    KNOWN = Facts(size=len(DATA), validator=TAG)

    async def test_the_rest(self) -> None:
        async with hostile() as server:
            url = f"http://images.example:{server.port}/rest"
            found = await fetch(fetcher(Watcher(), settings(server.port)), url, offset=100, known=self.KNOWN)
        assert found == (100, DATA[100:])
        assert server.asked[0][1]["range"] == "bytes=100-"

    @pytest.mark.parametrize("place", ["data", "past-the-end"])
    async def test_another_file_is_taken_from_its_beginning(self, place: str) -> None:
        async with hostile() as server:
            if place != "data":
                behave = server.places[place]

                async def short(call: Call) -> None:
                    await (behave if "range" in call.headers else server.places["data"])(call)

                server.places[place] = short
            url = f"http://images.example:{server.port}/{place}"
            found = await fetch(fetcher(Watcher(), settings(server.port)), url, offset=100, known=self.KNOWN)
        assert found == (0, DATA)

    @pytest.mark.parametrize(
        ("headers", "validator"),
        [
            (('ETag: "strong"',), '"strong"'),
            (('ETag: W/"weak"',), None),
            (("ETag: bare",), None),
            (
                ("Last-Modified: Sat, 01 Nov 2025 00:00:00 GMT", "Date: Sat, 01 Nov 2025 00:02:00 GMT"),
                "Sat, 01 Nov 2025 00:00:00 GMT",
            ),
            (("Last-Modified: Sat, 01 Nov 2025 00:00:00 GMT", "Date: Sat, 01 Nov 2025 00:00:01 GMT"), None),
            (("Last-Modified: yesterday", "Date: today"), None),
        ],
        ids=["strong", "weak", "bare", "old-date", "fresh-date", "no-date"],
    )
    async def test_what_proves_that_it_is_the_same_file(self, headers: tuple[str, ...], validator: str | None) -> None:
        async with hostile() as server:
            server.places["data"] = says("200 OK", "Content-Length: 4", *headers, body=b"data")
            fetching = fetcher(Watcher(), settings(server.port))
            wanted = Wanted(url=f"http://images.example:{server.port}/data", size_cap=CAP)
            async with fetching.open(wanted) as found:
                assert found.facts == Facts(size=4, validator=validator)


class TestTls:
    @pytest.mark.parametrize(
        ("host", "ends", "trusted", "good"),
        [
            ("images.example", dt.timedelta(days=1), True, True),
            ("images.example", dt.timedelta(days=1), False, False),
            ("other.example", dt.timedelta(days=1), True, False),
            ("images.example", dt.timedelta(days=-1), True, False),
        ],
        ids=["good", "unknown-authority", "another-host", "expired"],
    )
    async def test_certificates(self, tmp_path: Path, host: str, ends: dt.timedelta, trusted: bool, good: bool) -> None:
        authority = Authority(tmp_path)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(authority.issue(host, ends=ends))
        async with hostile(context) as server:
            asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # of handshakes that fail, as they should
            chosen = settings(server.port, ca_file=authority.file if trusted else None)
            url = f"https://images.example:{server.port}/data"
            if good:
                assert await fetch(fetcher(Watcher(), chosen), url) == (0, DATA)
            else:
                assert await reason_of(url, chosen) is Reason.TLS

    async def test_no_way_back_to_http(self, tmp_path: Path) -> None:
        authority = Authority(tmp_path)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(authority.issue("images.example"))
        async with hostile(context) as server:
            chosen = settings(server.port, ca_file=authority.file)
            url = f"https://images.example:{server.port}/elsewhere-by-name"
            assert await reason_of(url, chosen) is Reason.DOWNGRADE

    async def test_a_server_without_tls(self) -> None:
        async with hostile() as server:
            assert await reason_of(f"https://images.example:{server.port}/data", settings(server.port)) is Reason.TLS
