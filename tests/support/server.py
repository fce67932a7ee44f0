# SPDX-License-Identifier: Apache-2.0
"""A PostgreSQL server that sluice did not start, as a site has one: passwords, PostGIS, a role without a superuser's rights."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import psycopg
from psycopg import sql

ADMIN_PASSWORD = "of the superuser"


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """A cluster of its own in a temporary folder. PostgreSQL refuses to run as root: then as the account postgres."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="server-"))
        self.folder.chmod(0o755)
        self.port = free_port()
        self.bin = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]
        self.data = self.folder / "data"
        self.data.mkdir()
        secret = self.folder / "superuser"
        secret.write_text(ADMIN_PASSWORD)
        if os.geteuid() == 0:
            account = pwd.getpwnam("postgres")
            for path in (self.folder, self.data, secret):
                os.chown(path, account.pw_uid, account.pw_gid)
        self._tool("initdb", "-D", self.data, "-A", "scram-sha-256", "-U", "admin", "--pwfile", secret, "-N")
        self.start()

    def _tool(self, name: str, *args) -> None:
        user = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
        subprocess.run([self.bin / name, *map(str, args)], cwd="/", check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, **user)

    def start(self) -> None:
        options = f"-c listen_addresses=127.0.0.1 -p {self.port} -k {self.folder} -c fsync=off -c max_connections=40"
        self._tool("pg_ctl", "-D", self.data, "-w", "-s", "-o", options, "-l", self.folder / "log", "start")

    def stop(self, how: str = "immediate") -> None:
        self._tool("pg_ctl", "-D", self.data, "-w", "-s", "-m", how, "stop")

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        return psycopg.connect(host="127.0.0.1", port=self.port, user="admin", password=ADMIN_PASSWORD, dbname=database,
                               autocommit=True)

    def prepare(self, database: str, role: str, password: str) -> None:
        """What an administrator does for sluice: a database with PostGIS, and a role that may make roles and schemas."""
        with self.connect() as c:
            c.execute(f"CREATE ROLE {role} LOGIN CREATEROLE PASSWORD {sql.Literal(password).as_string(c)}")
            c.execute(f"CREATE DATABASE {database}")
        with self.connect(database) as c:
            c.execute("CREATE EXTENSION postgis")
            c.execute(f"GRANT CREATE ON DATABASE {database} TO {role}")

    def ephemeral(self, database: str) -> list[str]:
        """Schemas and roles of runs."""
        with self.connect(database) as c:
            return [name for (name,) in c.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'proc\\_%' UNION "
                                                  "SELECT rolname FROM pg_roles WHERE rolname LIKE 'proc\\_%'")]

    def close(self) -> None:
        try:
            if (self.data / "postmaster.pid").exists():
                self.stop()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)
