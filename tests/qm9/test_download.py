"""Downloads, from a server on this machine that answers well and badly."""

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from t2d_mol.errors import MissingError
from t2d_mol.qm9.download import Published, download

BODY = b"a published file\n" * 1000
FILE = Published("file.bin", 42, len(BODY), hashlib.md5(BODY).hexdigest())


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        kind = self.path.split("/")[1]
        body = {"good": BODY, "short": BODY[:100], "wrong": BODY.replace(b"a", b"b"), "empty": b""}.get(kind, b"")
        self.send_response({"empty": 202, "gone": 404}.get(kind, 200))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{httpd.server_port}/"
    httpd.shutdown()


def test_a_good_answer_is_kept_and_not_fetched_again(server: str, tmp_path: Path) -> None:
    path = download(FILE, tmp_path, homes=(server + "good/",))
    assert path.read_bytes() == BODY
    assert download(FILE, tmp_path, homes=()) == path


@pytest.mark.parametrize("kind", ["empty", "short", "wrong", "gone"])
def test_a_bad_answer_is_named_and_the_next_address_tried(server: str, tmp_path: Path, kind: str) -> None:
    with pytest.raises(MissingError, match=f"{kind}/42"):
        download(FILE, tmp_path, homes=(f"{server}{kind}/",))
    assert not list(tmp_path.iterdir())
    assert download(FILE, tmp_path, homes=(f"{server}{kind}/", f"{server}good/")).read_bytes() == BODY
