"""A real PostgreSQL server of a test's own: unix socket and TLS, roles with passwords, restarted and frozen at will."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import trustme

OWNER, READER, WRITER, CERTIFIED = "owner", "reader", "writer", "certified"
PASSWORD = "a password of the tests"
DATABASE = "registers"
_LIBRARY = Path("/usr/lib/postgresql")


def binaries() -> Path | None:
    """Return the folder of the newest server, or None where none is installed."""
    found = sorted(_LIBRARY.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    there = shutil.which("initdb")
    return Path(there).resolve().parent if there else None


class Server:
    """A server in a folder of its own, run by somebody who is not root."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self.folder, self._programs = folder, programs
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._user = pwd.getpwnam("postgres" if _exists("postgres") else "nobody") if os.getuid() == 0 else None

    def create(self) -> None:
        """Make the cluster, its certificates, roles and one database."""
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(self.root))
        _write_pair(authority.issue_cert("localhost"), self.folder / "server.pem", self.folder / "server.key")
        _write_pair(authority.issue_cert("unit.test", common_name=CERTIFIED), self.client, self.client_key)
        trustme.CA().cert_pem.write_to_path(str(self.other_root))
        (self.folder / "password").write_text(PASSWORD)
        self._own()
        self._run("initdb", "-D", "data", "-U", OWNER, "-A", "scram-sha-256", "--pwfile=password", "--no-sync",
                  "-E", "UTF8", "--locale=C")  # fmt: skip
        (self.folder / "data/pg_hba.conf").write_text(
            "local all all scram-sha-256\n"
            f"hostssl all {CERTIFIED} 127.0.0.0/8 cert\n"
            "hostssl all all 127.0.0.0/8 scram-sha-256\n"
        )
        (self.folder / "data/postgresql.conf").write_text(
            f"port = {self.port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '{self.folder}'\n"
            "fsync = off\nfull_page_writes = off\nmax_connections = 12\nsuperuser_reserved_connections = 3\n"
            "shared_buffers = 128MB\nautovacuum = off\n"
            f"ssl = on\nssl_cert_file = '{self.folder}/server.pem'\nssl_key_file = '{self.folder}/server.key'\n"
            f"ssl_ca_file = '{self.folder}/root.pem'\n"
        )
        for private in ("secret", "wrong"):
            (self.folder / private).touch(mode=0o600)
        (self.folder / "secret").write_text(PASSWORD)
        (self.folder / "wrong").write_text("another one")
        self.start()
        with psycopg.connect(**self.as_owner("postgres"), autocommit=True) as connection:
            for role in (READER, WRITER, CERTIFIED):
                connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'")
            connection.execute(f"CREATE DATABASE {DATABASE}")

    @property
    def root(self) -> Path:
        return self.folder / "root.pem"

    @property
    def other_root(self) -> Path:
        return self.folder / "other.pem"

    @property
    def client(self) -> Path:
        return self.folder / "client.pem"

    @property
    def client_key(self) -> Path:
        return self.folder / "client.key"

    def as_owner(self, database: str = DATABASE) -> dict[str, object]:
        """Return what psycopg connects with as the owner of everything."""
        return {"host": str(self.folder), "port": self.port, "dbname": database, "user": OWNER, "password": PASSWORD}

    def execute(self, *statements: str) -> None:
        """Run statements as the owner, each by itself."""
        with psycopg.connect(**self.as_owner(), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def script(self, text: str) -> None:
        """Run a script with psql, as an operator would."""
        call = [self._programs / "psql", "-h", self.folder, "-p", str(self.port), "-U", OWNER, "-d", DATABASE]
        environ = {**os.environ, "PGPASSWORD": PASSWORD, "PGOPTIONS": "-c client_min_messages=warning"}
        done = subprocess.run(
            [*call, "-q", "-v", "ON_ERROR_STOP=1", "-f", "-"], input=text.encode(), env=environ, capture_output=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr.decode()

    def settings(self, *, tls: bool = False, **more: object) -> dict[str, object]:
        """Return a source's settings but for its tables."""
        host = {"host": "localhost", "root_certificate": str(self.root)} if tls else {"host": str(self.folder)}
        both = {"port": self.port, "database": DATABASE, "user": READER, "password_file": str(self.folder / "secret")}
        return {**host, **both, **more}

    def start(self) -> None:
        """Start it and wait until it answers."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", "data"], cwd=self.folder, stdout=log, stderr=log, **self._identity()
            )
        deadline = time.monotonic() + 30
        while True:
            try:
                psycopg.connect(**self.as_owner("postgres")).close()
            except psycopg.OperationalError:
                assert time.monotonic() < deadline, (self.folder / "log").read_text()
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        """Stop it at once, as a failing machine would."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(30)
            self._process = None

    @contextlib.contextmanager
    def frozen(self, pid: int) -> Iterator[None]:
        """Let one of its processes stand still for the block: it takes what is sent and says nothing."""
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def _identity(self) -> dict[str, object]:
        if self._user is None:
            return {}
        return {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}

    def _own(self) -> None:
        if self._user is not None:
            for path in (self.folder, *self.folder.iterdir()):
                os.chown(path, self._user.pw_uid, self._user.pw_gid)

    def _run(self, program: str, *arguments: str) -> None:
        environ = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
        done = subprocess.run(
            [self._programs / program, *arguments], cwd=self.folder, env=environ, capture_output=True, check=False,
            **self._identity(),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr.decode()


@contextlib.contextmanager
def running_server() -> Iterator[Server]:
    """Start a server for the block, or skip where none is installed."""
    programs = binaries()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    # Not below pytest's folder, which is root's alone; and short, for the path of a socket.
    with tempfile.TemporaryDirectory(prefix="hub-pg-") as name:
        server = Server(Path(name), programs)
        try:
            server.create()
            yield server
        finally:
            server.stop()


def _write_pair(pair: trustme.LeafCert, certificate: Path, key: Path) -> None:
    pair.cert_chain_pems[0].write_to_path(str(certificate))
    key.touch(mode=0o600)
    pair.private_key_pem.write_to_path(str(key))


def _exists(user: str) -> bool:
    with contextlib.suppress(KeyError):
        return bool(pwd.getpwnam(user))
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
