"""Opening a watch's database, SQLite or PostgreSQL, and saying what to do where it does not answer."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, func, insert, make_url, select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from ssmtl.errors import ConfigError, OutputError
from ssmtl.live import tables
from ssmtl.video.addresses import hide_in, hide_password

BUSY_S = 10
"""How long a writer waits for another, and for a server to answer at all."""

KNOWN = "sqlite:////absolute/path.sqlite, postgresql://user:password@host/name"

_WRITES = {"ssmtl_writes": True}
_CREATING = 7_711_685  # any number, the same for all that create the tables
_REMEDIES = (
    ("password", "check its user and password"),
    ("role", "check its user and password"),
    ("permission denied", "let the user create tables there: GRANT ALL ON SCHEMA public TO the user"),
    ("not a database", "name another file, or move this one away"),
    ("malformed", "the file is damaged; move it away, or put a copy back"),
    ("unable to open", "check that its folder is there and can be written"),
    ("readonly", "check that the file and its folder can be written"),
    ("locked", "another program holds it; end that one"),
    ("full", "free some space"),
    ("no space", "free some space"),
    ("does not exist", "create it first: createdb NAME"),
)


def connect(url: str | URL) -> Engine:
    """An engine of the database at `url`, with its tables there and of our version.

    Raises:
        OutputError: it cannot be opened, or is of another version; the text has no password.
        ConfigError: the driver is not installed.
    """
    shown = _shown(url)
    address = _address(url, shown)
    try:
        engine = _engine(address)
    except ImportError as error:
        raise ConfigError(f"{shown}: needs {error.name}; install with: pip install -e '.[live]'") from error
    try:
        with told(address), begin(engine) as connection:
            _create(connection, shown)
    except BaseException:
        engine.dispose()
        raise
    return engine


@contextmanager
def begin(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes; in SQLite it waits for other writers before it reads anything."""
    with engine.connect().execution_options(**_WRITES) as connection, connection.begin():
        yield connection


@contextmanager
def told(address: URL) -> Iterator[None]:
    """Whatever the database complains of becomes an OutputError with a remedy and without a password."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, UnicodeError) as error:
        raise OutputError(_explain(address, error)) from None


def _shown(url: str | URL) -> str:
    return hide_password(url if isinstance(url, str) else url.render_as_string(hide_password=True))


def _address(url: str | URL, shown: str) -> URL:
    try:
        address = make_url(url)
    except (SQLAlchemyError, ValueError):
        raise OutputError(f"{shown}: is no address of a database; known: {KNOWN}") from None
    if "@" in (address.host or ""):
        raise OutputError(f"{shown}: has more than one @; write one in a password as %40")
    kind = address.drivername.partition("+")[0]
    if kind in ("postgres", "postgresql"):
        return address.set(drivername="postgresql+psycopg")
    if kind != "sqlite":
        raise OutputError(f"{shown}: unknown kind of database; known: {KNOWN}")
    if address.database in (None, "", ":memory:"):
        raise OutputError(f"{shown}: names no file; known: {KNOWN}")
    return address.set(drivername="sqlite")


def _engine(address: URL) -> Engine:
    if address.drivername == "sqlite":
        engine = create_engine(address, connect_args={"timeout": BUSY_S})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    # A server that is gone without a word is noticed within half a minute; `pool_pre_ping` renews what broke.
    defaults = {
        "connect_timeout": "5",
        "keepalives_idle": "10",
        "keepalives_interval": "5",
        "keepalives_count": "3",
        "tcp_user_timeout": "20000",
        "application_name": "ssmtl",
    }
    given = {name: value for name, value in defaults.items() if name not in address.query}
    return create_engine(address, connect_args=given, pool_pre_ping=True, pool_timeout=BUSY_S)


def _prepare_sqlite(connection: Any, record: object) -> None:
    # Transactions begin where we say, not where Python's module thinks they should.
    connection.isolation_level = None
    # Readers and one writer do not wait for each other; a power cut may cost the last second but no more.
    _switch_to_wal(connection)
    connection.execute("PRAGMA synchronous=NORMAL").close()


def _switch_to_wal(connection: Any) -> None:
    """SQLite does not wait for others where several switch a new file at once: it is tried again."""
    until = time.monotonic() + BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").close()
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.02)


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("ssmtl_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _create(connection: Connection, shown: str) -> None:
    """Make the tables where there are none; two that open an empty database at once take turns."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_CREATING)))
    tables.schema.create(connection, checkfirst=True)
    version = connection.execute(select(func.max(tables.schema.c.version))).scalar()
    if version is None:
        connection.execute(insert(tables.schema).values(version=tables.SCHEMA))
    elif version != tables.SCHEMA:
        remedy = "install a newer ssmtl" if version > tables.SCHEMA else "use the ssmtl that wrote it"
        raise OutputError(
            f"{shown}: its tables are of version {version}, this ssmtl writes version {tables.SCHEMA}; "
            f"{remedy}, or name another database"
        )
    tables.metadata.create_all(connection, checkfirst=True)


def _explain(address: URL, error: Exception) -> str:
    shown = _shown(address)
    original = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    # The server's own message; what follows are its hints and, of SQLAlchemy, the statement.
    text = hide_in(str(original).strip().partition("\n")[0], secrets_of(address)) or type(original).__name__
    lowered = text.lower()
    remedy = next((remedy for word, remedy in _REMEDIES if word in lowered), _general(address))
    return f"{shown}: {text}; {remedy}"


def _general(address: URL) -> str:
    if address.drivername == "sqlite":
        return "check that the file and its folder can be read and written"
    return "check that the server runs, and the host, port and name in the address"


def secrets_of(address: URL) -> list[str]:
    """What must not be shown of an address."""
    given = [address.password, *(value for name, value in address.query.items() if "password" in name.lower())]
    return [str(secret) for secret in given if secret]
