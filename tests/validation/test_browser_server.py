"""The loopback server: who gets in, what is served, how frames pass."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from validation.runtimes.browser.mailbox import Mailbox, PageGoneError
from validation.runtimes.browser.server import PageServer


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PageServer]:
    (tmp_path / "page.html").write_text("<p>page</p>")
    (tmp_path / "engine.wasm").write_bytes(b"\0asm")
    (tmp_path / "secret.txt").write_text("not for pages")
    running = PageServer(tmp_path, Mailbox())
    yield running
    running.close()


def ask(
    server: PageServer, path: str, body: bytes | None = None, **headers: str
) -> tuple[int, bytes, http.client.HTTPMessage]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request("GET" if body is None else "POST", path, body, headers)
    answer = connection.getresponse()
    result = answer.status, answer.read(), answer.headers
    connection.close()
    return result


def nothing() -> None:
    """The process is fine."""


def test_the_page_comes_isolated_so_that_engines_get_threads(server: PageServer) -> None:
    status, body, headers = ask(server, f"/{server.token}/page.html")
    assert (status, body) == (200, b"<p>page</p>")
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Embedder-Policy"] == "require-corp"
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert ask(server, f"/{server.token}/engine.wasm")[2]["Content-Type"] == "application/wasm"


@pytest.mark.parametrize(
    "path",
    [
        "/page.html",
        "/{wrong}/page.html",
        "/{token}/secret.txt",
        "/{token}/../page.html",
        "/{token}/%2e%2e/page.html",
        "/{token}/",
        "/",
    ],
)
def test_nothing_else_is_served(server: PageServer, path: str) -> None:
    path = path.format(token=server.token, wrong="x" * len(server.token))
    assert ask(server, path)[:2] == (404, b"")


def test_another_site_gets_nothing_even_with_the_token(server: PageServer) -> None:
    page = f"/{server.token}/page.html"
    assert ask(server, page, Host=f"evil.example:{server.port}")[0] == 404
    assert ask(server, page, Origin="http://evil.example")[0] == 404
    assert ask(server, page, Origin=f"http://127.0.0.1:{server.port}")[0] == 200
    assert ask(server, f"/{server.token}/result", b"forged", Origin="http://evil.example")[0] == 404
    assert ask(server, "/wrong/result", b"forged")[0] == 404
    assert server.mailbox._result is None


def test_it_listens_on_the_loopback_only(server: PageServer) -> None:
    assert server._http.server_address[0] == "127.0.0.1"


def test_a_frame_goes_to_the_page_and_its_answer_comes_back(server: PageServer) -> None:
    base = f"/{server.token}"

    def page() -> None:
        job = ask(server, f"{base}/job")[1]
        ask(server, f"{base}/result", job[::-1])

    thread = threading.Thread(target=page)
    thread.start()
    assert server.mailbox.exchange([b"ab", b"", b"cde"], 10, nothing) == b"edcba"
    thread.join()


def test_a_page_that_never_loads_ends_in_an_error(server: PageServer) -> None:
    with pytest.raises(PageGoneError) as caught:
        server.mailbox.wait_for_page(0.3, nothing)
    assert str(caught.value) == "the page did not load within 0.3 s"


def test_a_page_that_loads_and_asks_for_nothing_ends_in_an_error(server: PageServer) -> None:
    ask(server, f"/{server.token}/page.html")
    with pytest.raises(PageGoneError) as caught:
        server.mailbox.wait_for_page(0.3, nothing)
    assert str(caught.value) == "the page did not load within 0.3 s"


def test_a_page_that_hangs_ends_in_an_error(server: PageServer) -> None:
    with pytest.raises(PageGoneError) as caught:
        server.mailbox.exchange([b"job"], 0.3, nothing)
    assert str(caught.value) == "the page gave no answer within 0.3 s"


def test_a_page_that_crashes_is_noticed_at_once(server: PageServer) -> None:
    base = f"/{server.token}"
    ask(server, f"{base}/page.html")
    alive = http.client.HTTPConnection("127.0.0.1", server.port)
    alive.request("GET", f"{base}/alive")
    answer = alive.getresponse()
    threading.Thread(target=ask, args=(server, f"{base}/job"), daemon=True).start()

    def crash() -> None:
        time.sleep(0.2)
        answer.close()
        alive.close()

    threading.Thread(target=crash).start()
    start = time.monotonic()
    with pytest.raises(PageGoneError) as caught:
        server.mailbox.exchange([b"job"], 60, nothing)
    assert str(caught.value) == "the page crashed"
    assert time.monotonic() - start < 5
