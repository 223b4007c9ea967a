"""The access log: who looked at an identity in the restricted warehouse.

Belongs here: writing one line before an identity is shown. Does not belong here: who may
look; that is the operating system's word on the home, which its owner alone can read.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import pwd

from warehouse.errors import CakupanError
from warehouse.home import Home


def record_hash(dataset: str, record_id: str) -> str:
    """Give what the access log names a record by.

    It tells two records apart without telling whose they are to somebody who reads the log.
    It is no secret to somebody who can try all numbers of a dataset.
    """
    return hashlib.sha256(f"{dataset}\0{record_id}".encode()).hexdigest()[:24]


def log_access(home: Home, action: str, *, period: str, dataset: str, record_id: str) -> None:
    """Add a line to the home's `access.jsonl`, before anything is shown.

    The line has `at` (UTC), `user` (the operating system's name of who runs the process, not
    what the environment claims), `uid`, `action`, `period`, `dataset` and `record`, a hash.

    Args:
        home: whose log is added to; made with mode 0600 where missing.
        action: what is done, such as `explain person`.
        period: the month looked at.
        dataset: the dataset looked at.
        record_id: the record looked at.

    Raises:
        CakupanError: the line cannot be written; nothing may be shown then.
    """
    uid = os.getuid()
    try:
        user = pwd.getpwuid(uid).pw_name
    except KeyError:
        user = str(uid)
    line = {
        "at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "user": user,
        "uid": uid,
        "action": action,
        "period": period,
        "dataset": dataset,
        "record": record_hash(dataset, record_id),
    }
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        descriptor = os.open(home.access_log, flags, 0o600)
        try:
            os.fchmod(descriptor, 0o600)
            # One write: lines of two who look at once do not mix.
            os.write(descriptor, (json.dumps(line) + "\n").encode())
        finally:
            os.close(descriptor)
    except OSError as error:
        reason = error.strerror
    else:
        return
    raise CakupanError(
        f"the access log {home.access_log} cannot be written ({reason}), so no identity is "
        "shown: make the file writable for the owner of the home"
    )
