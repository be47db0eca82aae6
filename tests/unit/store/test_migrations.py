"""`hub.store.migrations`: each script once, in order, whole or not at all; never backwards."""

from __future__ import annotations

import sqlite3

import pytest

from hub.errors import StoreError
from hub.store.migrations import statements
from hub.store.sqlite import connect

FIRST = "CREATE TABLE a (x TEXT DEFAULT ';'); CREATE TABLE log (x);"
SECOND = """
CREATE TRIGGER note AFTER INSERT ON a BEGIN
    INSERT INTO log VALUES ('one; two');
    INSERT INTO log VALUES (new.x);
END;
"""


def version(connection):
    return connection.execute("PRAGMA user_version").fetchone()[0]


def test_a_script_is_split_at_its_statements():
    assert len(list(statements(FIRST))) == 2
    assert len(list(statements(SECOND))) == 1
    with pytest.raises(ValueError, match="unfinished"):
        list(statements("CREATE TABLE a (x TEXT DEFAULT 'oops"))


def test_scripts_run_once_and_in_order(tmp_path):
    path = tmp_path / "a.sqlite3"
    connect(path, (FIRST,)).close()
    connection = connect(path, (FIRST, SECOND))
    assert version(connection) == 2
    connection.execute("INSERT INTO a VALUES ('x')")
    assert connection.execute("SELECT x FROM log").fetchall() == [("one; two",), ("x",)]
    connection.close()
    connection = connect(path, (FIRST, SECOND))
    assert connection.execute("SELECT count(*) FROM a").fetchone() == (1,)
    connection.close()


def test_a_script_that_fails_leaves_the_version_before_it(tmp_path):
    path = tmp_path / "a.sqlite3"
    with pytest.raises(StoreError, match=r"a\.sqlite3"):
        connect(path, (FIRST, "CREATE TABLE b (x); CREATE TABLE a (x);"))
    connection = sqlite3.connect(path)
    assert version(connection) == 1
    assert connection.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'b'").fetchone() == (0,)
    connection.close()


def test_a_newer_file_is_refused(tmp_path):
    path = tmp_path / "a.sqlite3"
    connect(path, (FIRST, SECOND)).close()
    with pytest.raises(StoreError, match="newer version"):
        connect(path, (FIRST,))
