//! What a role that may append cannot do by SQL of its own.

use nether_postgres_tests::Server;

use crate::bank::{Deposit, caught_up, number, start};

/// Functions that fit what the store calls better than those of the system do.
const SHADOWS: &str = "
    CREATE FUNCTION public.array_agg(text) RETURNS text[] LANGUAGE plpgsql
        AS $$ BEGIN RAISE 'run as %', current_user; END $$;
    CREATE FUNCTION public.hashtextextended(text, integer) RETURNS bigint LANGUAGE plpgsql
        AS $$ BEGIN RAISE 'run as %', current_user; END $$;
    CREATE FUNCTION public.concat_ws(text, text, text, text) RETURNS text LANGUAGE plpgsql
        AS $$ BEGIN RAISE 'run as %', current_user; END $$";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn functions_of_another_role_do_not_run_with_the_rights_of_who_connects() {
    let server = Server::start(&["fsync=off"]);
    let database = server.database().await;
    let client = database.client().await;
    // As it is by default before PostgreSQL 15.
    let guest = "CREATE ROLE guest LOGIN; GRANT CREATE ON SCHEMA public TO guest";
    client.batch_execute(guest).await.expect("a superuser may");
    let guest = database.client_as("guest").await;
    guest.batch_execute(SHADOWS).await.expect("it may");

    let (system, store, client) = start(&database).await;
    let account = "a".to_owned();
    let sent = system.context().send(Deposit { account, cents: 1 }).await;
    sent.expect("it is accepted");
    caught_up(&store).await;
    assert_eq!(number(&client, "SELECT count(*) FROM sums").await, 1);
    system.shutdown().await;
}
