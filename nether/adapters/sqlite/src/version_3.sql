-- What is known of some events alone, as a JSON object. An event of which nothing more is known has NULL.
ALTER TABLE nether_events ADD COLUMN metadata TEXT;
