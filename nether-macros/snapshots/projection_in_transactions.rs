impl Balances {
    async fn deposited(
        &mut self,
        event: &Deposited,
        tx: &mut pg::PgTransaction<'_, Pool>,
    ) -> nether::Result<()> {
        tx.add(event).await
    }
    fn closed(&mut self, _: &Closed, at: Position) {}
    async fn clear(
        &mut self,
        tx: &mut pg::PgTransaction<'_, Pool>,
    ) -> nether::Result<()> {
        tx.clear().await
    }
}
const _: () = {
    static DESCRIPTOR: ::nether::__private::ModuleDescriptor = ::nether::__private::ModuleDescriptor {
        declaration: ::nether::__private::Declaration {
            name: ::core::concat!(::core::module_path!(), "::", "Balances"),
            file: ::core::file!(),
            line: ::core::line!(),
            column: ::core::column!(),
        },
        kind: ::nether::__private::ModuleKind::Shared,
        handles: &[],
        emits: &[],
        calls: &[],
        after: &[],
        instances: 1usize,
        mailbox: ::nether::__private::Option::None,
        restart: ::nether::__private::RestartPolicy {
            restart: ::nether::__private::Restart::Contain,
            max_restarts: 5u32,
            within: ::nether::__private::Duration::from_millis(30000u64),
            is_essential: false,
        },
        breaker: ::nether::__private::Option::None,
        handlers: &[],
        resources: &[::nether::__private::eventstore::STORE],
        launch: ::nether::__private::Option::Some(
            ::nether::__private::launch::<
                ::nether::__private::eventstore::Projections<Balances>,
            >,
        ),
    };
    ::nether::__private::inventory::submit! {
        ::nether::__private::ModuleRegistration(& DESCRIPTOR)
    }
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::eventstore::Projection for Balances {
        const NAME: &'static str = "balances";
        const SETTINGS: ::nether::__private::eventstore::ProjectionSettings = ::nether::__private::eventstore::ProjectionSettings {
            keeps: ::nether::__private::eventstore::Keeps::InTransaction,
            parallel: 1usize,
            policy: ::nether::__private::eventstore::HandlingPolicy {
                timeout: ::nether::__private::Option::None,
                retries: 3u8,
                backoff: ::nether::__private::Backoff {
                    first: ::nether::__private::Duration::from_millis(100u64),
                    longest: ::nether::__private::Duration::from_millis(5000u64),
                },
            },
            can_clear: true,
        };
        const DESCRIPTOR: &'static ::nether::__private::ModuleDescriptor = &DESCRIPTOR;
        const ROUTES: &'static [fn(
            &mut ::nether::__private::Routes<
                '_,
                ::nether::__private::eventstore::Projections<Self>,
            >,
        )] = &[];
        const DEFINITION: ::nether::__private::eventstore::Definition = ::nether::__private::eventstore::Definition {
            version: 1u32,
            handles: &[
                <Deposited as ::nether::__private::eventstore::StoredEvent>::SCHEMA.name,
                <Closed as ::nether::__private::eventstore::StoredEvent>::SCHEMA.name,
            ],
            from: ::nether::__private::Option::None,
            names_tables: false,
        };
        const IN_TRANSACTION: ::nether::__private::Option<
            ::nether::__private::eventstore::InTransaction<Self>,
        > = ::nether::__private::Option::Some(
            ::nether::__private::eventstore::in_transaction::<Self>(),
        );
        async fn make(
            resources: &::nether::__private::Resources,
            tables: ::nether::__private::eventstore::Tables,
        ) -> ::nether::__private::Result<Self, ::nether::__private::Error> {
            let _ = (resources, &tables);
            ::nether::__private::Result::Ok(::nether::__private::eventstore::begin())
        }
    }
    const _: () = ::core::assert!(
        < Deposited as ::nether::__private::eventstore::StoredEvent > ::SCHEMA.is_named,
        "the event `Deposited` is stored, but has no name of its own, so that stores would not know it when its type moves: write `#[event(name = \"balances.deposited\")]` above its definition, with the path so far as the name if stores hold it already"
    );
    const _: () = ::core::assert!(
        < Closed as ::nether::__private::eventstore::StoredEvent > ::SCHEMA.is_named,
        "the event `Closed` is stored, but has no name of its own, so that stores would not know it when its type moves: write `#[event(name = \"balances.closed\")]` above its definition, with the path so far as the name if stores hold it already"
    );
    ::nether::__private::inventory::submit! {
        ::nether::__private::eventstore::RegisteredName::projection:: < Balances > ()
    }
};
#[automatically_derived]
#[diagnostic::do_not_recommend]
impl ::nether::__private::eventstore::TransactionalProjection for Balances {
    type Store = <pg::PgTransaction<
        'static,
        Pool,
    > as ::nether::__private::eventstore::StoreTransaction>::Store;
    fn project_in<'t>(
        &'t mut self,
        recorded: &'t ::nether::__private::eventstore::RecordedEvent,
        transaction: &'t mut <<Self as ::nether::__private::eventstore::TransactionalProjection>::Store as ::nether::__private::eventstore::TransactionalStore>::Transaction<
            '_,
        >,
    ) -> ::nether::__private::eventstore::Worked<'t> {
        if let ::nether::__private::Option::Some(event) = <Deposited as ::nether::__private::eventstore::StoredEvent>::decoded(
            recorded,
        ) {
            let mut place = ::nether::__private::eventstore::EventPlace::within(
                recorded,
                transaction,
            );
            return ::nether::__private::eventstore::waits_in::<
                <<Self as ::nether::__private::eventstore::TransactionalProjection>::Store as ::nether::__private::eventstore::TransactionalStore>::Transaction<
                    '_,
                >,
            >(async move {
                let event = event?;
                let place = &mut place;
                ::nether::__private::IntoOutcome::<
                    (),
                    _,
                >::into_outcome(
                    Self::deposited(
                            self,
                            &event,
                            ::nether::__private::eventstore::argument(place),
                        )
                        .await,
                )
            });
        }
        if let ::nether::__private::Option::Some(event) = <Closed as ::nether::__private::eventstore::StoredEvent>::decoded(
            recorded,
        ) {
            let mut place = ::nether::__private::eventstore::EventPlace::within(
                recorded,
                transaction,
            );
            return ::nether::__private::eventstore::Worked::done(
                match event {
                    ::nether::__private::Result::Ok(event) => {
                        let place = &mut place;
                        ::nether::__private::IntoOutcome::<
                            (),
                            _,
                        >::into_outcome(
                            Self::closed(
                                self,
                                &event,
                                ::nether::__private::eventstore::argument(place),
                            ),
                        )
                    }
                    ::nether::__private::Result::Err(error) => {
                        ::nether::__private::Result::Err(
                            ::nether::__private::From::from(error),
                        )
                    }
                },
            );
        }
        ::nether::__private::eventstore::Worked::done(
            ::nether::__private::Result::Ok(()),
        )
    }
    fn clear_in<'t>(
        &'t mut self,
        transaction: &'t mut <<Self as ::nether::__private::eventstore::TransactionalProjection>::Store as ::nether::__private::eventstore::TransactionalStore>::Transaction<
            '_,
        >,
    ) -> ::nether::__private::eventstore::Worked<'t> {
        ::nether::__private::eventstore::waits_in::<
            <<Self as ::nether::__private::eventstore::TransactionalProjection>::Store as ::nether::__private::eventstore::TransactionalStore>::Transaction<
                '_,
            >,
        >(async move {
            ::nether::__private::IntoOutcome::<
                (),
                _,
            >::into_outcome(Self::clear(self, transaction).await)
        })
    }
}
