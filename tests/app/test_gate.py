"""Attacks on the running server: without a session there is the sign-in page and nothing else."""

from __future__ import annotations

import base64
import http.client
import json
import os
import re
import socket
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from app.access.gate import FORM_COOKIE
from app.access.sessions import COOKIE
from ingest.policy import audit
from tests.app.conftest import Served, serving
from tests.app.published_fixture import World

pytestmark = pytest.mark.xdist_group("dashboard")  # one process: one world, one server


def ask(
    served: Served, method: str, path: str, body: str | None = None, **headers: str
) -> tuple[int, dict[str, list[str]], str]:
    """Status, headers (all values) and body of one request."""
    connection = http.client.HTTPConnection(urlsplit(served.address).netloc, timeout=20)
    try:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        found: dict[str, list[str]] = {}
        for name, value in answer.getheaders():
            found.setdefault(name.lower(), []).append(value)
        return answer.status, found, answer.read().decode("utf-8", "replace")
    finally:
        connection.close()


def sign_in(served: Served, user: str, password: str, **headers: str) -> tuple[int, dict[str, list[str]], str]:
    _, found, page = ask(served, "GET", "/login")
    token = found["set-cookie"][0].split(f"{FORM_COOKIE}=")[1].split(";")[0]
    assert re.search(f'name="form_token" value="{re.escape(token)}"', page)
    return ask(
        served,
        "POST",
        "/login",
        urlencode({"form_token": token, "user_name": user, "password": password, "next": "view=about"}),
        Cookie=f"{FORM_COOKIE}={token}",
        Content_Type="application/x-www-form-urlencoded",
        **headers,
    )


def upgrade(served: Served, **headers: str) -> str:
    """First line of the answer to a WebSocket handshake."""
    place = urlsplit(served.address)
    lines = [
        "GET /_stcore/stream HTTP/1.1", f"Host: {place.netloc}", "Upgrade: websocket", "Connection: Upgrade",
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}", "Sec-WebSocket-Version: 13",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]  # fmt: skip
    with socket.create_connection((place.hostname or "", place.port or 0), timeout=20) as connection:
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        return connection.recv(200).decode("latin-1").split("\r\n")[0]


def test_a_stranger_is_led_to_the_sign_in_page_and_the_address_is_kept(served: Served) -> None:
    status, headers, _ = ask(served, "GET", "/?view=person&person=abc")
    assert (status, headers["location"]) == (303, ["/login?next=view%3Dperson%26person%3Dabc"])


@pytest.mark.parametrize(
    "path", ["/_stcore/health", "/_stcore/host-config", "/media/x.csv", "/static/js/x.js", "/index.html", "//", "/app"]
)
def test_nothing_else_answers_a_stranger(served: Served, path: str) -> None:
    status, _, body = ask(served, "GET", path)
    assert status == 401
    assert body == "sign in first"


def test_the_websocket_is_closed_to_a_stranger(served: Served) -> None:
    assert " 403" in upgrade(served)
    assert " 403" in upgrade(served, Cookie=f"{COOKIE}=made-up")


def test_a_session_opens_the_websocket_but_not_to_a_page_of_another_origin(served: Served) -> None:
    status, headers, _ = sign_in(served, "kokuho", "tsumugi-kokuho-demo")
    assert status == 303
    assert headers["location"] == ["/?view=about"]
    cookie = headers["set-cookie"][0]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    session = cookie.split(";")[0]
    assert " 101" in upgrade(served, Cookie=session)
    assert " 403" in upgrade(served, Cookie=session, Origin="http://evil.example")
    ask(served, "GET", "/logout", Cookie=session)
    assert " 403" in upgrade(served, Cookie=session)


def test_a_form_from_another_page_is_refused(served: Served) -> None:
    status, _, _ = ask(
        served, "POST", "/login", urlencode({"user_name": "kokuho", "password": "tsumugi-kokuho-demo"}),
        Content_Type="application/x-www-form-urlencoded",
    )  # fmt: skip
    assert status == 400
    status, _, _ = sign_in(served, "kokuho", "tsumugi-kokuho-demo", Origin="http://evil.example")
    assert status == 400


def test_the_answer_does_not_tell_whether_a_name_exists(served: Served) -> None:
    known = sign_in(served, "federation", "wrong-password-1")
    unknown = sign_in(served, "no-such-person", "wrong-password-1")
    assert known[0] == unknown[0] == 403
    assert re.findall("role=.alert.*?</p>", known[2]) == re.findall("role=.alert.*?</p>", unknown[2])


def test_the_fifth_wrong_password_locks_and_says_for_how_long(served: Served) -> None:
    for _ in range(5):
        sign_in(served, "koiki", "wrong-password-2")
    _, _, page = sign_in(served, "koiki", "tsumugi-koiki-demo")
    assert re.search("あと|秒後", page)


def test_a_next_address_stays_within_the_dashboard_and_is_escaped(served: Served) -> None:
    evil = urlencode({"next": '//evil.example"><script>alert(1)</script>'})
    _, _, page = ask(served, "GET", f"/login?{evil}")
    assert "<script>" not in page
    assert 'value="//evil.example&quot;&gt;&lt;script&gt;' in page, "it comes back as a query, behind /?"


def test_answers_carry_the_headers_that_keep_other_sites_out(served: Served) -> None:
    _, headers, _ = ask(served, "GET", "/login")
    assert headers["x-frame-options"] == ["DENY"]
    assert headers["x-content-type-options"] == ["nosniff"]
    assert headers["cache-control"] == ["no-store"]


def test_sign_ins_are_logged_and_a_password_in_the_wrong_box_is_not(served: Served) -> None:
    sign_in(served, "my-secret-pass-phrase", "x")
    audit.verify(served.audit_path)
    seen = audit.events(served.audit_path)
    assert {"sign_in"} <= {event["action"] for event in seen}
    text = served.audit_path.read_text(encoding="utf-8") + served.log.read_text(encoding="utf-8")
    assert "my-secret-pass-phrase" not in text
    assert "tsumugi-kokuho-demo" not in text


def test_a_process_for_one_tenant_signs_in_nobody_else(world: World, tmp_path: Path) -> None:
    with serving(world.workspace, tmp_path / "serve.log", tenant="eisei-16208") as narrowed:
        assert sign_in(narrowed, "kokuho", "tsumugi-kokuho-demo")[0] == 403
        assert sign_in(narrowed, "eisei", "tsumugi-eisei-demo")[0] == 303
    assert json.dumps(audit.events(narrowed.audit_path)).count("refused: another tenant") == 1
