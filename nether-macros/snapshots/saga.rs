impl Fulfilment {
    async fn placed(
        &mut self,
        event: &Placed,
        step: &mut Step<Self>,
    ) -> nether::Result<()> {
        step.send(Reserve(event.order_id)).compensate_with(Release(event.order_id));
        Ok(())
    }
    fn paid(&mut self, _: &Paid) {}
    fn unpaid(&mut self, step: &mut Step<Self>) {
        step.fail("not paid in time");
    }
}
const _: () = {
    static DESCRIPTOR: ::nether::__private::ModuleDescriptor = ::nether::__private::ModuleDescriptor {
        declaration: ::nether::__private::Declaration {
            name: ::core::concat!(::core::module_path!(), "::", "Fulfilment"),
            file: ::core::file!(),
            line: ::core::line!(),
            column: ::core::column!(),
        },
        kind: ::nether::__private::ModuleKind::Shared,
        handles: &[],
        emits: &[],
        calls: &[
            <Reserve as ::nether::__private::eventstore::ListedCommand>::LISTED,
            <Release as ::nether::__private::eventstore::ListedCommand>::LISTED,
        ],
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
                ::nether::__private::eventstore::Sagas<Fulfilment>,
            >,
        ),
    };
    ::nether::__private::inventory::submit! {
        ::nether::__private::ModuleRegistration(& DESCRIPTOR)
    }
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::eventstore::Saga for Fulfilment {
        const NAME: &'static str = "fulfilment";
        const DESCRIPTOR: &'static ::nether::__private::ModuleDescriptor = &DESCRIPTOR;
        const DEFINITION: ::nether::__private::eventstore::Definition = ::nether::__private::eventstore::Definition {
            version: 1u32,
            handles: &[
                <Placed as ::nether::__private::eventstore::StoredEvent>::SCHEMA.name,
                <Paid as ::nether::__private::eventstore::StoredEvent>::SCHEMA.name,
            ],
            from: ::nether::__private::Option::None,
            names_tables: false,
        };
        const POLICY: ::nether::__private::eventstore::HandlingPolicy = ::nether::__private::eventstore::HandlingPolicy {
            timeout: ::nether::__private::Option::None,
            retries: 3u8,
            backoff: ::nether::__private::Backoff {
                first: ::nether::__private::Duration::from_millis(100u64),
                longest: ::nether::__private::Duration::from_millis(5000u64),
            },
        };
        const KEPT: ::nether::__private::eventstore::Keeping<Self> = ::nether::__private::eventstore::kept();
        const TIMEOUTS: &'static [::nether::__private::eventstore::Timeout] = &[
            ::nether::__private::eventstore::Timeout {
                name: "unpaid",
                after: ::nether::__private::Duration::from_millis(1800000u64),
                since: ::nether::__private::Option::Some(
                    <Placed as ::nether::__private::eventstore::StoredEvent>::SCHEMA.name,
                ),
            },
        ];
        fn starts(event: &str) -> bool {
            event
                == <Placed as ::nether::__private::eventstore::StoredEvent>::SCHEMA.name
                || false
        }
        fn ends(event: &str) -> bool {
            let _ = event;
            event == <Paid as ::nether::__private::eventstore::StoredEvent>::SCHEMA.name
                || false
        }
        fn key(
            recorded: &::nether::__private::eventstore::RecordedEvent,
        ) -> ::nether::__private::Option<
            ::nether::__private::Result<
                ::nether::__private::String,
                ::nether::__private::eventstore::StoreError,
            >,
        > {
            if let ::nether::__private::Option::Some(key) = ::nether::__private::eventstore::text_of(
                <Placed as ::nether::__private::eventstore::StoredEvent>::decoded(
                    recorded,
                ),
                |of| &of.order_id,
            ) {
                return ::nether::__private::Option::Some(key);
            }
            if let ::nether::__private::Option::Some(key) = ::nether::__private::eventstore::text_of(
                <Paid as ::nether::__private::eventstore::StoredEvent>::decoded(
                    recorded,
                ),
                |of| &of.order_id,
            ) {
                return ::nether::__private::Option::Some(key);
            }
            ::nether::__private::Option::None
        }
        async fn handle(
            &mut self,
            recorded: &::nether::__private::eventstore::RecordedEvent,
            step: &mut ::nether::__private::eventstore::Step<Self>,
        ) -> ::nether::__private::Result<(), ::nether::__private::Error> {
            let _ = &step;
            if let ::nether::__private::Option::Some(event) = <Placed as ::nether::__private::eventstore::StoredEvent>::decoded(
                recorded,
            ) {
                return ::nether::__private::IntoOutcome::<
                    (),
                    _,
                >::into_outcome(Self::placed(self, &event?, step).await);
            }
            if let ::nether::__private::Option::Some(event) = <Paid as ::nether::__private::eventstore::StoredEvent>::decoded(
                recorded,
            ) {
                return ::nether::__private::IntoOutcome::<
                    (),
                    _,
                >::into_outcome(Self::paid(self, &event?));
            }
            ::nether::__private::Result::Ok(())
        }
        async fn time_out(
            &mut self,
            timeout: &str,
            step: &mut ::nether::__private::eventstore::Step<Self>,
        ) -> ::nether::__private::Result<(), ::nether::__private::Error> {
            let _ = &step;
            match timeout {
                "unpaid" => {
                    ::nether::__private::IntoOutcome::<
                        (),
                        _,
                    >::into_outcome(Self::unpaid(self, step))
                }
                _ => ::nether::__private::Result::Ok(()),
            }
        }
        async fn deliver(
            command: &::nether::__private::eventstore::StoredCommand,
            ctx: &::nether::__private::Context<
                ::nether::__private::eventstore::Sagas<Self>,
            >,
        ) -> ::nether::__private::eventstore::Delivery {
            let _ = ctx;
            if let ::nether::__private::Option::Some(delivery) = ::nether::__private::eventstore::deliver::<
                Self,
                <Reserve as ::nether::__private::eventstore::ListedCommand>::Itself,
            >(command, ctx)
                .await
            {
                return delivery;
            }
            if let ::nether::__private::Option::Some(delivery) = ::nether::__private::eventstore::deliver::<
                Self,
                <Release as ::nether::__private::eventstore::ListedCommand>::Itself,
            >(command, ctx)
                .await
            {
                return delivery;
            }
            ::nether::__private::eventstore::not_listed(command)
        }
    }
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::eventstore::SentBy<Fulfilment> for Reserve {
        const KEPT: ::nether::__private::eventstore::Keeping<Self> = ::nether::__private::eventstore::kept();
    }
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::eventstore::SentBy<Fulfilment> for Release {
        const KEPT: ::nether::__private::eventstore::Keeping<Self> = ::nether::__private::eventstore::kept();
    }
    const _: () = ::core::assert!(
        < Placed as ::nether::__private::eventstore::StoredEvent > ::SCHEMA.is_named,
        "the event `Placed` is stored, but has no name of its own, so that stores would not know it when its type moves: write `#[event(name = \"fulfilment.placed\")]` above its definition, with the path so far as the name if stores hold it already"
    );
    const _: () = ::core::assert!(
        < Paid as ::nether::__private::eventstore::StoredEvent > ::SCHEMA.is_named,
        "the event `Paid` is stored, but has no name of its own, so that stores would not know it when its type moves: write `#[event(name = \"fulfilment.paid\")]` above its definition, with the path so far as the name if stores hold it already"
    );
    const _: () = ::core::assert!(
        < Reserve as ::nether::__private::eventstore::ListedCommand > ::IS_NAMED,
        "the command `Reserve` is stored, but has no name of its own, so that stores would not know it when its type moves: write `#[command(name = \"fulfilment.reserve\")]` above its definition, with the path so far as the name if stores hold it already"
    );
    const _: () = ::core::assert!(
        < Release as ::nether::__private::eventstore::ListedCommand > ::IS_NAMED,
        "the command `Release` is stored, but has no name of its own, so that stores would not know it when its type moves: write `#[command(name = \"fulfilment.release\")]` above its definition, with the path so far as the name if stores hold it already"
    );
    ::nether::__private::inventory::submit! {
        ::nether::__private::eventstore::RegisteredName::saga:: < Fulfilment >
        (::nether::__private::eventstore::RegisteredSaga { key : "order_id", starts : &
        [< Placed as ::nether::__private::eventstore::StoredEvent > ::SCHEMA], accepts :
        & [], sends : & [::nether::__private::eventstore::RegisteredCommand { proof : <
        Reserve as ::nether::__private::eventstore::ListedCommand > ::LISTED, shape :
        ::nether::__private::eventstore::shape_sent:: < Fulfilment, Reserve > (), },
        ::nether::__private::eventstore::RegisteredCommand { proof : < Release as
        ::nether::__private::eventstore::ListedCommand > ::LISTED, shape :
        ::nether::__private::eventstore::shape_sent:: < Fulfilment, Release > (), }], })
    }
};
