-- Names of streams and events are long and repeated: events hold their numbers.
CREATE TABLE streams (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);
CREATE TABLE names (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);
CREATE TABLE events (
    position INTEGER PRIMARY KEY,
    stream INTEGER NOT NULL REFERENCES streams (id),
    version INTEGER NOT NULL,
    id BLOB NOT NULL,
    name INTEGER NOT NULL REFERENCES names (id),
    schema INTEGER NOT NULL,
    encoding INTEGER NOT NULL,
    payload BLOB NOT NULL,
    time INTEGER NOT NULL,
    correlation TEXT,
    causation TEXT,
    principal TEXT
);
CREATE UNIQUE INDEX events_by_stream ON events (stream, version);
CREATE UNIQUE INDEX events_by_id ON events (id);
-- Snapshots, checkpoints, sagas.
CREATE TABLE documents (
    collection TEXT NOT NULL,
    key TEXT NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (collection, key)
) WITHOUT ROWID;
