"""What makes plates in doubt, partial plates and names fast: functions and indexes in the operator's database.

The functions write in SQL what `hub.plates.keys.entry_keys` and `hub.names.entry_name_keys` say, so an index on them
is kept by the database itself and knows a row as soon as it is committed. This module only writes the statements down;
the owner of the tables runs them, and the hub's own role may not. Names are found that are written in Latin or Cyrillic
letters.
"""

from __future__ import annotations

import json
import unicodedata
from typing import Final, TextIO

from psycopg import sql

from hub.documents import NUMBERS
from hub.names import PARTICLES
from hub.plates.alignment import LONGEST, SHORTEST
from hub.plates.alphabet import SYMBOLS, normalise
from hub.plates.confusion import fold
from hub.plates.partial import NEIGHBOURS
from hub.transliteration import forms
from records_postgres.settings import Table

SCHEMA: Final = "patrol_hub"
"""Schema of the functions."""

FOLD_PLATE: Final = sql.SQL("{}.fold_plate").format(sql.Identifier(SCHEMA))
PLATE_KEYS: Final = sql.SQL("{}.plate_keys").format(sql.Identifier(SCHEMA))
NAME_KEYS: Final = sql.SQL("{}.name_keys").format(sql.Identifier(SCHEMA))
DOCUMENT_KEY: Final = sql.SQL("{}.document_key").format(sql.Identifier(SCHEMA))

LONGEST_NAME: Final = 200
"""Characters of a name that are looked at."""
LONGEST_PLATE: Final = 40
MOST_WORDS: Final = 12
MOST_JOINED: Final = 4

_FUNCTIONS: Final = """\
CREATE SCHEMA IF NOT EXISTS patrol_hub;

-- A plate without separators, look-alikes written the same.
CREATE OR REPLACE FUNCTION patrol_hub.fold_plate(plate text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 50 AS $$
  SELECT regexp_replace(
    translate(normalize(translate(normalize(left(plate, {longest_plate}), NFC), {twins}, {latin}), NFD),
              {symbols}, {folded}) COLLATE "C", '[^0-9A-Z]', '', 'g')
$$;

-- Keys of a plate: itself, itself less one character, and each {neighbours} neighbours.
CREATE OR REPLACE FUNCTION patrol_hub.plate_keys(plate text) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 5000 AS $$
DECLARE
  p text := patrol_hub.fold_plate(plate);
  keys text[] := ARRAY['=' || p];
BEGIN
  IF p = '' THEN
    RETURN '{{}}';
  END IF;
  IF length(p) BETWEEN {shortest} AND {longest} THEN
    FOR at IN 1 .. length(p) LOOP
      keys := keys || ('=' || left(p, at - 1) || substr(p, at + 1));
    END LOOP;
  END IF;
  FOR at IN 1 .. length(p) - {neighbours} + 1 LOOP
    keys := keys || ('~' || substr(p, at, {neighbours}));
  END LOOP;
  RETURN keys;
END
$$;

-- The words of a name in A to Z, accents dropped.
CREATE OR REPLACE FUNCTION patrol_hub.name_words(name text) RETURNS text[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 200 AS $$
  SELECT array_remove(regexp_split_to_array(string_agg(coalesce({letters}::jsonb ->> letter, letter), '' ORDER BY place)
    COLLATE "C", '[^0-9A-Z]+'), '')
  FROM regexp_split_to_table(regexp_replace(
    normalize(normalize(left(name, {longest_name}), NFKC), NFD) COLLATE "C", {dropped}, '', 'g'), '')
    WITH ORDINALITY AS letters(letter, place)
$$;

-- Keys of a person: each run of words of the family name with each initial of the name.
CREATE OR REPLACE FUNCTION patrol_hub.name_keys(given text, family text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE COST 5000 AS $$
  WITH words AS (
    SELECT coalesce((patrol_hub.name_words(given))[:{words}], '{{}}') AS g,
           coalesce((patrol_hub.name_words(family))[:{words}], '{{}}') AS f OFFSET 0
  ), name AS (
    SELECT CASE WHEN f = '{{}}' THEN '{{}}' ELSE g END AS g, CASE WHEN f = '{{}}' THEN g ELSE f END AS f FROM words
  ), runs AS (
    SELECT regexp_replace(array_to_string(f[first:last], ''), '(A)[AE]|(O)E|(U)E', '\\1\\2\\3', 'g') AS run
    FROM name, generate_series(1, cardinality(f)) AS first,
         generate_series(first, least(first + {joined} - 1, cardinality(f))) AS last
    WHERE last > first OR f[first] <> ALL ({particles}) OR f <@ {particles}
  ), initials AS (
    SELECT left(word, 1) AS initial FROM name, unnest(g || f) AS word
    UNION SELECT '' UNION SELECT '-' FROM name WHERE g = '{{}}'
  )
  SELECT array_agg(DISTINCT run || '/' || initial) FROM runs, initials
$$;

-- The number of a document without separators.
CREATE OR REPLACE FUNCTION patrol_hub.document_key(number text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 50 AS $$
  SELECT regexp_replace(translate(left(number, 100), 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ')
    COLLATE "C", '[^0-9A-Z]', '', 'g')
$$;

"""


def functions() -> str:
    """Return the statements that make the functions; to be run again after an update of the hub."""
    twins = [c for c in map(chr, range(0x80, 0x2000)) if _stands_alone(c) and normalise(c) in SYMBOLS and normalise(c)]
    folded = {c: fold(normalise(c)) for c in map(chr, range(0x21, 0x7F)) if normalise(c) in SYMBOLS and normalise(c)}
    particles = f"ARRAY[{', '.join(map(_quoted, sorted(PARTICLES)))}]"
    return _FUNCTIONS.format(
        twins=_quoted("".join(twins)),
        latin=_quoted("".join(map(normalise, twins))),
        symbols=_quoted("".join(folded)),
        folded=_quoted("".join(folded.values())),
        longest_plate=LONGEST_PLATE,
        neighbours=NEIGHBOURS,
        shortest=SHORTEST,
        longest=LONGEST,
        letters=_quoted(json.dumps(_letters(), ensure_ascii=False)),
        longest_name=LONGEST_NAME,
        dropped=_quoted("[\u0300-\u036f'’‘ʼʹ`´ʿʾ]"),
        words=MOST_WORDS,
        joined=MOST_JOINED,
        particles=particles,
    )


def statements(table: Table, role: str) -> str:
    """Return the statements that index one table and let a role read it.

    Args:
        table: The table as it is configured. Of a view, the columns of the table below it have to be indexed.
        role: The hub's role, which may only read.
    """
    name = sql.Identifier(*table.table.split("."))
    lines = []
    column = {field: sql.SQL("{}::text").format(sql.Identifier(column)) for field, column in table.columns.items()}
    gin = "CREATE INDEX CONCURRENTLY IF NOT EXISTS {index} ON {table} USING gin ({keys}) WITH (fastupdate = off);"
    short = table.table.replace(".", "_")[:30]
    if "plate" in column:
        keys = plate_keys(column["plate"])
        lines.append(sql.SQL(gin).format(index=sql.Identifier(f"{short}_patrol_hub_plates"), table=name, keys=keys))
    if "family_name" in column:
        keys = name_keys(column.get("given_names", sql.SQL("NULL::text")), column["family_name"])
        lines.append(sql.SQL(gin).format(index=sql.Identifier(f"{short}_patrol_hub_names"), table=name, keys=keys))
    lines += [
        sql.SQL("CREATE INDEX CONCURRENTLY IF NOT EXISTS {index} ON {table} ({key});").format(
            index=sql.Identifier(f"{short}_patrol_hub_{number}"), table=name, key=document_key(column[number])
        )
        for number in NUMBERS
        if number in column
    ]
    lines.append(sql.SQL("ANALYZE {};").format(name))
    reader = sql.Identifier(role)
    if len(parts := table.table.split(".")) > 1:
        lines.append(sql.SQL("GRANT USAGE ON SCHEMA {} TO {};").format(sql.Identifier(parts[0]), reader))
    lines.append(sql.SQL("GRANT SELECT ON {} TO {};").format(name, reader))
    lines.append(sql.SQL("GRANT USAGE ON SCHEMA {} TO {};").format(sql.Identifier(SCHEMA), reader))
    return "\n".join(line.as_string() for line in lines) + "\n"


def plate_keys(column: sql.Composable) -> sql.Composed:
    """Return the keys of a plate's column; an index has to have the same expression."""
    return sql.SQL("{}({})").format(PLATE_KEYS, column)


def name_keys(given: sql.Composable, family: sql.Composable) -> sql.Composed:
    """Return the keys of a person's columns."""
    return sql.SQL("{}({}, {})").format(NAME_KEYS, given, family)


def document_key(column: sql.Composable) -> sql.Composed:
    """Return the key of a document number's column."""
    return sql.SQL("{}({})").format(DOCUMENT_KEY, column)


def _letters() -> dict[str, str]:
    """Return how letters that are no base letter with a mark are written in A to Z, in both cases."""
    ranges = (*range(0x61, 0x7B), *range(0xC0, 0x250), *range(0x400, 0x530), *range(0x1E00, 0x1F00))
    letters = {}
    for letter in map(chr, ranges):
        written = forms(letter)[0]
        alone = unicodedata.normalize("NFKD", letter) == letter and not unicodedata.combining(letter)
        if alone and written != letter and written.isascii():
            letters[letter] = written
    return letters


def _stands_alone(letter: str) -> bool:
    return unicodedata.normalize("NFD", letter) == letter


def _quoted(text: str) -> str:
    return sql.Literal(text).as_string()


def write_out(stream: TextIO, table: Table, role: str) -> None:
    """Write everything that the owner of a table runs."""
    stream.write(functions() + statements(table, role))
