-- Writes one job at the end of a transaction of a program, or fails: then the transaction cannot be committed. It fails
-- also if the transaction is not that in which the program began, because the program has ended that one itself.
CREATE FUNCTION {schema}.commit_1(
    begun text,
    twice boolean[],
    c_job integer[], c_collection text[], c_key text[], c_content bytea[],
    a_job integer[], a_stream text[], a_expected bigint[], a_count integer[], a_time bigint[], a_correlation text[],
    a_causation text[], a_principal text[], a_metadata text[],
    e_append integer[], e_number integer[], e_id uuid[], e_name text[], e_schema integer[], e_encoding smallint[],
    e_payload bytea[],
    d_job integer[], d_collection text[], d_key text[], d_content bytea[]
) RETURNS TABLE (of_job integer, outcome integer, at bigint, newest bigint, which integer)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF pg_current_xact_id_if_assigned()::text IS DISTINCT FROM begun THEN
        RAISE EXCEPTION 'the transaction was ended before its commit' USING ERRCODE = 'NE002';
    END IF;
    FOR of_job, outcome, at, newest, which IN
        SELECT w.of_job, w.outcome, w.at, w.newest, w.which FROM {schema}.write_1(
            twice, c_job, c_collection, c_key, c_content, a_job, a_stream, a_expected, a_count, a_time, a_correlation,
            a_causation, a_principal, a_metadata, e_append, e_number, e_id, e_name, e_schema, e_encoding, e_payload,
            d_job, d_collection, d_key, d_content
        ) AS w
    LOOP
        IF outcome > 1 THEN
            RAISE EXCEPTION 'the transaction is refused' USING ERRCODE = 'NE001',
                DETAIL = concat_ws(' ', of_job, outcome, coalesce(at, 0), coalesce(newest, 0), coalesce(which, 0));
        END IF;
        RETURN NEXT;
    END LOOP;
END
$$;

REVOKE ALL ON FUNCTION {schema}.commit_1 FROM PUBLIC;
