"""Alerts over real sockets: an SMTP server with STARTTLS, and an HTTP server that checks."""

from __future__ import annotations

import base64
import datetime as dt
import email
import email.policy
import hashlib
import hmac
import http.server
import ipaddress
import json
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import ValidationError
from typer.testing import CliRunner

from pipelines.alerts import RUN_FAILED, Item, alert
from pipelines.cli import app
from warehouse.home import Home
from warehouse.settings import AlertSettings, MailSettings, WebhookSettings

PASSWORD = "sandi-yang-tidak-boleh-tampak"
SECRET = "kunci-bersama"
NIK = "3171049001900001"
ITEMS = [
    Item(RUN_FAILED, "coverage", "the totals do not agree", blocking=True),
    Item("delivered", "landing/jmo_members", f"nothing has arrived, nor for {NIK}"),
]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of 127.0.0.1 with its key, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    file.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return file


class Smtp(socketserver.ThreadingTCPServer):
    """As much of an SMTP server as a client needs; it notes what it is told, and under TLS."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, certificate: Path, *, offers_tls: bool = True) -> None:
        super().__init__(("127.0.0.1", 0), _SmtpTalk)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate)
        self.offers_tls = offers_tls
        self.lines: list[tuple[bool, str]] = []
        self.mails: list[str] = []

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _SmtpTalk(socketserver.BaseRequestHandler):
    server: Smtp

    def handle(self) -> None:
        line: socket.socket = self.request
        secure = False
        reader = line.makefile("rb")
        line.sendall(b"220 here\r\n")
        while text := reader.readline().decode().strip():
            self.server.lines.append((secure, text))
            verb = text.split()[0].upper()
            if verb == "EHLO":
                tls = b"250-STARTTLS\r\n" if self.server.offers_tls and not secure else b""
                line.sendall(b"250-here\r\n" + tls + b"250 AUTH PLAIN\r\n")
            elif verb == "STARTTLS":
                line.sendall(b"220 go\r\n")
                line, secure = self.server.context.wrap_socket(line, server_side=True), True
                reader = line.makefile("rb")
            elif verb == "AUTH":
                told = base64.b64decode(text.split()[2]).decode().split("\0")
                good = told[1:] == ["cakupan", PASSWORD]
                line.sendall(b"235 good\r\n" if good else b"535 no\r\n")
            elif verb == "DATA":
                line.sendall(b"354 go on\r\n")
                body = b""
                while (row := reader.readline()) != b".\r\n":
                    body += row
                self.server.mails.append(body.decode())
                line.sendall(b"250 taken\r\n")
            elif verb == "QUIT":
                line.sendall(b"221 bye\r\n")
                return
            else:
                line.sendall(b"250 good\r\n")


class _Hook(http.server.BaseHTTPRequestHandler):
    answers: ClassVar[list[int]] = []
    got: ClassVar[list[tuple[dict[str, str], bytes]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.got.append(({k.lower(): v for k, v in self.headers.items()}, body))
        status = self.answers.pop(0) if self.answers else 200
        self.send_response(status)
        if status in (301, 302, 307):
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


def _serving(server: socketserver.BaseServer) -> Iterator[Any]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def smtp(certificate: Path) -> Iterator[Smtp]:
    yield from _serving(Smtp(certificate))


@pytest.fixture
def hook() -> Iterator[str]:
    _Hook.answers, _Hook.got = [], []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Hook)
    for each in _serving(server):
        yield f"http://127.0.0.1:{each.server_address[1]}/alerts?room=1"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("CAKUPAN_SMTP_PASSWORD", PASSWORD)
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    return Home(tmp_path / "home").ensure()


def _mail(smtp: Smtp, certificate: Path, **others: object) -> AlertSettings:
    facts: dict[str, object] = {
        "host": "127.0.0.1",
        "port": smtp.port,
        "sender": "cakupan@example.go.id",
        "recipients": ["a@example.go.id", "b@example.go.id"],
        "username": "cakupan",
        "ca_file": certificate,
        "timeout_seconds": 5,
    }
    return AlertSettings(mail=MailSettings.model_validate(facts | others))


def _webhook(url: str, **others: object) -> AlertSettings:
    facts: dict[str, object] = {"url": url, "secret_env": "HOOK_SECRET", "backoff_seconds": 0}
    return AlertSettings(webhooks=(WebhookSettings.model_validate(facts | others),))


def _tell(home: Home, settings: AlertSettings, **others: Any) -> tuple[bool, list[str]]:
    log: list[str] = []
    facts: dict[str, Any] = {
        "run_id": "r1", "job": "period", "period": "2026-10", "items": ITEMS, "failed": True,
    }  # fmt: skip
    return alert(home, settings, log=log.append, **facts | others), log


def _sent(home: Home) -> dict[str, str]:
    last = (home.path / "alerts-sent.jsonl").read_text("utf-8").splitlines()[-1]
    return {k: v for k, v in json.loads(last).items() if k not in ("id", "at")}


def _everything(home: Home) -> str:
    return "".join(p.read_text("utf-8") for p in home.path.iterdir() if p.is_file())


def test_mail_goes_to_everyone_under_tls_and_names_the_runbook(
    home: Home, smtp: Smtp, certificate: Path
) -> None:
    settings = _mail(smtp, certificate)
    told, log = _tell(home, settings)
    assert (told, log, _sent(home)) == (True, [], {"mail": "sent"})
    (text,) = smtp.mails
    mail = email.message_from_string(text, policy=email.policy.default)
    assert mail["Subject"] == "[Cakupan] GAGAL period 2026-10: 2 hal"
    assert mail["To"] == "a@example.go.id, b@example.go.id"
    body = mail.get_body()
    assert body is not None
    shown = body.get_content()
    assert "the totals do not agree" in shown
    assert "docs/guides/runbook.md#run_failed" in shown
    assert "docs/guides/runbook.md#delivered" in shown
    assert NIK not in text
    secure = {line.split()[0].upper(): tls for tls, line in smtp.lines}
    assert secure["STARTTLS"] is False
    assert secure["AUTH"] is secure["MAIL"] is secure["DATA"] is True
    assert {line for _, line in smtp.lines if line.upper().startswith("RCPT")} == {
        "rcpt TO:<a@example.go.id>", "rcpt TO:<b@example.go.id>",
    }  # fmt: skip


def test_a_server_without_tls_is_told_nothing(home: Home, certificate: Path) -> None:
    for smtp in _serving(Smtp(certificate, offers_tls=False)):
        told, log = _tell(home, _mail(smtp, certificate))
        assert told is True
        assert smtp.mails == []
        assert not any(PASSWORD in line or "AUTH" in line for _, line in smtp.lines)
        assert log == ["alerts: mail could not be told (SMTPNotSupportedError)"]


def test_a_server_that_nobody_vouches_for_is_told_nothing(
    home: Home, smtp: Smtp, certificate: Path
) -> None:
    _told, log = _tell(home, _mail(smtp, certificate, ca_file=None))
    assert smtp.mails == []
    assert log == ["alerts: mail could not be told (SSLCertVerificationError)"]


def test_a_wrong_password_is_told_by_its_code_alone(
    home: Home, smtp: Smtp, certificate: Path, tmp_path: Path
) -> None:
    wrong = tmp_path / "password"
    wrong.write_text("salah-sekali\n")
    _told, log = _tell(home, _mail(smtp, certificate, password_file=wrong))
    assert log == ["alerts: mail could not be told (SMTPAuthenticationError 535)"]
    assert "salah-sekali" not in _everything(home)
    assert PASSWORD not in _everything(home)


def test_the_password_may_come_from_a_file(
    home: Home, smtp: Smtp, certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CAKUPAN_SMTP_PASSWORD")
    _tell(home, _mail(smtp, certificate))
    assert _sent(home) == {"mail": "UsageError"}
    file = tmp_path / "password"
    file.write_text(PASSWORD + "\n")
    _tell(home, _mail(smtp, certificate, password_file=file), run_id="r2")
    assert _sent(home) == {"mail": "sent"}


def test_a_password_is_never_sent_in_clear() -> None:
    with pytest.raises(ValidationError, match="TLS alone"):
        MailSettings(
            host="x", sender="a@b", recipients=("c@d",), username="cakupan", security="none"
        )


def test_a_webhook_gets_signed_json(home: Home, hook: str) -> None:
    assert _tell(home, _webhook(hook)) == (True, [])
    ((headers, body),) = _Hook.got
    stamp = headers["x-cakupan-timestamp"]
    signed = hmac.new(SECRET.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    assert headers["x-cakupan-signature"] == f"sha256={signed}"
    facts = json.loads(body)
    assert headers["x-cakupan-id"] == facts["id"]
    assert [item["kind"] for item in facts["items"]] == ["run_failed", "delivered"]
    assert facts["items"][1]["runbook"] == "docs/guides/runbook.md#delivered"
    assert facts["severity"] == "error"
    assert NIK not in body.decode()


@pytest.mark.parametrize(
    ("answers", "tries", "outcome"),
    [
        ([503, 500, 204], 3, "sent"),
        ([429, 200], 2, "sent"),
        ([500] * 9, 3, "HTTP 500"),
        ([403, 200], 1, "HTTP 403"),
        ([302, 200], 1, "HTTP 302"),
    ],
)
def test_a_webhook_is_tried_again_a_few_times_where_that_may_help(
    home: Home, hook: str, answers: list[int], tries: int, outcome: str
) -> None:
    _Hook.answers = answers
    told, _log = _tell(home, _webhook(hook))
    assert told is True
    assert _sent(home) == {"webhook 1": outcome}
    assert len(_Hook.got) == tries
    assert len({headers["x-cakupan-id"] for headers, _ in _Hook.got}) == 1


def test_one_that_does_not_answer_is_given_up_in_time(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        settings = _webhook(
            f"http://127.0.0.1:{deaf.getsockname()[1]}/", timeout_seconds=0.1, attempts=2
        )
        before = dt.datetime.now(dt.UTC)
        _told, log = _tell(home, settings)
    assert (dt.datetime.now(dt.UTC) - before).total_seconds() < 3
    assert log == ["alerts: webhook 1 could not be told (TimeoutError)"]


def test_nobody_at_home_is_told_without_the_address(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    _told, log = _tell(home, _webhook(f"http://127.0.0.1:{port}/hooks/T0KEN"))
    assert log == ["alerts: webhook 1 could not be told (ConnectionRefusedError)"]
    assert "T0KEN" not in _everything(home)


def test_an_alert_does_not_leave_this_machine_in_clear(home: Home) -> None:
    _told, log = _tell(home, _webhook("http://example.go.id/hook"))
    assert log == [
        "alerts: webhook 1 could not be told "
        "(alerts: a webhook needs https, or http on this machine)"
    ]


@pytest.mark.parametrize("missing", ["HOOK_SECRET", "HOOK_URL"])
def test_a_named_secret_that_is_not_set_sends_nothing_unsigned(
    home: Home, hook: str, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setenv("HOOK_URL", hook)
    monkeypatch.delenv(missing)
    settings = AlertSettings(
        webhooks=(WebhookSettings(url_env="HOOK_URL", secret_env="HOOK_SECRET"),)
    )
    _told, log = _tell(home, settings)
    assert len(log) == 1
    assert _Hook.got == []


def test_one_channel_that_fails_keeps_no_other_from_being_told(
    home: Home, hook: str, smtp: Smtp, certificate: Path
) -> None:
    settings = _mail(smtp, certificate, ca_file=None).model_copy(
        update={"webhooks": _webhook(hook).webhooks}
    )
    _tell(home, settings)
    assert _sent(home) == {"mail": "SSLCertVerificationError", "webhook 1": "sent"}
    assert len(_Hook.got) == 1


def test_warnings_are_written_but_not_sent_where_the_settings_say_so(home: Home, hook: str) -> None:
    quiet = _webhook(hook).model_copy(update={"warnings": False})
    told, _log = _tell(home, quiet, failed=False)
    assert told is True
    assert _Hook.got == []
    _tell(home, quiet, run_id="r2")
    assert len(_Hook.got) == 1


def test_the_command_tries_every_channel(home: Home, hook: str) -> None:
    call = ["alert-test", "--home", str(home.path)]
    nothing = CliRunner().invoke(app, call)
    assert nothing.exit_code == 2
    home.settings_file.write_text(
        f"alerts: {{webhooks: [{{url: '{hook}'}}, {{url: '{hook}', attempts: 1}}]}}\n"
    )
    good = CliRunner().invoke(app, call)
    assert (good.exit_code, good.output) == (0, "webhook 1: sent\nwebhook 2: sent\n")
    _Hook.answers = [200, 403]
    assert CliRunner().invoke(app, [*call, "--json"]).exit_code == 5
    assert [json.loads(body)["items"][0]["kind"] for _, body in _Hook.got] == ["trial"] * 4
