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
