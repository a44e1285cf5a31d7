"""The loopback server that a page asks for jobs: one for each browser, closed with it.

Bound to 127.0.0.1 on a port that the kernel picks. Every path begins with a random token, which only
the page gets to know; anything else is answered with 404, and so are names other than 127.0.0.1 in the
Host header, which a web page elsewhere could have pointed here.
"""

from __future__ import annotations

import hmac
import secrets
import select
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from validation.runtimes.browser.mailbox import Mailbox

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".wasm": "application/wasm",
}
_POLL_S = 20.0
"""A request for a job is answered with "none yet" after so long."""


class PageServer:
    """Serves the page's files and passes frames between it and a mailbox.

    Args:
        files: directory with the bundled page.
        mailbox: where jobs come from and results go to.
    """

    def __init__(self, files: Path, mailbox: Mailbox) -> None:
        self.token = secrets.token_urlsafe(24)
        self.mailbox = mailbox
        # Read from disk when asked for; a name that is not in here is not served.
        self.files = {path.name: path for path in files.iterdir() if path.suffix in _TYPES}
        self._http = _Server(("127.0.0.1", 0), _Handler)
        self._http.page_server = self
        self.port: int = self._http.server_address[1]
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Of the page, with the token."""
        return f"http://127.0.0.1:{self.port}/{self.token}/page.html"

    def close(self) -> None:
        """Ends the server; open requests are answered or dropped."""
        self.mailbox.close()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    page_server: PageServer

    def handle_error(self, request: object, client_address: object) -> None:
        """A page that went away in the middle of a request; the mailbox notices by itself."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body are sent apart: with Nagle's algorithm the body waits 40 ms for an acknowledgement.
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        name = self._authorized()
        if name == "job":
            self._send_job()
        elif name == "alive":
            self._watch()
        elif name in self.server.page_server.files:
            path = self.server.page_server.files[name]
            self._reply(200, path.read_bytes(), _TYPES[path.suffix])
        else:
            self._reply(404)

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if self._authorized() != "result":
            self.close_connection = True  # with its body unread
            self._reply(404)
            return
        self.server.page_server.mailbox.deliver(self.rfile.read(length))
        self._reply(204)

    def _authorized(self) -> str:
        """The path after the token; empty without the right token."""
        page = self.server.page_server
        token, _, name = urlsplit(self.path).path.removeprefix("/").partition("/")
        known = hmac.compare_digest(token.encode(), page.token.encode())
        own = f"http://127.0.0.1:{page.port}"
        here = self.headers.get("Host") == own.removeprefix("http://")
        same = self.headers.get("Origin", own) == own
        return name if known and here and same else ""

    def _send_job(self) -> None:
        pieces = self.server.page_server.mailbox.take(_POLL_S)
        if pieces is None:
            self._reply(204)
            return
        self._head(200, "application/octet-stream", sum(map(len, pieces)))
        for piece in pieces:
            self.wfile.write(piece)

    def _watch(self) -> None:
        """Holds the connection until the other end closes it."""
        mailbox = self.server.page_server.mailbox
        self.close_connection = True
        self.send_response(200)
        self._isolate()
        self.end_headers()
        self.wfile.flush()
        while not mailbox.closed:
            if select.select([self.connection], [], [], 1.0)[0] and not _peek(self.connection):
                mailbox.page_is_gone()
                return

    def _reply(self, status: int, body: bytes = b"", kind: str = "text/plain") -> None:
        self._head(status, kind, len(body))
        self.wfile.write(body)

    def _head(self, status: int, kind: str, length: int) -> None:
        self.send_response(status)
        self._isolate()
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()

    def _isolate(self) -> None:
        # Without these there is no SharedArrayBuffer, and every engine drops to one thread in silence.
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.send_header("X-Content-Type-Options", "nosniff")

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: paths hold the token."""


def _peek(connection: socket.socket) -> bytes:
    try:
        return connection.recv(1, socket.MSG_PEEK)
    except OSError:
        return b""
