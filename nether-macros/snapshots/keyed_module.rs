impl Player {
    async fn new(player_id: &u64, names: Resource<Names>) -> nether::Result<Self> {}
    async fn hit(&mut self, hit: Hit) -> u64 {}
    async fn leave(self) {}
}
const _: () = {
    const INIT_ARGUMENT_0: ::nether::__private::InitSlot<Resource<Names>> = <Resource<
        Names,
    > as ::nether::__private::InitArgument>::SLOT;
    static DESCRIPTOR: ::nether::__private::ModuleDescriptor = ::nether::__private::ModuleDescriptor {
        declaration: ::nether::__private::Declaration {
            name: ::core::concat!(::core::module_path!(), "::", "Player"),
            file: ::core::file!(),
            line: ::core::line!(),
            column: ::core::column!(),
        },
        kind: ::nether::__private::ModuleKind::Keyed,
        handles: &[<Hit as ::nether::__private::HandlerByValue>::PROOF],
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
        handlers: &[],
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
        fn key(
            parcel: &::nether::__private::Given<Hit>,
        ) -> &<Self as ::nether::__private::KeyedModule>::Key {
            ::nether::__private::key_of::<Self, Hit>(parcel.shown())
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
    ::nether::__private::inventory::submit! {
        ::nether::__private::ModuleRegistration(& DESCRIPTOR)
    }
};
