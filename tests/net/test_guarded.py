"""Pages whose address somebody else chose: from where they are read, and how much of them."""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
import sys
from collections.abc import Callable

import pytest
import uvloop
from aiohttp.abc import AbstractResolver, ResolveResult

from aiocrew.errors import AiocrewError, BlueprintError, UsageError
from aiocrew.net.guarded import Gate, fetch_page
from aiocrew.net.page import PageError, PageRefusedError
from tests.net.loopback import Provider, beginning, connect_proxy, ending, hang, http, serving

HTML = {"Content_Type": "text/html"}


class Names(AbstractResolver):
    """Gives the addresses of a script, one list for each lookup; the last one for all that follow."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked.append(host)
        addresses = self.answers[min(len(self.asked), len(self.answers)) - 1]
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [
            ResolveResult(hostname=host, host=address, port=port, family=socket.AF_INET, proto=0, flags=0)
            for address in addresses
        ]

    async def close(self) -> None:
        pass


def only(*allowed: str) -> Callable[[str], str | None]:
    """Refuse all addresses but these, which stand for public ones."""
    return lambda address: None if address in allowed else "a private address"


def address(provider: Provider, host: str = "127.0.0.1", path: str = "/page") -> str:
    return f"http://{host}:{provider.port}{path}"


def redirect(to: str, status: str = "302 Found", **headers: str) -> bytes:
    return http(b"", status, Location=to, **headers)


async def test_a_page_is_fetched_from_the_own_network_when_that_is_allowed() -> None:
    async with serving(http(b"<p>hello</p>", **HTML)) as server:
        page = await fetch_page(address(server) + "?q=1#part", allow_private=True)
    assert (page.status, page.content_type, page.body, page.truncated) == (200, "text/html", b"<p>hello</p>", False)
    assert page.url == address(server) + "?q=1"
    assert server.requests[0].head.startswith("GET /page?q=1 HTTP/1.1")
    assert "aiocrew" in (server.requests[0].header("user-agent") or "")


@pytest.mark.parametrize("status", ["404 Not Found", "500 Oh", "304 Not Modified", "302 Found"])
async def test_an_answer_is_a_page_whatever_its_status(status: str) -> None:
    async with serving(http(b"", status)) as server:
        page = await fetch_page(address(server), allow_private=True)
    assert page.status == int(status[:3])


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "0x7f.1", "0.0.0.0", "2130706433"])
async def test_the_own_machine_is_refused_however_it_is_written(host: str) -> None:
    async with serving(http(b"secret")) as server:
        with pytest.raises(PageError, match=r"allow_private=True|is not a canonical IPv4 address"):
            await fetch_page(address(server, host))
    assert server.connections == 0


@pytest.mark.parametrize(
    "host", ["[::1]", "[::ffff:127.0.0.1]", "[fe80::1]", "10.0.0.1", "169.254.169.254", "100.100.100.200"]
)
async def test_other_networks_are_refused_by_their_numbers(host: str) -> None:
    with pytest.raises(PageRefusedError, match="leads to a"):
        await fetch_page(f"http://{host}/latest/meta-data/")


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://example.com/",
        "gopher://127.0.0.1:25/x",
        "data:text/plain,x",
        "example.com",
        "//example.com/",
        "http://",
        "http://[::1",
        "http://host:99999/",
        "",
    ],
)
async def test_what_is_no_web_address_is_refused(url: str) -> None:
    with pytest.raises(PageRefusedError, match=r"http\(s\)://host"):
        await fetch_page(url, allow_private=True)


@pytest.mark.parametrize("url", ["http://me:secret@127.0.0.1/", "http://me@127.0.0.1/", "http://:secret@127.0.0.1/"])
async def test_a_user_in_the_address_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(PageRefusedError, match="user name or password") as caught:
        await fetch_page(url, allow_private=True)
    assert "secret" not in str(caught.value)


def test_a_refusal_is_an_error_of_ours_and_of_the_value() -> None:
    assert issubclass(PageRefusedError, PageError)
    assert issubclass(PageRefusedError, (AiocrewError, ValueError))


async def test_a_name_that_leads_to_the_own_network_is_refused() -> None:
    names = Names(["127.0.0.1"])
    async with serving(http(b"secret")) as server:
        with pytest.raises(PageRefusedError, match="a loopback address"):
            await fetch_page(address(server, "harmless.example"), gate=Gate(resolver=names))
    assert server.connections == 0


async def test_of_a_names_addresses_only_those_that_are_allowed_are_connected_to() -> None:
    async with serving(http(b"page")) as server:
        gate = Gate(only("127.0.0.1"), Names(["10.0.0.1", "127.0.0.1", "192.168.0.1"]))
        page = await fetch_page(address(server, "mixed.example"), gate=gate)
    assert page.body == b"page"


async def test_where_an_allowed_address_does_not_answer_the_error_is_that_and_no_refusal() -> None:
    async with serving(b"") as server:
        pass
    gate = Gate(only("127.0.0.1"), Names(["10.0.0.1", "127.0.0.1"]))
    with pytest.raises(PageError, match="no connection") as caught:
        await fetch_page(address(server, "mixed.example"), gate=gate)
    assert not isinstance(caught.value, PageRefusedError)


async def test_a_name_is_looked_up_once_for_a_connection_and_what_was_found_is_what_is_checked() -> None:
    names = Names(["127.0.0.1"], ["10.0.0.1"])
    async with serving(http(b"page")) as server:
        page = await fetch_page(address(server, "rebinding.example"), gate=Gate(only("127.0.0.1"), names))
    assert (page.body, names.asked) == (b"page", ["rebinding.example"])


@pytest.mark.skipif(sys.platform != "linux", reason="only there all of 127.0.0.0/8 is the own machine")
async def test_a_name_that_is_public_first_and_private_then_is_refused_at_the_redirect() -> None:
    names = Names(["127.0.0.1"], ["127.0.0.2"])
    async with serving(redirect("/again"), http(b"secret")) as server:
        with pytest.raises(PageRefusedError, match="/again is refused: it leads to a private address"):
            await fetch_page(address(server, "rebinding.example"), gate=Gate(only("127.0.0.1"), names))
    assert len(server.requests) == 1


@pytest.mark.parametrize("to", ["http://10.0.0.1/", "//192.168.0.1/x", "http://[::1]/"])
async def test_a_redirect_to_the_own_network_is_refused(to: str) -> None:
    async with serving(redirect(to)) as server:
        with pytest.raises(PageRefusedError, match="allow_private=True"):
            await fetch_page(address(server), gate=Gate(only("127.0.0.1")))


@pytest.mark.parametrize("to", ["file:///etc/passwd", "javascript:alert(1)", "http://me:secret@127.0.0.1/", "http://["])
async def test_a_redirect_to_what_is_no_page_is_refused(to: str) -> None:
    async with serving(redirect(to)) as server:
        with pytest.raises(PageRefusedError, match="leads on to what may not be asked for") as caught:
            await fetch_page(address(server), allow_private=True)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("status", ["301 M", "302 F", "303 S", "307 T", "308 P"])
async def test_redirects_are_followed_to_the_page(status: str) -> None:
    async with serving(redirect("/b/c?x=1", status), redirect("../d", status), http(b"there")) as server:
        page = await fetch_page(address(server, path="/a"), allow_private=True)
    assert (page.body, page.url) == (b"there", address(server, path="/d"))
    assert [seen.head.split()[1] for seen in server.requests] == ["/a", "/b/c?x=1", "/d"]


async def test_a_loop_of_redirects_ends() -> None:
    async with serving(redirect("/page")) as server:
        with pytest.raises(PageError, match="redirects more than 3 times"):
            await fetch_page(address(server), allow_private=True, max_redirects=3)
    assert len(server.requests) == 4


async def test_a_cookie_of_a_redirect_is_sent_back() -> None:
    async with serving(redirect("/in", Set_Cookie="seen=1"), http(b"in")) as server:
        await fetch_page(address(server, "web.example"), gate=Gate(None, Names(["127.0.0.1"])))
    assert [seen.header("cookie") for seen in server.requests] == [None, "seen=1"]


async def test_a_cookie_does_not_go_to_another_name() -> None:
    async with serving(http(b"there")) as other:
        given = redirect(address(other, "b.example"), Set_Cookie="seen=1")
        async with serving(given) as server:
            await fetch_page(address(server, "a.example"), gate=Gate(None, Names(["127.0.0.1"])))
    assert other.requests[0].header("cookie") is None


async def test_headers_go_to_the_server_that_they_are_for_only() -> None:
    own = {"Authorization": "Bearer key", "Cookie": "a=1", "user-agent": "mine", "Accept-Encoding": "br"}
    async with serving(http(b"there")) as other, serving(redirect("/2"), redirect(address(other))) as server:
        await fetch_page(address(server), allow_private=True, headers=own)
    for seen in server.requests:
        assert (seen.header("authorization"), seen.header("cookie")) == ("Bearer key", "a=1")
    (seen,) = other.requests
    assert (seen.header("authorization"), seen.header("cookie")) == (None, None)
    assert (seen.header("user-agent"), seen.header("accept-encoding")) == ("mine", "gzip, deflate")
    assert seen.head.lower().count("user-agent") == 1


async def test_a_header_with_a_line_break_is_the_programs_fault() -> None:
    with pytest.raises(BlueprintError, match="line break"):
        await fetch_page("http://127.0.0.1/", allow_private=True, headers={"X": "a\r\nHost: b"})


@pytest.mark.parametrize("header", [("X y", "a"), ("", "a"), ("X", "a\x0bb"), ("X", "\ud800"), ("X:", "a")])
async def test_a_header_that_cannot_be_sent_is_the_programs_fault(header: tuple[str, str]) -> None:
    with pytest.raises(BlueprintError, match="the header"):
        await fetch_page("http://127.0.0.1/", allow_private=True, headers=dict([header]))


@pytest.mark.parametrize(
    "answer",
    [
        http(b"", "302 Found", Location="http://10.0.0.1/" + "a" * 9_000),
        b"HTTP/1.1 200 OK\r\nX: " + b"b" * 70_000 + b"\r\n\r\n",
    ],
)
async def test_what_a_server_says_does_not_make_a_message_without_end(answer: bytes) -> None:
    async with serving(answer) as server:
        with pytest.raises(PageError) as caught:
            await fetch_page(address(server, "web.example"), gate=Gate(only("127.0.0.1"), Names(["127.0.0.1"])))
    assert len(str(caught.value)) < 1_000


@pytest.mark.parametrize(("size", "truncated"), [(999, False), (1_000, False), (1_001, True), (2_000_000, True)])
async def test_of_a_long_page_the_beginning_is_returned(size: int, truncated: bool) -> None:
    async with serving(http(b"x" * size)) as server:
        page = await fetch_page(address(server), allow_private=True, max_bytes=1_000)
    assert (len(page.body), page.truncated) == (min(size, 1_000), truncated)


async def test_a_page_without_end_is_left_at_the_limit() -> None:
    async def pour(provider: Provider, seen: object, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"1000\r\n" + b"x" * 4_096 + b"\r\n")
            await writer.drain()

    async with serving(pour) as server:
        page = await fetch_page(address(server), allow_private=True, max_bytes=10_000)
        await server.gone.wait()
    assert (len(page.body), page.truncated) == (10_000, True)


async def test_a_gzip_bomb_stops_at_the_limit() -> None:
    bomb = gzip.compress(bytes(20_000_000))
    async with serving(http(bomb, Content_Encoding="gzip")) as server:
        page = await fetch_page(address(server), allow_private=True, max_bytes=10_000)
    assert (page.body, page.truncated) == (bytes(10_000), True)


async def test_endless_gzip_that_holds_nothing_stops_at_the_limit_too() -> None:
    nothing = gzip.compress(b"") * 10_000
    async with serving(http(nothing, Content_Encoding="gzip")) as server:
        page = await fetch_page(address(server), allow_private=True, max_bytes=1_000)
    assert (page.body, page.truncated) == (b"", True)


async def test_a_compressed_page_is_decompressed() -> None:
    async with serving(http(gzip.compress(b"hello"), Content_Encoding="gzip")) as server:
        page = await fetch_page(address(server), allow_private=True)
    assert (page.body, page.truncated) == (b"hello", False)


@pytest.mark.parametrize("encoding", ["gzip", "br"])
async def test_what_cannot_be_decompressed_is_an_error(encoding: str) -> None:
    async with serving(http(b"hello", Content_Encoding=encoding)) as server:
        with pytest.raises(PageError, match=f"could not be fetched: .*{encoding}"):
            await fetch_page(address(server), allow_private=True)


SLOW = {
    "no answer": hang,
    "half a head": beginning(b"HTTP/1.1 200 OK\r\nContent-"),
    "half a body": beginning(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"),
}


@pytest.mark.parametrize("kind", SLOW)
async def test_a_slow_server_is_left_in_time(kind: str) -> None:
    async with serving(SLOW[kind]) as server:
        with pytest.raises(PageError, match=r"was not there within 0\.05 s"):
            await fetch_page(address(server), allow_private=True, timeout_s=0.05)
        if server.connections:
            await server.gone.wait()


async def test_the_time_is_that_of_all_redirects_together() -> None:
    async with serving(redirect("/on")) as server:
        with pytest.raises(PageError, match="was not there within"):
            await fetch_page(address(server), allow_private=True, timeout_s=0.1, max_redirects=1_000_000)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"", "closed the connection"),
        (b"nonsense\r\n\r\n", "not HTTP"),
        (ending(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), "broke before the answer was whole"),
    ],
)
async def test_a_broken_answer_is_an_error_that_says_how(answer: bytes, said: str) -> None:
    async with serving(answer) as server:
        with pytest.raises(PageError, match=said):
            await fetch_page(address(server, path="/page?key=secret"), allow_private=True)


async def test_a_server_that_is_not_there() -> None:
    async with serving(b"") as server:
        pass
    with pytest.raises(PageError, match="no connection") as caught:
        await fetch_page(address(server, path="/page?key=secret"), allow_private=True)
    assert "secret" not in str(caught.value)


async def test_a_name_that_nobody_has() -> None:
    with pytest.raises(PageError, match="name could not be resolved"):
        await fetch_page("http://nobody.example/", gate=Gate(resolver=Names([])))


async def test_cancelling_closes_the_connection() -> None:
    async with serving(hang) as server:
        fetching = asyncio.create_task(fetch_page(address(server), allow_private=True))
        await server.arrived.wait()
        fetching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await fetching
        await server.gone.wait()


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
@pytest.mark.parametrize("kept", ["keep-alive", "close"])
def test_nothing_is_open_afterwards(kept: str, new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    async def main() -> int:
        async with serving(redirect("/2"), http(b"there", Connection=kept)) as server:
            await fetch_page(address(server), allow_private=True)
            while server.open:
                server.gone.clear()
                await server.gone.wait()
            return server.connections

    with asyncio.Runner(loop_factory=new_loop) as runner:
        assert runner.run(main()) == 2


async def test_many_at_once_do_not_cross() -> None:
    async def echo(provider: Provider, seen: object, writer: asyncio.StreamWriter) -> None:
        writer.write(http(seen.head.split()[1].encode()))  # type: ignore[attr-defined]

    async with serving(echo) as server:
        paths = [f"/{number}" for number in range(50)]
        pages = await asyncio.gather(*[fetch_page(address(server, path=path), allow_private=True) for path in paths])
    assert [page.body.decode() for page in pages] == paths


async def test_over_tls_the_name_is_verified(trusted: ssl.SSLContext) -> None:
    async with serving(http(b"safe"), tls=trusted) as server:
        names = Names(["127.0.0.1"])
        page = await fetch_page(f"https://localhost:{server.port}/", gate=Gate(only("127.0.0.1"), names))
        assert page.body == b"safe"
        with pytest.raises(PageError, match="certificate is not trusted"):
            await fetch_page(f"https://other.example:{server.port}/", gate=Gate(only("127.0.0.1"), names))


async def test_over_tls_nothing_is_open_afterwards(trusted: ssl.SSLContext) -> None:
    async with serving(http(b"safe", Connection="close"), tls=trusted) as server:
        await fetch_page(f"https://localhost:{server.port}/", allow_private=True)
        while server.open:
            server.gone.clear()
            await server.gone.wait()


async def test_a_redirect_from_https_to_http_is_followed_without_the_headers(trusted: ssl.SSLContext) -> None:
    async with serving(http(b"plain")) as plain, serving(redirect(address(plain)), tls=trusted) as server:
        page = await fetch_page(f"https://localhost:{server.port}/", allow_private=True, headers={"Cookie": "a=1"})
    assert page.body == b"plain"
    assert (server.requests[0].header("cookie"), plain.requests[0].header("cookie")) == ("a=1", None)


async def test_a_proxy_is_used_though_its_own_address_is_private(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(http(b"page")) as server, connect_proxy(server.port) as (port, asked):
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
        gate = Gate(only("8.8.8.8"), Names(["8.8.8.8"]))
        page = await fetch_page("http://web.example/page", gate=gate)
    assert page.body == b"page"
    assert asked[0].startswith("GET http://web.example/page ")


async def test_a_proxy_is_used_over_tls(monkeypatch: pytest.MonkeyPatch, trusted: ssl.SSLContext) -> None:
    async with serving(http(b"page"), tls=trusted) as server, connect_proxy(server.port) as (port, asked):
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
        page = await fetch_page("https://localhost/page", gate=Gate(only("8.8.8.8"), Names(["8.8.8.8"])))
    assert page.body == b"page"
    assert asked[0].startswith("CONNECT localhost:443 ")


@pytest.mark.parametrize("addresses", [["10.0.0.1"], ["8.8.8.8", "10.0.0.1"], []])
async def test_a_proxy_is_not_asked_for_what_is_not_public_or_cannot_be_checked(
    addresses: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(http(b"secret")) as server, connect_proxy(server.port) as (port, asked):
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
        with pytest.raises(PageRefusedError, match="allow_private=True"):
            await fetch_page("http://intra.example/", gate=Gate(resolver=Names(addresses)))
    assert asked == []


@pytest.mark.parametrize("host", ["0127.0.0.1", "8.8.2056", "0x8.8.8.8", "8.8.8.8."])
async def test_a_proxy_is_not_asked_for_a_number_that_it_may_read_otherwise(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(http(b"secret")) as server, connect_proxy(server.port) as (port, asked):
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
        with pytest.raises(PageRefusedError, match="may read"):
            await fetch_page(f"http://{host}/", gate=Gate(resolver=Names(["8.8.8.8"])))
    assert asked == []


async def test_with_allow_private_a_proxy_alone_looks_up_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(http(b"page")) as server, connect_proxy(server.port) as (port, _):
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
        names = Names(["127.0.0.1"])
        page = await fetch_page("http://intra.example/", gate=Gate(None, names))
    assert (page.body, names.asked) == (b"page", [])


async def test_a_proxy_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "socks5://127.0.0.1:1")
    with pytest.raises(UsageError, match="socks5"):
        await fetch_page("http://web.example/", allow_private=True)
