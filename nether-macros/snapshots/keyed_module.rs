impl Player {
    async fn new(player_id: &u64, names: Resource<Names>) -> nether::Result<Self> {}
    async fn hit(&mut self, hit: Hit) -> u64 {}
    async fn moved(&mut self, moved: &Moved) {}
    async fn won(&mut self, won: &Won) {}
    async fn leave(self) {}
}
const _: () = {
    const INIT_ARGUMENT_0: ::nether::__private::InitSlot<Resource<Names>> = <Resource<
        Names,
    > as ::nether::__private::InitArgument>::SLOT;
    const LIMITS_OF_Won: ::nether::__private::HandlerLimits = ::nether::__private::HandlerLimits {
        timeout: ::nether::__private::Option::Some(
            ::nether::__private::Duration::from_millis(1000u64),
        ),
        retries: 0u8,
        backoff: ::nether::__private::Backoff {
            first: ::nether::__private::Duration::from_millis(100u64),
            longest: ::nether::__private::Duration::from_millis(5000u64),
        },
    };
    static DESCRIPTOR: ::nether::__private::ModuleDescriptor = ::nether::__private::ModuleDescriptor {
        declaration: ::nether::__private::Declaration {
            name: ::core::concat!(::core::module_path!(), "::", "Player"),
            file: ::core::file!(),
            line: ::core::line!(),
            column: ::core::column!(),
        },
        kind: ::nether::__private::ModuleKind::Keyed,
        handles: &[
            <Hit as ::nether::__private::HandlerByValue>::PROOF,
            <Moved as ::nether::__private::HandlerByReference>::PROOF,
            <Won as ::nether::__private::HandlerByReference>::PROOF,
        ],
        emits: &[],
        calls: &[],
        after: &[],
        instances: 1usize,
        mailbox: ::nether::__private::Option::None,
        restart: ::nether::__private::RestartPolicy {
            restart: ::nether::__private::Restart::Always,
            max_restarts: 5u32,
            within: ::nether::__private::Duration::from_millis(30000u64),
            is_essential: false,
        },
        breaker: ::nether::__private::Option::None,
        handlers: &[
            ::nether::__private::HandlerDescriptor {
                message: <Won as ::nether::__private::HandlerByReference>::PROOF,
                limits: LIMITS_OF_Won,
                with: &[],
            },
        ],
        resources: &[INIT_ARGUMENT_0.descriptor],
        launch: ::nether::__private::Option::Some(
            ::nether::__private::launch_keyed::<Player>,
        ),
    };
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::Caller for Player {
        type Rule = ::nether::__private::WithoutLists;
    }
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::Unlisted for Player {}
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::Module for Player {
        type Handling = ::nether::__private::PerKey;
        const DESCRIPTOR: &'static ::nether::__private::ModuleDescriptor = &DESCRIPTOR;
        const ROUTES: &'static [fn(&mut ::nether::__private::Routes<'_, Self>)] = &[
            <Hit as ::nether::__private::HandlerByValue>::add_to::<Self>,
            <Moved as ::nether::__private::HandlerByReference>::add_to::<Self>,
            <Won as ::nether::__private::HandlerByReference>::add_to::<Self>,
        ];
    }
    #[automatically_derived]
    impl ::nether::__private::KeyedModule for Player {
        type Key = u64;
        const KEYING: ::nether::__private::Keying = ::nether::__private::Keying {
            keep: ::nether::__private::Option::Some(100000usize),
            idle: ::nether::__private::Option::Some(
                ::nether::__private::Duration::from_millis(300000u64),
            ),
            has_on_idle: true,
        };
        async fn make(
            key: &Self::Key,
            resources: &::nether::__private::Resources,
        ) -> ::nether::__private::Result<Self, ::nether::__private::Error>
        where
            for<'a> Self: ::nether::__private::Send,
        {
            ::nether::__private::IntoModule::<
                Self,
                _,
            >::into_module(Self::new(key, INIT_ARGUMENT_0.find(resources)?).await)
        }
        async fn on_idle(
            module: Self,
            _: &::nether::__private::Context<Self>,
        ) -> ::nether::__private::Result<(), ::nether::__private::Error>
        where
            for<'a> Self: ::nether::__private::Send,
        {
            ::nether::__private::IntoOutcome::<
                (),
                _,
            >::into_outcome(Self::leave(module).await)
        }
    }
    #[automatically_derived]
    impl ::nether::__private::Started for Player {}
    #[automatically_derived]
    impl ::nether::__private::ExclusiveHandler<::nether::__private::Given<Hit>>
    for Player {
        fn handle<__S: ::nether::__private::ReplySink<::nether::__private::Given<Hit>>>(
            module: &mut Self,
            parcel: &mut ::nether::__private::Content<Hit>,
            ctx: &::nether::__private::Context<Self>,
            settle: __S,
        ) -> impl ::nether::__private::Future<
            Output = __S::Settled,
        > + ::nether::__private::Send
        where
            for<'a> Self: ::nether::__private::Send,
        {
            async move {
                let module = module;
                let parcel = parcel;
                let __unused = ctx;
                let settle = settle;
                <Hit as ::nether::__private::HandlerByValue>::settle(
                    settle,
                    Self::hit(module, parcel.message()).await,
                )
            }
        }
    }
    #[automatically_derived]
    impl ::nether::__private::KeyedHandler<::nether::__private::Given<Hit>> for Player {
        fn addressee(
            parcel: &::nether::__private::Given<Hit>,
        ) -> ::nether::__private::Addressee<
            '_,
            ::nether::__private::Given<Hit>,
            <Self as ::nether::__private::KeyedModule>::Key,
        > {
            ::nether::__private::Addressee::Key(
                ::nether::__private::key_of::<Self, Hit>(parcel.shown()),
            )
        }
    }
    const _: fn() = <Hit as ::nether::__private::HandlerByValue>::may_change::<_>;
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::HandledBy<Player> for Hit {
        fn handler() -> ::nether::__private::Option<
            &'static ::nether::__private::Declaration,
        > {
            ::nether::__private::Option::Some(&DESCRIPTOR.declaration)
        }
    }
    #[automatically_derived]
    impl ::nether::__private::ExclusiveHandler<::nether::__private::Shown<Moved>>
    for Player {
        fn handle<
            __S: ::nether::__private::ReplySink<::nether::__private::Shown<Moved>>,
        >(
            module: &mut Self,
            parcel: &mut ::nether::__private::Shown<Moved>,
            ctx: &::nether::__private::Context<Self>,
            settle: __S,
        ) -> impl ::nether::__private::Future<
            Output = __S::Settled,
        > + ::nether::__private::Send
        where
            for<'a> Self: ::nether::__private::Send,
        {
            async move {
                let module = module;
                let parcel = parcel;
                let __unused = ctx;
                let settle = settle;
                <Moved as ::nether::__private::HandlerByReference>::settle(
                    settle,
                    Self::moved(module, parcel.message()).await,
                )
            }
        }
    }
    #[automatically_derived]
    impl ::nether::__private::KeyedHandler<::nether::__private::Shown<Moved>>
    for Player {
        fn addressee(
            parcel: &::nether::__private::Shown<Moved>,
        ) -> ::nether::__private::Addressee<
            '_,
            ::nether::__private::Shown<Moved>,
            <Self as ::nether::__private::KeyedModule>::Key,
        > {
            ::nether::__private::Addressee::Key(
                ::nether::__private::key_of::<Self, Moved>(parcel.shown()),
            )
        }
    }
    #[automatically_derived]
    impl ::nether::__private::ExclusiveHandler<::nether::__private::Shown<Won>>
    for Player {
        fn handle<__S: ::nether::__private::ReplySink<::nether::__private::Shown<Won>>>(
            module: &mut Self,
            parcel: &mut ::nether::__private::Shown<Won>,
            ctx: &::nether::__private::Context<Self>,
            settle: __S,
        ) -> impl ::nether::__private::Future<
            Output = __S::Settled,
        > + ::nether::__private::Send
        where
            for<'a> Self: ::nether::__private::Send,
        {
            async move {
                let module = module;
                let parcel = parcel;
                let __unused = ctx;
                let settle = settle;
                <Won as ::nether::__private::HandlerByReference>::settle(
                    settle,
                    Self::won(module, parcel.message()).await,
                )
            }
        }
    }
    #[automatically_derived]
    impl ::nether::__private::KeyedHandler<::nether::__private::Shown<Won>> for Player {
        fn addressee(
            _: &::nether::__private::Shown<Won>,
        ) -> ::nether::__private::Addressee<
            '_,
            ::nether::__private::Shown<Won>,
            <Self as ::nether::__private::KeyedModule>::Key,
        > {
            ::nether::__private::Addressee::All(::nether::__private::Clone::clone)
        }
        fn attempt_of_key(
            module: &mut Self,
            parcel: &mut ::nether::__private::Shown<Won>,
            ctx: &::nether::__private::Context<Self>,
        ) -> impl ::nether::__private::Future<
            Output = ::nether::__private::Attempt<
                <::nether::__private::Shown<Won> as ::nether::__private::Parcel>::Message,
            >,
        > + ::nether::__private::Send
        where
            for<'a> Self: ::nether::__private::Module,
            for<'a> ::nether::__private::Shown<Won>: ::nether::__private::Parcel,
        {
            const POLICY: &::nether::__private::HandlerPolicy<
                ::nether::__private::Shown<Won>,
            > = &::nether::__private::HandlerPolicy {
                limits: LIMITS_OF_Won,
                again: ::nether::__private::Option::None,
            };
            ::nether::__private::attempt_of_key(POLICY, (), module, parcel, ctx)
        }
    }
    ::nether::__private::inventory::submit! {
        ::nether::__private::ModuleRegistration(& DESCRIPTOR)
    }
};
