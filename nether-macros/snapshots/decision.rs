impl Moves {
    fn make(
        make: Move,
        from: &Account,
        to: &Account,
    ) -> Result<(Taken, Given), NotEnough> {
        Ok((Taken, Given))
    }
    async fn undo(
        _: Undo,
        from: &Account,
        to: &Account,
        facts: &Facts,
        audit: Resource<Audit>,
    ) {}
}
const _: () = {
    const JOINTLY: ::nether::__private::eventstore::Jointly = <Moves as ::nether::__private::eventstore::Decision>::JOINTLY;
    static EMITS: [::nether::__private::MessageProof; ::nether::__private::eventstore::count(
        JOINTLY.emitted,
    )] = ::nether::__private::eventstore::emitted(JOINTLY.emitted);
    static DESCRIPTOR: ::nether::__private::ModuleDescriptor = ::nether::__private::ModuleDescriptor {
        declaration: ::nether::__private::Declaration {
            name: ::core::concat!(::core::module_path!(), "::", "Moves"),
            file: ::core::file!(),
            line: ::core::line!(),
            column: ::core::column!(),
        },
        kind: ::nether::__private::ModuleKind::Shared,
        handles: &[
            <Move as ::nether::__private::eventstore::ListedCommand>::LISTED,
            <Undo as ::nether::__private::eventstore::ListedCommand>::LISTED,
        ],
        emits: &EMITS,
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
                Audit,
            > as ::nether::__private::eventstore::DecisionArgument>::DESCRIPTOR
                .named("audit"),
        ],
        launch: ::nether::__private::Option::Some(JOINTLY.launch),
    };
    ::nether::__private::inventory::submit! {
        ::nether::__private::ModuleRegistration(& DESCRIPTOR)
    }
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::eventstore::DecisionParts for Moves {
        type Of = (Account, bank::Account);
        type Resources = (Resource<Audit>,);
    }
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::eventstore::Decision for Moves
    where
        for<'any> Account: ::nether::__private::eventstore::Aggregate,
        for<'any> bank::Account: ::nether::__private::eventstore::Aggregate,
    {
        const POLICY: ::nether::__private::eventstore::HandlingPolicy = ::nether::__private::eventstore::HandlingPolicy {
            timeout: ::nether::__private::Option::Some(
                ::nether::__private::Duration::from_millis(2000u64),
            ),
            retries: 3u8,
            backoff: ::nether::__private::Backoff {
                first: ::nether::__private::Duration::from_millis(100u64),
                longest: ::nether::__private::Duration::from_millis(5000u64),
            },
        };
        const DESCRIPTOR: &'static ::nether::__private::ModuleDescriptor = &DESCRIPTOR;
        const ROUTES: &'static [fn(
            &mut ::nether::__private::Routes<
                '_,
                ::nether::__private::eventstore::Decisions<Self>,
            >,
        )] = &[
            <Move as ::nether::__private::eventstore::ListedCommand>::add_to::<Self>,
            <Undo as ::nether::__private::eventstore::ListedCommand>::add_to::<Self>,
        ];
        fn resources(
            resources: &::nether::__private::Resources,
        ) -> ::nether::__private::Result<
            <Self as ::nether::__private::eventstore::DecisionParts>::Resources,
            ::nether::__private::Error,
        > {
            let _ = resources;
            ::nether::__private::Result::Ok((
                <Resource<
                    Audit,
                > as ::nether::__private::eventstore::DecisionArgument>::of(
                    resources,
                    ::nether::__private::Option::Some("audit"),
                )?,
            ))
        }
    }
    fn keys0(message: &Move) -> ::nether::__private::Vec<::nether::__private::String> {
        ::nether::__private::Vec::from([
            ::nether::__private::eventstore::key_of_participant::<
                Account,
                _,
            >(&message.from),
            ::nether::__private::eventstore::key_of_participant::<
                bank::Account,
                _,
            >(&message.to),
        ])
    }
    #[automatically_derived]
    impl ::nether::__private::eventstore::DecisionHandler<Move> for Moves
    where
        for<'any> Account: ::nether::__private::eventstore::Aggregate,
        for<'any> bank::Account: ::nether::__private::eventstore::Aggregate,
    {
        type Itself = <Move as ::nether::__private::eventstore::ListedCommand>::Itself;
        type Reply = <Move as ::nether::__private::eventstore::ListedCommand>::Reply;
        type Error = <Move as ::nether::__private::eventstore::ListedCommand>::Error;
        fn keys(
            message: &Move,
        ) -> ::nether::__private::Vec<::nether::__private::String> {
            keys0(message)
        }
        fn again(message: &Move) -> ::nether::__private::Option<Move> {
            ::nether::__private::Option::Some(
                ::nether::__private::eventstore::handled_again(message),
            )
        }
        async fn decide<'lent>(
            message: Move,
            states: <<Self as ::nether::__private::eventstore::DecisionParts>::Of as ::nether::__private::eventstore::Participants>::States<
                'lent,
            >,
            resources: &'lent <Self as ::nether::__private::eventstore::DecisionParts>::Resources,
            facts: &'lent ::nether::__private::eventstore::FactSource<'lent>,
        ) -> ::nether::__private::Result<
            <<Self as ::nether::__private::eventstore::DecisionParts>::Of as ::nether::__private::eventstore::Participants>::Events,
            <Self as ::nether::__private::eventstore::DecisionHandler<Move>>::Error,
        > {
            let _ = (resources, facts);
            let (state0, state1) = states;
            ::nether::__private::eventstore::outcomes::<
                <Move as ::nether::__private::eventstore::ListedCommand>::JointOutcomes<
                    <Self as ::nether::__private::eventstore::DecisionParts>::Of,
                >,
            >()
                .outcome(Self::make(message, state0, state1))
        }
        fn reply(
            states: <<Self as ::nether::__private::eventstore::DecisionParts>::Of as ::nether::__private::eventstore::Participants>::States<
                '_,
            >,
        ) -> <Self as ::nether::__private::eventstore::DecisionHandler<Move>>::Reply {
            ::nether::__private::eventstore::outcomes::<
                <Move as ::nether::__private::eventstore::ListedCommand>::JointOutcomes<
                    <Self as ::nether::__private::eventstore::DecisionParts>::Of,
                >,
            >()
                .reply(states)
        }
    }
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::HandledBy<Moves> for Move {
        fn handler() -> ::nether::__private::Option<
            &'static ::nether::__private::Declaration,
        > {
            ::nether::__private::Option::Some(&DESCRIPTOR.declaration)
        }
    }
    fn keys1(message: &Undo) -> ::nether::__private::Vec<::nether::__private::String> {
        ::nether::__private::Vec::from([
            ::nether::__private::eventstore::key_of_participant::<
                Account,
                _,
            >(&message.from),
            ::nether::__private::eventstore::key_of_participant::<
                bank::Account,
                _,
            >(&message.to),
        ])
    }
    #[automatically_derived]
    impl ::nether::__private::eventstore::DecisionHandler<Undo> for Moves
    where
        for<'any> Account: ::nether::__private::eventstore::Aggregate,
        for<'any> bank::Account: ::nether::__private::eventstore::Aggregate,
    {
        type Itself = <Undo as ::nether::__private::eventstore::ListedCommand>::Itself;
        type Reply = <Undo as ::nether::__private::eventstore::ListedCommand>::Reply;
        type Error = <Undo as ::nether::__private::eventstore::ListedCommand>::Error;
        fn keys(
            message: &Undo,
        ) -> ::nether::__private::Vec<::nether::__private::String> {
            keys1(message)
        }
        fn again(message: &Undo) -> ::nether::__private::Option<Undo> {
            ::nether::__private::Option::Some(
                ::nether::__private::eventstore::handled_again(message),
            )
        }
        async fn decide<'lent>(
            message: Undo,
            states: <<Self as ::nether::__private::eventstore::DecisionParts>::Of as ::nether::__private::eventstore::Participants>::States<
                'lent,
            >,
            resources: &'lent <Self as ::nether::__private::eventstore::DecisionParts>::Resources,
            facts: &'lent ::nether::__private::eventstore::FactSource<'lent>,
        ) -> ::nether::__private::Result<
            <<Self as ::nether::__private::eventstore::DecisionParts>::Of as ::nether::__private::eventstore::Participants>::Events,
            <Self as ::nether::__private::eventstore::DecisionHandler<Undo>>::Error,
        > {
            let _ = (resources, facts);
            let (state0, state1) = states;
            ::nether::__private::eventstore::outcomes::<
                <Undo as ::nether::__private::eventstore::ListedCommand>::JointOutcomes<
                    <Self as ::nether::__private::eventstore::DecisionParts>::Of,
                >,
            >()
                .outcome(
                    Self::undo(
                            message,
                            state0,
                            state1,
                            &facts.facts(),
                            <Resource<
                                Audit,
                            > as ::nether::__private::eventstore::DecisionArgument>::given(
                                &resources.0,
                            ),
                        )
                        .await,
                )
        }
        fn reply(
            states: <<Self as ::nether::__private::eventstore::DecisionParts>::Of as ::nether::__private::eventstore::Participants>::States<
                '_,
            >,
        ) -> <Self as ::nether::__private::eventstore::DecisionHandler<Undo>>::Reply {
            ::nether::__private::eventstore::outcomes::<
                <Undo as ::nether::__private::eventstore::ListedCommand>::JointOutcomes<
                    <Self as ::nether::__private::eventstore::DecisionParts>::Of,
                >,
            >()
                .reply(states)
        }
    }
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::HandledBy<Moves> for Undo {
        fn handler() -> ::nether::__private::Option<
            &'static ::nether::__private::Declaration,
        > {
            ::nether::__private::Option::Some(&DESCRIPTOR.declaration)
        }
    }
    ::nether::__private::inventory::submit! {
        ::nether::__private::eventstore::RegisteredDecision(& DESCRIPTOR.declaration)
    }
};
