"""What a database driver's error means, without its text.

Belongs here: telling apart what an operator must do. Does not belong here: connecting. The
text of a driver's error is never shown: it may hold the URL, a password or a row.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout


@dataclass(frozen=True)
class Fault:
    """One kind of failure.

    Attributes:
        what: what went wrong.
        advice: what to do.
        again: whether another try may succeed.
    """

    what: str
    advice: str
    again: bool = False


LOGIN = Fault("refused the login", "check the user and password in the URL")
NO_DATABASE = Fault("has no such database", "check the database name in the URL")
NO_TABLE = Fault(
    "has no such table, view or column", "check `table` or `query` in the settings, schema too"
)
NO_GRANT = Fault("does not let this account read it", "grant the account SELECT on it")
BAD_QUERY = Fault("cannot run the query", "check `query` in the settings in the database itself")
TLS = Fault(
    "and this machine could not agree on TLS", "check the certificate and TLS settings of the URL"
)
SLOW = Fault("did not answer in time", "check locks and load, or raise the timeouts", again=True)
DOWN = Fault(
    "cannot be reached or broke off", "check that it runs and that the network lets us through",
    again=True,
)  # fmt: skip
NO_SNAPSHOT = Fault(
    "does not allow snapshot reads", "set ALLOW_SNAPSHOT_ISOLATION ON for that database"
)

_BY_CODE: dict[str, Fault] = {
    # PostgreSQL and the SQL standard (SQLSTATE)
    "28P01": LOGIN, "28000": LOGIN, "3D000": NO_DATABASE, "42P01": NO_TABLE, "42703": NO_TABLE,
    "3F000": NO_TABLE, "42501": NO_GRANT, "42601": BAD_QUERY, "42883": BAD_QUERY, "57014": SLOW,
    "55P03": SLOW, "42S02": NO_TABLE, "42S22": NO_TABLE, "HYT00": SLOW, "HYT01": SLOW,
    # MySQL and MariaDB
    "1045": LOGIN, "1044": NO_GRANT, "1049": NO_DATABASE, "1146": NO_TABLE, "1054": NO_TABLE,
    "1142": NO_GRANT, "1143": NO_GRANT, "1064": BAD_QUERY, "1205": SLOW, "2026": TLS,
    # Oracle
    "ORA-01017": LOGIN, "ORA-28000": LOGIN, "ORA-12514": NO_DATABASE, "ORA-00942": NO_TABLE,
    "ORA-00904": NO_TABLE, "ORA-01031": NO_GRANT, "ORA-00933": BAD_QUERY, "ORA-29024": TLS,
    # SQL Server
    "18456": LOGIN, "4060": NO_DATABASE, "208": NO_TABLE, "207": NO_TABLE, "229": NO_GRANT,
    "102": BAD_QUERY, "3952": NO_SNAPSHOT,
}  # fmt: skip

_BY_TEXT: tuple[tuple[str, Fault], ...] = (
    (r"password authentication failed|no password supplied|login failed|access denied", LOGIN),
    (r'role ".*" does not exist|ident authentication|peer authentication', LOGIN),
    (r'database ".*" does not exist|unknown database', NO_DATABASE),
    (r"no such table|no such column|relation .* does not exist", NO_TABLE),
    (r"permission denied", NO_GRANT),
    (r"\bSSL\b|\bTLS\b|certificate", TLS),
    (r"timeout|timed out|database is locked", SLOW),
    (r"unable to open database file|file is not a database", DOWN),
    (r"syntax error", BAD_QUERY),
)


def diagnose(error: SQLAlchemyError) -> Fault:
    """Tell what a failure means by its code, or else by words of its text."""
    if isinstance(error, PoolTimeout):
        return SLOW
    original = error.orig if isinstance(error, DBAPIError) else None
    text = str(original if original is not None else error)
    for code in _codes(original, text):
        if code in _BY_CODE:
            return _BY_CODE[code]
    for pattern, fault in _BY_TEXT:
        if re.search(pattern, text, re.IGNORECASE):
            return fault
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    if lost or isinstance(error, OperationalError):
        return DOWN
    return BAD_QUERY if isinstance(error, DBAPIError) else DOWN


def _codes(original: BaseException | None, text: str) -> list[str]:
    codes = [str(getattr(original, name, "") or "") for name in ("sqlstate", "pgcode")]
    arguments = getattr(original, "args", ())
    first = arguments[0] if arguments else None
    codes.append(str(getattr(first, "full_code", "") or ""))  # oracledb
    if isinstance(first, int):
        codes.append(str(first))  # pymysql
    elif isinstance(first, str) and re.fullmatch(r"[0-9A-Z]{5}", first):
        # pyodbc: SQLSTATE first, the server's own number in the text
        codes = [*re.findall(r"\((\d{3,5})\)", text), *codes, first]
    codes += re.findall(r"\bORA-\d{5}\b", text)
    return [code for code in codes if code]
