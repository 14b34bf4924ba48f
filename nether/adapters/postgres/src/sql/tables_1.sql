-- The tables of version 1. `{schema}` stands for the quoted name of the schema.
CREATE TABLE {schema}.version (one boolean PRIMARY KEY DEFAULT true CHECK (one), number integer NOT NULL);
INSERT INTO {schema}.version (number) VALUES (1);

-- The position of the newest event. Whoever writes locks this row first, so that writers come one after the other:
-- positions have no gaps, and grow in the order in which events become visible. Room in its page keeps updates there.
CREATE TABLE {schema}.head (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    position bigint NOT NULL
) WITH (fillfactor = 10);
INSERT INTO {schema}.head (position) VALUES (0);

CREATE TABLE {schema}.streams (
    name text COLLATE "C" PRIMARY KEY,
    version bigint NOT NULL,
    -- When it was archived, in milliseconds since 1970: in the store that it was imported from.
    archived_at bigint
) WITH (fillfactor = 70);

CREATE TABLE {schema}.events (
    position bigint PRIMARY KEY,
    stream text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    id uuid NOT NULL UNIQUE,
    name text COLLATE "C" NOT NULL,
    schema integer NOT NULL,
    encoding smallint NOT NULL,
    payload bytea NOT NULL,
    time bigint NOT NULL,
    correlation text,
    causation text,
    principal text,
    metadata text,
    UNIQUE (stream, version)
);

CREATE TABLE {schema}.documents (
    collection text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    content bytea NOT NULL,
    PRIMARY KEY (collection, key)
);
