impl Balances {
    async fn new(tables: Tables, pool: Resource<Pool>) -> nether::Result<Self> {
        Ok(Balances { tables, pool })
    }
    async fn deposited(
        &mut self,
        event: &Deposited,
        at: Position,
    ) -> nether::Result<()> {
        self.pool.add(event, at).await
    }
    async fn balance(&self, query: BalanceOf) -> nether::Result<u64> {
        self.pool.balance(query).await
    }
    async fn clear(&mut self) -> nether::Result<()> {
        self.pool.clear().await
    }
}
const _: () = {
    const INIT_ARGUMENT_0: ::nether::__private::InitSlot<Resource<Pool>> = <Resource<
        Pool,
    > as ::nether::__private::InitArgument>::SLOT;
    static DESCRIPTOR: ::nether::__private::ModuleDescriptor = ::nether::__private::ModuleDescriptor {
        declaration: ::nether::__private::Declaration {
            name: ::core::concat!(::core::module_path!(), "::", "Balances"),
            file: ::core::file!(),
            line: ::core::line!(),
            column: ::core::column!(),
        },
        kind: ::nether::__private::ModuleKind::Shared,
        handles: &[<BalanceOf as ::nether::__private::eventstore::ListedQuery>::LISTED],
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
        resources: &[::nether::__private::eventstore::STORE, INIT_ARGUMENT_0.descriptor],
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
            keeps: ::nether::__private::eventstore::Keeps::Elsewhere,
            parallel: 1usize,
            policy: ::nether::__private::eventstore::HandlingPolicy {
                timeout: ::nether::__private::Option::None,
                retries: 5u8,
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
        )] = &[
            <BalanceOf as ::nether::__private::eventstore::ListedQuery>::add_to::<Self>,
        ];
        const DEFINITION: ::nether::__private::eventstore::Definition = ::nether::__private::eventstore::Definition {
            version: 1u32,
            handles: &[
                <Deposited as ::nether::__private::eventstore::StoredEvent>::SCHEMA.name,
            ],
            from: ::nether::__private::Option::None,
            names_tables: true,
        };
        const COPY: ::nether::__private::Option<fn(&Self) -> Self> = {
            use ::nether::__private::eventstore::NeverCopied as _;
            <::nether::__private::eventstore::Copied<Self>>::COPY
        };
        async fn make(
            resources: &::nether::__private::Resources,
            tables: ::nether::__private::eventstore::Tables,
        ) -> ::nether::__private::Result<Self, ::nether::__private::Error> {
            let _ = (resources, &tables);
            ::nether::__private::IntoModule::<
                Self,
                _,
            >::into_module(
                Self::new(
                        ::nether::__private::Clone::clone(&tables),
                        INIT_ARGUMENT_0.find(resources)?,
                    )
                    .await,
            )
        }
        async fn project(
            &mut self,
            recorded: &::nether::__private::eventstore::RecordedEvent,
        ) -> ::nether::__private::Result<(), ::nether::__private::Error> {
            if let ::nether::__private::Option::Some(event) = <Deposited as ::nether::__private::eventstore::StoredEvent>::decoded(
                recorded,
            ) {
                return ::nether::__private::IntoOutcome::<
                    (),
                    _,
                >::into_outcome(
                    Self::deposited(
                            self,
                            &event?,
                            ::nether::__private::eventstore::argument(
                                &mut ::nether::__private::eventstore::EventPlace::of(
                                    recorded,
                                ),
                            ),
                        )
                        .await,
                );
            }
            ::nether::__private::Result::Ok(())
        }
        async fn clear(
            &mut self,
        ) -> ::nether::__private::Result<(), ::nether::__private::Error> {
            ::nether::__private::IntoOutcome::<
                (),
                _,
            >::into_outcome(Self::clear(self).await)
        }
    }
    #[automatically_derived]
    impl ::nether::__private::eventstore::Answers<BalanceOf> for Balances {
        type Itself = <BalanceOf as ::nether::__private::eventstore::ListedQuery>::Itself;
        type Reply = <BalanceOf as ::nether::__private::eventstore::ListedQuery>::Reply;
        type Error = <BalanceOf as ::nether::__private::eventstore::ListedQuery>::Error;
        async fn answer(
            &self,
            query: BalanceOf,
        ) -> ::nether::__private::Result<
            <Self as ::nether::__private::eventstore::Answers<BalanceOf>>::Reply,
            <Self as ::nether::__private::eventstore::Answers<BalanceOf>>::Error,
        > {
            ::nether::__private::IntoReply::<
                BalanceOf,
                _,
                _,
                _,
            >::into_reply(Self::balance(self, query).await)
        }
    }
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::HandledBy<Balances> for BalanceOf {
        fn handler() -> ::nether::__private::Option<
            &'static ::nether::__private::Declaration,
        > {
            ::nether::__private::Option::Some(&DESCRIPTOR.declaration)
        }
    }
    const _: () = ::core::assert!(
        < Deposited as ::nether::__private::eventstore::StoredEvent > ::SCHEMA.is_named,
        "the event `Deposited` is stored, but has no name of its own, so that stores would not know it when its type moves: write `#[event(name = \"balances.deposited\")]` above its definition, with the path so far as the name if stores hold it already"
    );
    ::nether::__private::inventory::submit! {
        ::nether::__private::eventstore::RegisteredName::projection:: < Balances > ()
    }
};
