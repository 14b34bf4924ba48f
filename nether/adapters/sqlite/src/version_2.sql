-- Programs have tables of their own in the file: those of the store have names that no program uses.
ALTER TABLE streams RENAME TO nether_streams;
ALTER TABLE names RENAME TO nether_names;
ALTER TABLE events RENAME TO nether_events;
ALTER TABLE documents RENAME TO nether_documents;
-- The names of indices are as common, and cannot be changed.
DROP INDEX events_by_stream;
DROP INDEX events_by_id;
CREATE UNIQUE INDEX nether_events_by_stream ON nether_events (stream, version);
CREATE UNIQUE INDEX nether_events_by_id ON nether_events (id);
-- Which log (`-wal`) belongs to the file. A log is written for one state of the file: with the file of
-- another moment, or of another store, it makes a damaged one. `generation` grows as the last change before
-- all of a log is brought into the file; `base` is what it was when the log began that holds the row.
-- `opened_as` is the name by which the file was last opened, beside which its log is.
CREATE TABLE nether_log (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    store BLOB NOT NULL,
    generation INTEGER NOT NULL,
    base INTEGER NOT NULL,
    opened_as TEXT NOT NULL
);
INSERT INTO nether_log VALUES (1, randomblob(16), 1, 0, '');
