impl Doors {
    async fn open(&mut self, open: Open) {}
    async fn opened(&mut self, opened: &Opened) {}
}
const _: () = {
    const LIMITS_OF_Open: ::nether::__private::HandlerLimits = ::nether::__private::HandlerLimits {
        timeout: ::nether::__private::Option::Some(
            ::nether::__private::Duration::from_millis(2000u64),
        ),
        retries: 1u8,
        backoff: ::nether::__private::Backoff {
            first: ::nether::__private::Duration::from_millis(100u64),
            longest: ::nether::__private::Duration::from_millis(5000u64),
        },
    };
    const LIMITS_OF_Opened: ::nether::__private::HandlerLimits = ::nether::__private::HandlerLimits {
        timeout: ::nether::__private::Option::Some(
            ::nether::__private::Duration::from_millis(2000u64),
        ),
        retries: 0u8,
        backoff: ::nether::__private::Backoff {
            first: ::nether::__private::Duration::from_millis(100u64),
            longest: ::nether::__private::Duration::from_millis(5000u64),
        },
    };
    static DESCRIPTOR: ::nether::__private::ModuleDescriptor = ::nether::__private::ModuleDescriptor {
        declaration: ::nether::__private::Declaration {
            name: ::core::concat!(::core::module_path!(), "::", "Doors"),
            file: ::core::file!(),
            line: ::core::line!(),
            column: ::core::column!(),
        },
        kind: ::nether::__private::ModuleKind::Exclusive,
        handles: &[
            <Open as ::nether::__private::HandlerByValue>::PROOF,
            <Opened as ::nether::__private::HandlerByReference>::PROOF,
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
                message: <Open as ::nether::__private::HandlerByValue>::PROOF,
                limits: LIMITS_OF_Open,
                with: &[
                    <<Audit as ::nether::__private::IsMiddleware>::Itself as ::nether::__private::IsMiddleware>::DESCRIPTOR,
                    <<Quota as ::nether::__private::IsMiddleware>::Itself as ::nether::__private::IsMiddleware>::DESCRIPTOR,
                ],
            },
            ::nether::__private::HandlerDescriptor {
                message: <Opened as ::nether::__private::HandlerByReference>::PROOF,
                limits: LIMITS_OF_Opened,
                with: &[
                    <<Audit as ::nether::__private::IsMiddleware>::Itself as ::nether::__private::IsMiddleware>::DESCRIPTOR,
                ],
            },
        ],
        resources: &[],
        launch: ::nether::__private::Option::Some(::nether::__private::launch::<Doors>),
    };
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::Caller for Doors {
        type Rule = ::nether::__private::WithoutLists;
    }
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::Unlisted for Doors {}
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::Module for Doors {
        type Handling = ::nether::__private::OneAtATime;
        const DESCRIPTOR: &'static ::nether::__private::ModuleDescriptor = &DESCRIPTOR;
        const ROUTES: &'static [fn(&mut ::nether::__private::Routes<'_, Self>)] = &[
            <Open as ::nether::__private::HandlerByValue>::add_to::<Self>,
            <Opened as ::nether::__private::HandlerByReference>::add_to::<Self>,
        ];
    }
    #[automatically_derived]
    impl ::nether::__private::Construct for Doors {
        async fn construct(
            _: &::nether::__private::Resources,
        ) -> ::nether::__private::Result<Self, ::nether::__private::Error> {
            ::nether::__private::Result::Ok(::nether::__private::by_default::<Doors>())
        }
    }
    #[doc(hidden)]
    pub enum DoorsInbox {
        Open(::nether::__private::Given<Open>),
        Opened(::nether::__private::Shown<Opened>),
    }
    #[automatically_derived]
    impl ::nether::__private::From<::nether::__private::Given<Open>> for DoorsInbox {
        fn from(parcel: ::nether::__private::Given<Open>) -> Self {
            DoorsInbox::Open(parcel)
        }
    }
    #[automatically_derived]
    impl ::nether::__private::From<::nether::__private::Shown<Opened>> for DoorsInbox {
        fn from(parcel: ::nether::__private::Shown<Opened>) -> Self {
            DoorsInbox::Opened(parcel)
        }
    }
    #[automatically_derived]
    impl ::nether::__private::Exclusive for Doors {
        type Inbox = DoorsInbox;
        async fn dispatch(
            module: &mut Self,
            inbox: &mut DoorsInbox,
            ctx: &::nether::__private::Context<Self>,
        ) -> ::nether::__private::Verdict
        where
            for<'a> Self: ::nether::__private::Send,
        {
            match *inbox {
                DoorsInbox::Open(ref mut parcel) => {
                    <Open as ::nether::__private::HandlerByValue>::handle(
                            parcel,
                            module,
                            ctx,
                        )
                        .await
                }
                DoorsInbox::Opened(ref mut parcel) => {
                    <Opened as ::nether::__private::HandlerByReference>::handle(
                            parcel,
                            module,
                            ctx,
                        )
                        .await
                }
            }
        }
        fn parcel(inbox: &mut DoorsInbox) -> &mut dyn ::nether::__private::AnyParcel {
            match *inbox {
                DoorsInbox::Open(ref mut parcel) => {
                    <Open as ::nether::__private::HandlerByValue>::erased(parcel)
                }
                DoorsInbox::Opened(ref mut parcel) => {
                    <Opened as ::nether::__private::HandlerByReference>::erased(parcel)
                }
            }
        }
    }
    #[automatically_derived]
    impl ::nether::__private::ExclusiveHandler<::nether::__private::Given<Open>>
    for Doors {
        fn handle<__S: ::nether::__private::ReplySink<::nether::__private::Given<Open>>>(
            module: &mut Self,
            parcel: &mut ::nether::__private::Content<Open>,
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
                <Open as ::nether::__private::HandlerByValue>::settle(
                    settle,
                    Self::open(module, parcel.message()).await,
                )
            }
        }
        fn attempt(
            module: &mut Self,
            parcel: &mut ::nether::__private::Given<Open>,
            ctx: &::nether::__private::Context<Self>,
        ) -> impl ::nether::__private::Future<
            Output = ::nether::__private::Verdict,
        > + ::nether::__private::Send
        where
            for<'a> Self: ::nether::__private::Module,
            for<'a> ::nether::__private::Given<Open>: ::nether::__private::Parcel,
        {
            const POLICY: &::nether::__private::HandlerPolicy<
                ::nether::__private::Given<Open>,
            > = &::nether::__private::HandlerPolicy {
                limits: LIMITS_OF_Open,
                again: ::nether::__private::Option::Some(
                    ::nether::__private::repeated::<Open>,
                ),
            };
            ::nether::__private::attempt_alone(
                POLICY,
                (
                    ::nether::__private::fitting::<
                        <Audit as ::nether::__private::IsMiddleware>::Itself,
                        ::nether::__private::Given<Open>,
                    >()
                        .entry(),
                    (
                        ::nether::__private::fitting::<
                            <Quota as ::nether::__private::IsMiddleware>::Itself,
                            ::nether::__private::Given<Open>,
                        >()
                            .entry(),
                        (),
                    ),
                ),
                module,
                parcel,
                ctx,
            )
        }
    }
    const _: fn() = <Open as ::nether::__private::HandlerByValue>::may_change::<_>;
    const _: () = ::nether::__private::seen_by_middleware::<Open>();
    const _: fn() = || {
        ::nether::__private::fitting::<
            <Audit as ::nether::__private::IsMiddleware>::Itself,
            ::nether::__private::Given<Open>,
        >()
            .stands_around()
    };
    const _: fn() = || {
        ::nether::__private::fitting::<
            <Quota as ::nether::__private::IsMiddleware>::Itself,
            ::nether::__private::Given<Open>,
        >()
            .stands_around()
    };
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::HandledBy<Doors> for Open {
        fn handler() -> ::nether::__private::Option<
            &'static ::nether::__private::Declaration,
        > {
            ::nether::__private::Option::Some(&DESCRIPTOR.declaration)
        }
    }
    #[automatically_derived]
    impl ::nether::__private::ExclusiveHandler<::nether::__private::Shown<Opened>>
    for Doors {
        fn handle<
            __S: ::nether::__private::ReplySink<::nether::__private::Shown<Opened>>,
        >(
            module: &mut Self,
            parcel: &mut ::nether::__private::Shown<Opened>,
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
                <Opened as ::nether::__private::HandlerByReference>::settle(
                    settle,
                    Self::opened(module, parcel.message()).await,
                )
            }
        }
        fn attempt(
            module: &mut Self,
            parcel: &mut ::nether::__private::Shown<Opened>,
            ctx: &::nether::__private::Context<Self>,
        ) -> impl ::nether::__private::Future<
            Output = ::nether::__private::Verdict,
        > + ::nether::__private::Send
        where
            for<'a> Self: ::nether::__private::Module,
            for<'a> ::nether::__private::Shown<Opened>: ::nether::__private::Parcel,
        {
            const POLICY: &::nether::__private::HandlerPolicy<
                ::nether::__private::Shown<Opened>,
            > = &::nether::__private::HandlerPolicy {
                limits: LIMITS_OF_Opened,
                again: ::nether::__private::Option::None,
            };
            ::nether::__private::attempt_alone(
                POLICY,
                (
                    ::nether::__private::fitting::<
                        <Audit as ::nether::__private::IsMiddleware>::Itself,
                        ::nether::__private::Shown<Opened>,
                    >()
                        .entry(),
                    (),
                ),
                module,
                parcel,
                ctx,
            )
        }
    }
    const _: () = ::nether::__private::seen_by_middleware::<Opened>();
    const _: fn() = || {
        ::nether::__private::fitting::<
            <Audit as ::nether::__private::IsMiddleware>::Itself,
            ::nether::__private::Shown<Opened>,
        >()
            .stands_around()
    };
    ::nether::__private::inventory::submit! {
        ::nether::__private::ModuleRegistration(& DESCRIPTOR)
    }
};
