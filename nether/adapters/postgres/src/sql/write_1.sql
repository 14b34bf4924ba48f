-- Writes jobs in the order given, each whole or not at all, and says what came of each. A job is some appends, or some
-- changes of documents, with conditions. Everything is given as arrays, of which those with one prefix belong together:
--
--   twice  for each job: whether two events of it have one id
--   c_     conditions: the job (from 1), the document, and the content that it must have, if any
--   a_     appends: the job, the stream, the version that it must be in, if any, the number of events, their metadata
--   e_     events: the append (from 1), the number in it (from 1), and the event
--   d_     changes of documents: the job, the document, and its content from now on, if any
--
-- No two jobs have an event of the same id. Outcomes: 0 written, 1 there already, 2 another version, 3 an id of another
-- event, 4 an id twice in the job, 5 a condition that does not hold, 6 a stream that is archived. An append that was made,
-- or was there, has a row of its own; a job that was refused has one. `at` is the version, or when the stream was
-- archived; `which` is the event, append or condition, from 1.
CREATE FUNCTION {schema}.write_1(
    twice boolean[],
    c_job integer[], c_collection text[], c_key text[], c_content bytea[],
    a_job integer[], a_stream text[], a_expected bigint[], a_count integer[], a_time bigint[], a_correlation text[],
    a_causation text[], a_principal text[], a_metadata text[],
    e_append integer[], e_number integer[], e_id uuid[], e_name text[], e_schema integer[], e_encoding smallint[],
    e_payload bytea[],
    d_job integer[], d_collection text[], d_key text[], d_content bytea[]
) RETURNS TABLE (of_job integer, outcome integer, at bigint, newest bigint, which integer)
LANGUAGE plpgsql SECURITY DEFINER
-- A plan that was made when a table was small must not read the whole table when it has grown. What that costs the plan
-- of the table with one row must not have it compiled.
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off
AS $$
DECLARE
    top bigint;
    before bigint;
    claimed bigint;
    is_known boolean := false;
    c integer := 1;
    a integer := 1;
    e integer := 0;
    d integer := 1;
    first_a integer;
    versions bigint[] := '{}';
    positions bigint[] := array_fill(NULL::bigint, ARRAY[cardinality(a_job)]);
    content_found bytea;
    event_found record;
    matching integer;
    base bigint;
    -- Of the append that is looked at: the version and position of its last event, where it is stored.
    last_version bigint;
    last_position bigint;
    first_stored integer;
    first_stored_at bigint;
    -- Of the job: the first of its events that is stored, and whether another append has none that is.
    repeated integer;
    repeated_at bigint;
    has_new boolean;
    -- Of the job: its first append to a stream that is archived.
    closed integer;
    closed_at bigint;
    append_closed_at bigint;
    inserted bigint;
BEGIN
    -- These are read by number and by order, which must be the same.
    IF 1 <> ANY (ARRAY[array_lower(a_stream, 1), array_lower(a_count, 1), array_lower(e_id, 1), array_lower(e_name, 1)])
    THEN
        RAISE EXCEPTION 'the arrays must be counted from 1' USING ERRCODE = '22023';
    END IF;
    -- What is acknowledged is on the disk, whatever the role or the session is set to.
    IF current_setting('synchronous_commit') = 'off' THEN
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;
    -- As if all of it were written, which it mostly is.
    UPDATE {schema}.head AS h SET position = h.position + cardinality(e_id) RETURNING h.position INTO STRICT claimed;
    top := claimed - cardinality(e_id);
    before := top;
    IF cardinality(e_id) > 0 THEN
        is_known := EXISTS (SELECT FROM {schema}.events known WHERE known.id = ANY (e_id));
    END IF;
    FOR j IN 1 .. cardinality(twice) LOOP
        of_job := j;
        outcome := 0;
        which := NULL;
        at := NULL;
        newest := NULL;
        WHILE c_job[c] = j LOOP
            IF outcome = 0 THEN
                SELECT o.content INTO content_found FROM {schema}.documents o
                    WHERE o.collection = c_collection[c] AND o.key = c_key[c];
                IF content_found IS DISTINCT FROM c_content[c] THEN
                    outcome := 5;
                    which := c;
                END IF;
            END IF;
            c := c + 1;
        END LOOP;

        first_a := a;
        repeated := NULL;
        has_new := false;
        closed := NULL;
        WHILE a_job[a] = j LOOP
            -- The same append before: all of its events, one after the other in its stream.
            first_stored := NULL;
            IF is_known AND outcome = 0 THEN
                matching := 0;
                FOR i IN e + 1 .. e + a_count[a] LOOP
                    SELECT known.position, known.version, known.stream, known.name INTO event_found
                        FROM {schema}.events known WHERE known.id = e_id[i];
                    CONTINUE WHEN NOT FOUND;
                    IF first_stored IS NULL THEN
                        first_stored := i;
                        first_stored_at := event_found.position;
                        base := event_found.version - i;
                    END IF;
                    IF event_found.stream = a_stream[a] AND event_found.name = e_name[i]
                        AND event_found.version = base + i THEN
                        matching := matching + 1;
                        last_version := event_found.version;
                        last_position := event_found.position;
                    END IF;
                END LOOP;
                IF first_stored IS NOT NULL AND matching < a_count[a] THEN
                    outcome := 3;
                    which := first_stored;
                    newest := first_stored_at;
                END IF;
            END IF;
            IF first_stored IS NOT NULL THEN
                IF repeated IS NULL THEN
                    repeated := first_stored;
                    repeated_at := first_stored_at;
                END IF;
                versions[a] := last_version;
                positions[a] := -last_position;
            ELSE
                has_new := has_new OR a_count[a] > 0;
                SELECT s.version, s.archived_at INTO at, append_closed_at
                    FROM {schema}.streams s WHERE s.name = a_stream[a];
                IF append_closed_at IS NOT NULL AND closed IS NULL THEN
                    closed := a;
                    closed_at := append_closed_at;
                END IF;
                versions[a] := coalesce(at, 0);
                -- The caller marks a job with two appends to one stream as `twice`.
            END IF;
            e := e + a_count[a];
            a := a + 1;
        END LOOP;
        at := NULL;

        IF outcome = 0 AND repeated IS NOT NULL AND has_new THEN
            outcome := 3;
            which := repeated;
            newest := repeated_at;
        ELSIF outcome = 0 AND repeated IS NOT NULL THEN
            outcome := 1;
        ELSIF outcome = 0 AND twice[j] THEN
            outcome := 4;
        ELSIF outcome = 0 AND closed IS NOT NULL THEN
            outcome := 6;
            which := closed;
            at := closed_at;
        ELSIF outcome = 0 THEN
            FOR i IN first_a .. a - 1 LOOP
                IF a_expected[i] <> versions[i] THEN
                    outcome := 2;
                    which := i;
                    at := versions[i];
                    EXIT;
                END IF;
            END LOOP;
        END IF;

        IF outcome > 1 THEN
            FOR i IN first_a .. a - 1 LOOP
                positions[i] := NULL;
            END LOOP;
            RETURN NEXT;
            WHILE d_job[d] = j LOOP
                d := d + 1;
            END LOOP;
            CONTINUE;
        END IF;
        FOR i IN first_a .. a - 1 LOOP
            at := versions[i];
            newest := coalesce(-positions[i], top);
            positions[i] := NULL;
            IF outcome = 0 AND a_count[i] > 0 THEN
                at := at + a_count[i];
                INSERT INTO {schema}.streams AS s VALUES (a_stream[i], at)
                    ON CONFLICT (name) DO UPDATE SET version = excluded.version;
                positions[i] := top;
                top := top + a_count[i];
                newest := top;
            END IF;
            RETURN NEXT;
        END LOOP;
        IF first_a = a THEN
            RETURN NEXT;
        END IF;
        WHILE d_job[d] = j LOOP
            IF d_content[d] IS NULL THEN
                DELETE FROM {schema}.documents o WHERE o.collection = d_collection[d] AND o.key = d_key[d];
            ELSE
                INSERT INTO {schema}.documents VALUES (d_collection[d], d_key[d], d_content[d])
                    ON CONFLICT (collection, key) DO UPDATE SET content = excluded.content;
            END IF;
            d := d + 1;
        END LOOP;
    END LOOP;

    IF top > before THEN
        INSERT INTO {schema}.events
            SELECT w.position + n.number, w.stream, w.version + n.number, n.id, n.name, n.schema, n.encoding, n.payload,
                w.time, w.correlation, w.causation, w.principal, w.metadata
            FROM unnest(e_append, e_number, e_id, e_name, e_schema, e_encoding, e_payload)
                AS n(append, number, id, name, schema, encoding, payload)
            JOIN unnest(
                positions, versions, a_count, a_stream, a_time, a_correlation, a_causation, a_principal, a_metadata
            ) WITH ORDINALITY
                AS w(position, version, count, stream, time, correlation, causation, principal, metadata, append)
                ON w.append = n.append AND n.number BETWEEN 1 AND w.count
            WHERE w.position IS NOT NULL;
        -- A caller must not leave a gap, or put an event elsewhere.
        GET DIAGNOSTICS inserted = ROW_COUNT;
        IF inserted <> top - before THEN
            RAISE EXCEPTION 'the events do not fit the appends' USING ERRCODE = '22023';
        END IF;
    END IF;
    IF top < claimed THEN
        UPDATE {schema}.head SET position = top;
    END IF;
END
$$;

-- It runs with the rights of its owner, so only roles that are granted it may call it.
REVOKE ALL ON FUNCTION {schema}.write_1 FROM PUBLIC;
