# SPDX-License-Identifier: MIT
"""Fixtures of the tests with PostgreSQL: a server for all of them, more for those that break one."""

import itertools

import pytest
from cable import Cable
from postgres import PostgresError, PostgresServer

DATABASE_NUMBERS = itertools.count(1)


class Database:
    def __init__(self, server):
        self.server = server
        self.name = f"test{next(DATABASE_NUMBERS)}"
        self.dsn = server.create_database(self.name)

    def store(self, **changes):
        """The store group of a configuration that uses it."""
        return {"backend": "postgresql", "dsn": self.dsn, "path": None} | changes

    def execute(self, sql):
        return self.server.execute(sql, self.name)

    def count(self, table):
        return int(self.execute(f"SELECT count(*) FROM repostal.{table}"))

    def disconnect(self):
        return self.server.disconnect(self.name)


def new_server(make):
    try:
        return make()
    except PostgresError as problem:
        pytest.skip(f"without PostgreSQL: {problem}")


@pytest.fixture(scope="session")
def postgres():
    """A server as people run it; whoever stops it must start it again."""
    server = new_server(lambda: PostgresServer().start())
    yield server
    server.close()


@pytest.fixture
def database(postgres):
    """Empty, for this test alone."""
    return Database(postgres)


@pytest.fixture
def new_postgres():
    """A function that starts a server to be broken; with a primary: its synchronous standby."""
    servers = []

    def make(primary=None):
        server = new_server(lambda: PostgresServer().start() if primary is None
                            else PostgresServer.standby_of(primary))
        servers.append(server)
        return server

    yield make
    for server in reversed(servers):
        server.close()


@pytest.fixture
def own_database(new_postgres):
    """Of a server that the test may break."""
    return Database(new_postgres())


@pytest.fixture
def cable(database):
    """To the server of the test's database."""
    cable = Cable(database.server)
    yield cable
    cable.close()


@pytest.fixture
def new_pair(new_gateway):
    """A function that starts two gateways on one database, or on one store group."""

    def make(database_or_store, **changes):
        is_database = isinstance(database_or_store, Database)
        store = database_or_store.store() if is_database else database_or_store
        return [new_gateway(store=store, **changes).start() for _ in range(2)]

    return make
