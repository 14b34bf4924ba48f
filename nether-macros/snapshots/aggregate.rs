impl CheckingAccount {
    /// Opens it.
    fn open(&self, open: Open) -> Opened {
        Opened { owner: open.owner }
    }
    async fn deposit(
        &self,
        deposit: bank::Deposit,
        facts: &Facts,
        limit: Resource<Limit>,
    ) -> Result<Deposited, TooMuch> {
        limit.check(deposit.cents).await
    }
    fn opened(&mut self, _: &Opened) {}
    fn deposited(&mut self, event: &Deposited) {
        self.cents += event.cents;
    }
    #[must_use]
    pub fn cents(&self) -> u64 {
        self.cents
    }
}
const _: () = {
    static DESCRIPTOR: ::nether::__private::ModuleDescriptor = ::nether::__private::ModuleDescriptor {
        declaration: ::nether::__private::Declaration {
            name: ::core::concat!(::core::module_path!(), "::", "CheckingAccount"),
            file: ::core::file!(),
            line: ::core::line!(),
            column: ::core::column!(),
        },
        kind: ::nether::__private::ModuleKind::Shared,
        handles: &[
            <Open as ::nether::__private::eventstore::AggregateMessage>::LISTED,
            <bank::Deposit as ::nether::__private::eventstore::AggregateMessage>::LISTED,
        ],
        emits: &[
            <Opened as ::nether::__private::eventstore::StoredEvent>::LISTED,
            <Deposited as ::nether::__private::eventstore::StoredEvent>::LISTED,
        ],
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
        resources: &[
            ::nether::__private::eventstore::STORE,
            <Resource<
                Limit,
            > as ::nether::__private::eventstore::DecisionArgument>::DESCRIPTOR,
        ],
        launch: ::nether::__private::Option::Some(
            ::nether::__private::launch::<
                ::nether::__private::eventstore::Aggregates<CheckingAccount>,
            >,
        ),
    };
    ::nether::__private::inventory::submit! {
        ::nether::__private::ModuleRegistration(& DESCRIPTOR)
    }
    #[doc(hidden)]
    pub enum CheckingAccountEvent {
        Event0(::nether::__private::eventstore::Held<Opened>),
        Event1(::nether::__private::eventstore::Held<Deposited>),
    }
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::eventstore::EventOf<CheckingAccount> for Opened {
        fn into_event(self) -> CheckingAccountEvent {
            CheckingAccountEvent::Event0(self)
        }
    }
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::eventstore::EventOf<CheckingAccount> for Deposited {
        fn into_event(self) -> CheckingAccountEvent {
            CheckingAccountEvent::Event1(self)
        }
    }
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::eventstore::Parts for CheckingAccount {
        type Event = CheckingAccountEvent;
        type KeyOr<__Other> = <Open as ::nether::__private::eventstore::AggregateMessage>::KeyOr<
            __Other,
        >;
        type Resources = (Resource<Limit>,);
    }
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::eventstore::Aggregate for CheckingAccount {
        type Itself = Self;
        const NAME: &'static str = "checking_account";
        const SETTINGS: ::nether::__private::eventstore::AggregateSettings = ::nether::__private::eventstore::AggregateSettings {
            snapshot_every: 100u64,
            snapshot_version: 1u32,
            cache: 10000usize,
            idle: ::nether::__private::Duration::from_millis(30000u64),
            policy: ::nether::__private::eventstore::HandlingPolicy {
                timeout: ::nether::__private::Option::None,
                retries: 0u8,
                backoff: ::nether::__private::Backoff {
                    first: ::nether::__private::Duration::from_millis(100u64),
                    longest: ::nether::__private::Duration::from_millis(5000u64),
                },
            },
        };
        const DESCRIPTOR: &'static ::nether::__private::ModuleDescriptor = &DESCRIPTOR;
        const ROUTES: &'static [fn(
            &mut ::nether::__private::Routes<
                '_,
                ::nether::__private::eventstore::Aggregates<Self>,
            >,
        )] = &[
            <Open as ::nether::__private::eventstore::AggregateMessage>::add_to::<Self>,
            <bank::Deposit as ::nether::__private::eventstore::AggregateMessage>::add_to::<
                Self,
            >,
        ];
        const SNAPSHOTS: ::nether::__private::Option<
            ::nether::__private::eventstore::Keeping<Self>,
        > = ::nether::__private::Option::Some(::nether::__private::eventstore::kept());
        fn initial() -> Self {
            ::nether::__private::eventstore::initial()
        }
        fn resources(
            resources: &::nether::__private::Resources,
        ) -> ::nether::__private::Result<
            <Self as ::nether::__private::eventstore::Parts>::Resources,
            ::nether::__private::Error,
        > {
            let _ = resources;
            ::nether::__private::Result::Ok((
                <Resource<
                    Limit,
                > as ::nether::__private::eventstore::DecisionArgument>::of(
                    resources,
                    ::nether::__private::Option::None,
                )?,
            ))
        }
        fn apply(&mut self, event: &CheckingAccountEvent) {
            match *event {
                CheckingAccountEvent::Event0(ref event) => Self::opened(self, event),
                CheckingAccountEvent::Event1(ref event) => Self::deposited(self, event),
            }
        }
        fn encode(
            event: &CheckingAccountEvent,
            encoding: ::nether::__private::eventstore::Encoding,
        ) -> ::nether::__private::Result<
            (::nether::__private::eventstore::Encoded, CheckingAccountEvent),
            ::nether::__private::eventstore::Unreadable,
        > {
            match *event {
                CheckingAccountEvent::Event0(ref event) => {
                    let written = <Opened as ::nether::__private::eventstore::StoredEvent>::encoded(
                        event,
                        encoding,
                    );
                    ::nether::__private::Result::map(
                        written,
                        |(encoded, event)| (encoded, CheckingAccountEvent::Event0(event)),
                    )
                }
                CheckingAccountEvent::Event1(ref event) => {
                    let written = <Deposited as ::nether::__private::eventstore::StoredEvent>::encoded(
                        event,
                        encoding,
                    );
                    ::nether::__private::Result::map(
                        written,
                        |(encoded, event)| (encoded, CheckingAccountEvent::Event1(event)),
                    )
                }
            }
        }
        fn decode(
            recorded: &::nether::__private::eventstore::RecordedEvent,
        ) -> ::nether::__private::Option<
            ::nether::__private::Result<
                CheckingAccountEvent,
                ::nether::__private::eventstore::StoreError,
            >,
        > {
            if let ::nether::__private::Option::Some(decoded) = <Opened as ::nether::__private::eventstore::StoredEvent>::decoded(
                recorded,
            ) {
                return ::nether::__private::Option::Some(
                    ::nether::__private::Result::map(
                        decoded,
                        CheckingAccountEvent::Event0,
                    ),
                );
            }
            if let ::nether::__private::Option::Some(decoded) = <Deposited as ::nether::__private::eventstore::StoredEvent>::decoded(
                recorded,
            ) {
                return ::nether::__private::Option::Some(
                    ::nether::__private::Result::map(
                        decoded,
                        CheckingAccountEvent::Event1,
                    ),
                );
            }
            ::nether::__private::Option::None
        }
        async fn publish<__By: ::nether::__private::Caller>(
            event: CheckingAccountEvent,
            ctx: &::nether::__private::Context<__By>,
        ) {
            match event {
                CheckingAccountEvent::Event0(event) => {
                    <Opened as ::nether::__private::eventstore::StoredEvent>::shown(
                            event,
                            ctx,
                        )
                        .await
                }
                CheckingAccountEvent::Event1(event) => {
                    <Deposited as ::nether::__private::eventstore::StoredEvent>::shown(
                            event,
                            ctx,
                        )
                        .await
                }
            }
        }
    }
    #[automatically_derived]
    impl ::nether::__private::eventstore::AggregateHandler<Open> for CheckingAccount {
        type Itself = <Open as ::nether::__private::eventstore::AggregateMessage>::Itself;
        type Reply = <Open as ::nether::__private::eventstore::AggregateMessage>::Reply;
        type Error = <Open as ::nether::__private::eventstore::AggregateMessage>::Error;
        type Outcome = <Open as ::nether::__private::eventstore::AggregateMessage>::Outcome<
            Self,
        >;
        type OfState = <Open as ::nether::__private::eventstore::AggregateMessage>::OfState;
        fn key(
            message: &<Self as ::nether::__private::eventstore::AggregateHandler<
                Open,
            >>::Itself,
        ) -> ::nether::__private::String {
            const KEY: fn(
                &<CheckingAccount as ::nether::__private::eventstore::AggregateHandler<
                    Open,
                >>::Itself,
            ) -> ::nether::__private::String = ::nether::__private::eventstore::key_of;
            KEY(message)
        }
        async fn handle(
            &self,
            message: Open,
            resources: &<Self as ::nether::__private::eventstore::Parts>::Resources,
            facts: &::nether::__private::eventstore::FactSource<'_>,
        ) -> ::nether::__private::Result<
            <Self as ::nether::__private::eventstore::AggregateHandler<Open>>::Outcome,
            <Self as ::nether::__private::eventstore::AggregateHandler<Open>>::Error,
        > {
            let _ = (resources, facts);
            ::nether::__private::eventstore::outcomes::<
                <Open as ::nether::__private::eventstore::AggregateMessage>::Outcomes<
                    Self,
                >,
            >()
                .outcome(Self::open(self, message))
        }
        fn of_state(
            &self,
        ) -> <Self as ::nether::__private::eventstore::AggregateHandler<Open>>::OfState {
            ::nether::__private::eventstore::outcomes::<
                <Open as ::nether::__private::eventstore::AggregateMessage>::Outcomes<
                    Self,
                >,
            >()
                .reply(self)
        }
    }
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::HandledBy<CheckingAccount> for Open {
        fn handler() -> ::nether::__private::Option<
            &'static ::nether::__private::Declaration,
        > {
            ::nether::__private::Option::Some(&DESCRIPTOR.declaration)
        }
    }
    #[automatically_derived]
    impl ::nether::__private::eventstore::AggregateHandler<bank::Deposit>
    for CheckingAccount {
        type Itself = <bank::Deposit as ::nether::__private::eventstore::AggregateMessage>::Itself;
        type Reply = <bank::Deposit as ::nether::__private::eventstore::AggregateMessage>::Reply;
        type Error = <bank::Deposit as ::nether::__private::eventstore::AggregateMessage>::Error;
        type Outcome = <bank::Deposit as ::nether::__private::eventstore::AggregateMessage>::Outcome<
            Self,
        >;
        type OfState = <bank::Deposit as ::nether::__private::eventstore::AggregateMessage>::OfState;
        fn key(
            message: &<Self as ::nether::__private::eventstore::AggregateHandler<
                bank::Deposit,
            >>::Itself,
        ) -> ::nether::__private::String {
            const KEY: fn(
                &<CheckingAccount as ::nether::__private::eventstore::AggregateHandler<
                    bank::Deposit,
                >>::Itself,
            ) -> ::nether::__private::String = ::nether::__private::eventstore::key_of;
            const _: fn() = ::nether::__private::eventstore::same_key::<
                CheckingAccount,
                <CheckingAccount as ::nether::__private::eventstore::AggregateHandler<
                    Open,
                >>::Itself,
                <CheckingAccount as ::nether::__private::eventstore::AggregateHandler<
                    bank::Deposit,
                >>::Itself,
            >;
            KEY(message)
        }
        async fn handle(
            &self,
            message: bank::Deposit,
            resources: &<Self as ::nether::__private::eventstore::Parts>::Resources,
            facts: &::nether::__private::eventstore::FactSource<'_>,
        ) -> ::nether::__private::Result<
            <Self as ::nether::__private::eventstore::AggregateHandler<
                bank::Deposit,
            >>::Outcome,
            <Self as ::nether::__private::eventstore::AggregateHandler<
                bank::Deposit,
            >>::Error,
        > {
            let _ = (resources, facts);
            ::nether::__private::eventstore::outcomes::<
                <bank::Deposit as ::nether::__private::eventstore::AggregateMessage>::Outcomes<
                    Self,
                >,
            >()
                .outcome(
                    Self::deposit(
                            self,
                            message,
                            &facts.facts(),
                            <Resource<
                                Limit,
                            > as ::nether::__private::eventstore::DecisionArgument>::given(
                                &resources.0,
                            ),
                        )
                        .await,
                )
        }
        fn of_state(
            &self,
        ) -> <Self as ::nether::__private::eventstore::AggregateHandler<
            bank::Deposit,
        >>::OfState {
            ::nether::__private::eventstore::outcomes::<
                <bank::Deposit as ::nether::__private::eventstore::AggregateMessage>::Outcomes<
                    Self,
                >,
            >()
                .reply(self)
        }
    }
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::HandledBy<CheckingAccount> for bank::Deposit {
        fn handler() -> ::nether::__private::Option<
            &'static ::nether::__private::Declaration,
        > {
            ::nether::__private::Option::Some(&DESCRIPTOR.declaration)
        }
    }
    const _: () = ::core::assert!(
        < Opened as ::nether::__private::eventstore::StoredEvent > ::SCHEMA.is_named,
        "the event `Opened` is stored, but has no name of its own, so that stores would not know it when its type moves: write `#[event(name = \"checking_account.opened\")]` above its definition, with the path so far as the name if stores hold it already"
    );
    const _: () = ::core::assert!(
        < Deposited as ::nether::__private::eventstore::StoredEvent > ::SCHEMA.is_named,
        "the event `Deposited` is stored, but has no name of its own, so that stores would not know it when its type moves: write `#[event(name = \"checking_account.deposited\")]` above its definition, with the path so far as the name if stores hold it already"
    );
    ::nether::__private::inventory::submit! {
        ::nether::__private::eventstore::RegisteredName::aggregate:: < CheckingAccount >
        ()
    }
};
