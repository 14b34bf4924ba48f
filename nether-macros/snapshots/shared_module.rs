impl Mailer {
    async fn sweep(&self, ctx: Context<Self>) {}
    async fn confirm(&self, event: &OrderProcessed) {}
}
const _: () = {
    static DESCRIPTOR: ::nether::__private::ModuleDescriptor = ::nether::__private::ModuleDescriptor {
        declaration: ::nether::__private::Declaration {
            name: ::core::concat!(::core::module_path!(), "::", "Mailer"),
            file: ::core::file!(),
            line: ::core::line!(),
            column: ::core::column!(),
        },
        kind: ::nether::__private::ModuleKind::Shared,
        handles: &[<OrderProcessed as ::nether::__private::HandlerByReference>::PROOF],
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
        resources: &[],
        launch: ::nether::__private::Option::None,
    };
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::Caller for Mailer {
        type Rule = ::nether::__private::WithoutLists;
    }
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::Unlisted for Mailer {}
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::Module for Mailer {
        type Handling = ::nether::__private::Concurrently;
        const DESCRIPTOR: &'static ::nether::__private::ModuleDescriptor = &DESCRIPTOR;
        const ROUTES: &'static [fn(&mut ::nether::__private::Routes<'_, Self>)] = &[
            <OrderProcessed as ::nether::__private::HandlerByReference>::add_to::<Self>,
        ];
        fn background(tasks: &mut ::nether::__private::Background<Self>) {
            tasks
                .run_shared(|module, ctx| async move {
                    ::nether::__private::IntoOutcome::<
                        (),
                        _,
                    >::into_outcome(Self::sweep(&module, ctx).await)
                });
        }
    }
    #[automatically_derived]
    impl ::nether::__private::Shared for Mailer {}
    #[automatically_derived]
    impl ::nether::__private::SharedHandler<::nether::__private::Shown<OrderProcessed>>
    for Mailer {
        fn handle<
            __S: ::nether::__private::ReplySink<
                    ::nether::__private::Shown<OrderProcessed>,
                >,
        >(
            module: &Self,
            parcel: &mut ::nether::__private::Shown<OrderProcessed>,
            ctx: &::nether::__private::Context<Self>,
            settle: __S,
        ) -> impl ::nether::__private::Future<
            Output = __S::Settled,
        > + ::nether::__private::Send
        where
            for<'a> Self: ::nether::__private::Sync,
        {
            async move {
                let module = module;
                let parcel = parcel;
                let __unused = ctx;
                let settle = settle;
                <OrderProcessed as ::nether::__private::HandlerByReference>::settle(
                    settle,
                    Self::confirm(module, parcel.message()).await,
                )
            }
        }
    }
    ::nether::__private::inventory::submit! {
        ::nether::__private::ModuleRegistration(& DESCRIPTOR)
    }
};
