"""Carrying an alert to people and machines: mail by SMTP, and HTTP POST of JSON.

Belongs here: the two channels, their time limits and their secrets. Does not belong here: what is
worth telling, or telling it once (alerts.py).

Passwords come from a file or the environment, and neither they nor an address ever stands in a
message: errors are told by kind alone.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import os
import smtplib
import ssl
import time
import urllib.parse
from collections.abc import Mapping, Sequence
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Protocol

from warehouse.errors import SourceDown, UsageError
from warehouse.settings import AlertSettings, MailSettings, WebhookSettings

Facts = Mapping[str, Any]

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_AGAIN = (408, 429)
_GOOD, _SERVER_FAULT = range(200, 300), 500


class Channel(Protocol):
    """One way that alerts go."""

    name: str

    def send(self, facts: Facts) -> None:
        """Carry one alert, within the channel's time limit.

        Raises:
            Exception: it was not taken; `why` tells what may be said of it.
        """

    def why(self, error: BaseException) -> str:
        """Tell an error without address, secret or the other side's text."""


def channels(settings: AlertSettings) -> Sequence[Channel]:
    """Give the channels of the settings, mail first."""
    found: list[Channel] = [Mail(settings.mail)] if settings.mail else []
    return [*found, *(Webhook(f"webhook {n}", w) for n, w in enumerate(settings.webhooks, 1))]


def secret(variable: str | None, file: Path | None) -> str | None:
    """Read a secret from its file, else from its environment variable.

    Returns:
        The secret without line ends, None where there is none.

    Raises:
        UsageError: a file is named and cannot be read.
    """
    if file is not None:
        try:
            return file.read_text(encoding="utf-8").strip() or None
        except (OSError, UnicodeDecodeError):
            pass
        raise UsageError(f"alerts: the secret's file {file} cannot be read")
    return (os.environ.get(variable, "").strip() or None) if variable else None


class Mail:
    """Mail by SMTP, with STARTTLS unless the settings say otherwise."""

    name = "mail"

    def __init__(self, settings: MailSettings) -> None:
        """Take where mail goes."""
        self.settings = settings

    def send(self, facts: Facts) -> None:
        """Send one mail to all recipients.

        Raises:
            OSError, smtplib.SMTPException: the server cannot be reached, has no TLS, or refuses.
            UsageError: a user is named and no password is set.
        """
        s = self.settings
        message = self.message(facts)
        password = secret(s.password_env, s.password_file) if s.username else None
        if s.username and password is None:
            raise UsageError(f"alerts: no password of the mail user; set {s.password_env}")
        trusted = ssl.create_default_context(cafile=str(s.ca_file) if s.ca_file else None)
        with self._open(trusted) as server:
            if s.security == "starttls":
                # Raises where the server has none: nothing is sent in clear by accident.
                server.starttls(context=trusted)
            if s.username and password:
                server.login(s.username, password)
            server.send_message(message)

    def _open(self, trusted: ssl.SSLContext) -> smtplib.SMTP:
        s = self.settings
        if s.security == "tls":
            return smtplib.SMTP_SSL(s.host, s.port, timeout=s.timeout_seconds, context=trusted)
        return smtplib.SMTP(s.host, s.port, timeout=s.timeout_seconds)

    def message(self, facts: Facts) -> EmailMessage:
        """Give the mail of an alert, in Indonesian."""
        word = {"error": "GAGAL", "warning": "PERINGATAN"}[facts["severity"]]
        message = EmailMessage()
        what = " ".join(str(part) for part in (facts["job"], facts["period"]) if part)
        message["Subject"] = f"[Cakupan] {word} {what}: {len(facts['items'])} hal"
        message["From"] = self.settings.sender
        message["To"] = ", ".join(self.settings.recipients)
        message["Message-ID"] = f"<{hashlib.sha256(facts['id'].encode()).hexdigest()}@cakupan>"
        lines = [f"{word}: {what}, {facts['at']}", ""]
        for item in facts["items"]:
            lines += [
                f"- {item['subject']} ({item['kind']})",
                f"  {item['message']}",
                f"  Yang harus dilakukan: {item['runbook']}",
                "",
            ]
        if facts["run_id"]:
            lines.append(f"Run {facts['run_id']} {facts['run_url'] or ''}".rstrip())
        message.set_content("\n".join(lines))
        return message

    def why(self, error: BaseException) -> str:
        """Tell kind and, of a refusal, the server's code."""
        code = getattr(error, "smtp_code", None)
        return type(error).__name__ + (f" {code}" if isinstance(code, int) else "")


class _Refused(Exception):
    """The other side answered, and not well."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status


class Webhook:
    """HTTP POST of the alert as JSON, signed, tried a few times."""

    def __init__(self, name: str, settings: WebhookSettings) -> None:
        """Take where the alert goes, and the channel's name."""
        self.name = name
        self.settings = settings

    def send(self, facts: Facts) -> None:
        """Post one alert; again after a fault of the network or the server, a few times.

        The header `X-Cakupan-Signature` is `sha256=` and the HMAC-SHA256, by the shared secret,
        of the timestamp in `X-Cakupan-Timestamp`, a full stop and the body. `X-Cakupan-Id` stays
        the same when it is tried again.

        Raises:
            UsageError: the URL or a secret that is named is not there, or the URL would send
                in clear to another machine.
            SourceDown: nobody took it in the tries that the settings allow.
        """
        url = self._url()
        body = json.dumps(facts, ensure_ascii=False, sort_keys=True).encode()
        why = ""
        for attempt in range(1, self.settings.attempts + 1):
            if attempt > 1:
                time.sleep(self.settings.backoff_seconds * 2 ** (attempt - 2))
            try:
                return self._post(url, body, facts["id"])
            except _Refused as error:
                why = str(error)
                if error.status < _SERVER_FAULT and error.status not in _AGAIN:
                    break
            except (OSError, http.client.HTTPException) as error:
                why = type(error).__name__
        raise SourceDown(why)

    def why(self, error: BaseException) -> str:
        """Tell the last status or kind of error."""
        return str(error) if isinstance(error, SourceDown | UsageError) else type(error).__name__

    def _url(self) -> urllib.parse.SplitResult:
        text = self.settings.url or secret(self.settings.url_env, None)
        if not text:
            raise UsageError(f"alerts: {self.settings.url_env} holds no URL")
        url = urllib.parse.urlsplit(text)
        if url.scheme == "https" or (url.scheme == "http" and url.hostname in _LOOPBACK):
            return url
        raise UsageError("alerts: a webhook needs https, or http on this machine")

    def _headers(self, body: bytes, identity: str) -> dict[str, str]:
        s = self.settings
        headers = {"Content-Type": "application/json; charset=utf-8", "X-Cakupan-Id": identity}
        shared = secret(s.secret_env, s.secret_file)
        if shared is None and (s.secret_env or s.secret_file):
            raise UsageError("alerts: the webhook's secret is named in the settings and not set")
        if shared is not None:
            stamp = str(int(time.time()))
            signed = hmac.new(shared.encode(), f"{stamp}.".encode() + body, hashlib.sha256)
            headers |= {
                "X-Cakupan-Timestamp": stamp,
                "X-Cakupan-Signature": f"sha256={signed.hexdigest()}",
            }
        return headers

    def _post(self, url: urllib.parse.SplitResult, body: bytes, identity: str) -> None:
        """Post once. A redirect is a refusal: the alert goes where the settings say."""
        headers = self._headers(body, identity)
        seconds = self.settings.timeout_seconds
        host = url.hostname or ""
        kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
        connection = kind(host, url.port, timeout=seconds)
        try:
            place = (url.path or "/") + (f"?{url.query}" if url.query else "")
            connection.request("POST", place, body=body, headers=headers)
            status = connection.getresponse().status
        finally:
            connection.close()
        if status not in _GOOD:
            raise _Refused(status)
