impl Orders {
    async fn new(pool: Resource<PgPool>) -> nether::Result<Self> {
        Ok(Orders { pool })
    }
    async fn stop(&mut self) {}
    async fn process(
        &mut self,
        order: ProcessOrder,
        ctx: &Context<Self>,
    ) -> Result<Receipt, OrderError> {
        self.charge(order, ctx).await
    }
    fn processed(&self, _: OrdersProcessed) -> u64 {
        self.processed
    }
    async fn paid(&mut self, paid: &Paid) {}
}
const _: () = {
    const INIT_ARGUMENT_0: ::nether::__private::InitSlot<Resource<PgPool>> = <Resource<
        PgPool,
    > as ::nether::__private::InitArgument>::SLOT;
    static DESCRIPTOR: ::nether::__private::ModuleDescriptor = ::nether::__private::ModuleDescriptor {
        declaration: ::nether::__private::Declaration {
            name: ::core::concat!(::core::module_path!(), "::", "Orders"),
            file: ::core::file!(),
            line: ::core::line!(),
            column: ::core::column!(),
        },
        kind: ::nether::__private::ModuleKind::Exclusive,
        handles: &[
            <ProcessOrder as ::nether::__private::HandlerByValue>::PROOF,
            <OrdersProcessed as ::nether::__private::HandlerByValue>::PROOF,
            <Paid as ::nether::__private::HandlerByReference>::PROOF,
        ],
        emits: &[<OrderProcessed as ::nether::__private::Message>::PROOF],
        calls: &[],
        after: &[<Ledger as ::nether::__private::Module>::descriptor],
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
        launch: ::nether::__private::Option::Some(::nether::__private::launch::<Orders>),
    };
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::Caller for Orders {
        type Rule = ::nether::__private::Listed;
    }
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::Module for Orders {
        type Handling = ::nether::__private::OneAtATime;
        const DESCRIPTOR: &'static ::nether::__private::ModuleDescriptor = &DESCRIPTOR;
        const ROUTES: &'static [fn(&mut ::nether::__private::Routes<'_, Self>)] = &[
            <ProcessOrder as ::nether::__private::HandlerByValue>::add_to::<Self>,
            <OrdersProcessed as ::nether::__private::HandlerByValue>::add_to::<Self>,
            <Paid as ::nether::__private::HandlerByReference>::add_to::<Self>,
        ];
    }
    #[automatically_derived]
    impl ::nether::__private::Construct for Orders {
        async fn construct(
            resources: &::nether::__private::Resources,
        ) -> ::nether::__private::Result<Self, ::nether::__private::Error> {
            ::nether::__private::IntoModule::<
                Self,
                _,
            >::into_module(Self::new(INIT_ARGUMENT_0.find(resources)?).await)
        }
    }
    #[doc(hidden)]
    pub enum OrdersInbox {
        ProcessOrder(::nether::__private::Given<ProcessOrder>),
        OrdersProcessed(::nether::__private::Given<OrdersProcessed>),
        Paid(::nether::__private::Shown<Paid>),
    }
    #[automatically_derived]
    impl ::nether::__private::From<::nether::__private::Given<ProcessOrder>>
    for OrdersInbox {
        fn from(parcel: ::nether::__private::Given<ProcessOrder>) -> Self {
            OrdersInbox::ProcessOrder(parcel)
        }
    }
    #[automatically_derived]
    impl ::nether::__private::From<::nether::__private::Given<OrdersProcessed>>
    for OrdersInbox {
        fn from(parcel: ::nether::__private::Given<OrdersProcessed>) -> Self {
            OrdersInbox::OrdersProcessed(parcel)
        }
    }
    #[automatically_derived]
    impl ::nether::__private::From<::nether::__private::Shown<Paid>> for OrdersInbox {
        fn from(parcel: ::nether::__private::Shown<Paid>) -> Self {
            OrdersInbox::Paid(parcel)
        }
    }
    #[automatically_derived]
    impl ::nether::__private::Exclusive for Orders {
        type Inbox = OrdersInbox;
        async fn dispatch(
            module: &mut Self,
            inbox: &mut OrdersInbox,
            ctx: &::nether::__private::Context<Self>,
        ) -> ::nether::__private::Verdict
        where
            for<'a> Self: ::nether::__private::Send,
        {
            match *inbox {
                OrdersInbox::ProcessOrder(ref mut parcel) => {
                    <ProcessOrder as ::nether::__private::HandlerByValue>::handle(
                            parcel,
                            module,
                            ctx,
                        )
                        .await
                }
                OrdersInbox::OrdersProcessed(ref mut parcel) => {
                    <OrdersProcessed as ::nether::__private::HandlerByValue>::handle(
                            parcel,
                            module,
                            ctx,
                        )
                        .await
                }
                OrdersInbox::Paid(ref mut parcel) => {
                    <Paid as ::nether::__private::HandlerByReference>::handle(
                            parcel,
                            module,
                            ctx,
                        )
                        .await
                }
            }
        }
        fn parcel(inbox: &mut OrdersInbox) -> &mut dyn ::nether::__private::AnyParcel {
            match *inbox {
                OrdersInbox::ProcessOrder(ref mut parcel) => {
                    <ProcessOrder as ::nether::__private::HandlerByValue>::erased(parcel)
                }
                OrdersInbox::OrdersProcessed(ref mut parcel) => {
                    <OrdersProcessed as ::nether::__private::HandlerByValue>::erased(
                        parcel,
                    )
                }
                OrdersInbox::Paid(ref mut parcel) => {
                    <Paid as ::nether::__private::HandlerByReference>::erased(parcel)
                }
            }
        }
        async fn on_stop(
            module: &mut Self,
            _: &::nether::__private::Context<Self>,
        ) -> ::nether::__private::Result<(), ::nether::__private::Error>
        where
            for<'a> Self: ::nether::__private::Send,
        {
            ::nether::__private::IntoOutcome::<
                (),
                _,
            >::into_outcome(Self::stop(module).await)
        }
    }
    #[automatically_derived]
    impl ::nether::__private::ExclusiveHandler<::nether::__private::Given<ProcessOrder>>
    for Orders {
        fn handle<
            __S: ::nether::__private::ReplySink<::nether::__private::Given<ProcessOrder>>,
        >(
            module: &mut Self,
            parcel: &mut ::nether::__private::Content<ProcessOrder>,
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
                let ctx = ctx;
                let settle = settle;
                <ProcessOrder as ::nether::__private::HandlerByValue>::settle(
                    settle,
                    Self::process(module, parcel.message(), ctx).await,
                )
            }
        }
    }
    const _: fn() = <ProcessOrder as ::nether::__private::HandlerByValue>::may_change::<
        _,
    >;
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::HandledBy<Orders> for ProcessOrder {
        fn handler() -> ::nether::__private::Option<
            &'static ::nether::__private::Declaration,
        > {
            ::nether::__private::Option::Some(&DESCRIPTOR.declaration)
        }
    }
    #[automatically_derived]
    impl ::nether::__private::ExclusiveHandler<
        ::nether::__private::Given<OrdersProcessed>,
    > for Orders {
        fn handle<
            __S: ::nether::__private::ReplySink<
                    ::nether::__private::Given<OrdersProcessed>,
                >,
        >(
            module: &mut Self,
            parcel: &mut ::nether::__private::Content<OrdersProcessed>,
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
                <OrdersProcessed as ::nether::__private::HandlerByValue>::settle(
                    settle,
                    Self::processed(module, parcel.message()),
                )
            }
        }
    }
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::HandledBy<Orders> for OrdersProcessed {
        fn handler() -> ::nether::__private::Option<
            &'static ::nether::__private::Declaration,
        > {
            ::nether::__private::Option::Some(&DESCRIPTOR.declaration)
        }
    }
    #[automatically_derived]
    impl ::nether::__private::ExclusiveHandler<::nether::__private::Shown<Paid>>
    for Orders {
        fn handle<__S: ::nether::__private::ReplySink<::nether::__private::Shown<Paid>>>(
            module: &mut Self,
            parcel: &mut ::nether::__private::Shown<Paid>,
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
                <Paid as ::nether::__private::HandlerByReference>::settle(
                    settle,
                    Self::paid(module, parcel.message()).await,
                )
            }
        }
    }
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::ListedInEmits<Orders> for OrderProcessed {}
    ::nether::__private::inventory::submit! {
        ::nether::__private::ModuleRegistration(& DESCRIPTOR)
    }
};
