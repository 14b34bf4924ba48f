impl Fulfilment {
    fn place(&mut self, place: &Place, step: &mut Step<Self>) {
        step.send(Reserve(place.order_id));
        step.end();
    }
    fn answer(&self, failed: &StepFailed) -> PlaceError {
        PlaceError(failed.to_string())
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
        handles: &[<Place as ::nether::__private::eventstore::StartCommand>::LISTED],
        emits: &[],
        calls: &[<Reserve as ::nether::__private::eventstore::ListedCommand>::LISTED],
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
            handles: &[<Place as ::nether::__private::eventstore::StartCommand>::NAME],
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
        const TIMEOUTS: &'static [::nether::__private::eventstore::Timeout] = &[];
        const COMMANDS: &'static [::nether::__private::eventstore::SagaStart<Self>] = &[
            ::nether::__private::eventstore::start_by::<Self, Place>(),
        ];
        const ROUTES: &'static [fn(
            &mut ::nether::__private::Routes<
                '_,
                ::nether::__private::eventstore::Sagas<Self>,
            >,
        )] = &[<Place as ::nether::__private::eventstore::StartCommand>::add_to::<Self>];
        fn starts(event: &str) -> bool {
            false
                || event
                    == <Place as ::nether::__private::eventstore::StartCommand>::NAME
        }
        fn ends(event: &str) -> bool {
            let _ = event;
            false
        }
        fn key(
            recorded: &::nether::__private::eventstore::RecordedEvent,
        ) -> ::nether::__private::Option<
            ::nether::__private::Result<
                ::nether::__private::String,
                ::nether::__private::eventstore::StoreError,
            >,
        > {
            if let ::nether::__private::Option::Some(key) = ::nether::__private::eventstore::key_of_start::<
                Self,
                Place,
            >(recorded) {
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
            if let ::nether::__private::Option::Some(event) = ::nether::__private::eventstore::started::<
                Self,
                Place,
            >(recorded) {
                return ::nether::__private::IntoOutcome::<
                    (),
                    _,
                >::into_outcome(Self::place(self, &event?, step));
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
            ::nether::__private::eventstore::not_listed(command)
        }
    }
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::eventstore::StartedBy<Place> for Fulfilment {
        type Itself = <Place as ::nether::__private::eventstore::StartCommand>::Itself;
        type Reply = <Place as ::nether::__private::eventstore::StartCommand>::Reply;
        type Error = <Place as ::nether::__private::eventstore::StartCommand>::Error;
        const COMMAND_NAME: &'static str = <Place as ::nether::__private::eventstore::StartCommand>::NAME;
        fn command() -> ::nether::__private::eventstore::Keeping<
            <Self as ::nether::__private::eventstore::StartedBy<Place>>::Itself,
        > {
            ::nether::__private::eventstore::kept()
        }
        fn reply_kept() -> ::nether::__private::eventstore::Keeping<
            <Self as ::nether::__private::eventstore::StartedBy<Place>>::Reply,
        > {
            ::nether::__private::eventstore::kept()
        }
        fn error_kept() -> ::nether::__private::eventstore::Keeping<
            <Self as ::nether::__private::eventstore::StartedBy<Place>>::Error,
        > {
            ::nether::__private::eventstore::kept_error()
        }
        fn key_of(
            command: &<Self as ::nether::__private::eventstore::StartedBy<Place>>::Itself,
        ) -> ::nether::__private::String {
            const KEY: fn(
                &<Fulfilment as ::nether::__private::eventstore::StartedBy<
                    Place,
                >>::Itself,
            ) -> ::nether::__private::String = ::nether::__private::eventstore::key_of;
            KEY(command)
        }
        fn reply(
            &self,
        ) -> <Self as ::nether::__private::eventstore::StartedBy<Place>>::Reply {
            ::nether::__private::eventstore::reply_of(self)
        }
        fn error(
            &self,
            failed: &::nether::__private::eventstore::StepFailed,
        ) -> <Self as ::nether::__private::eventstore::StartedBy<Place>>::Error {
            ::nether::__private::eventstore::answer_with::<
                Place,
                <Self as ::nether::__private::eventstore::StartedBy<Place>>::Error,
                _,
            >(Self::answer(self, failed))
        }
    }
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::HandledBy<Fulfilment> for Place {
        fn handler() -> ::nether::__private::Option<
            &'static ::nether::__private::Declaration,
        > {
            ::nether::__private::Option::Some(&DESCRIPTOR.declaration)
        }
    }
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::eventstore::SentBy<Fulfilment> for Reserve {
        const KEPT: ::nether::__private::eventstore::Keeping<Self> = ::nether::__private::eventstore::kept();
    }
    const _: () = ::core::assert!(
        < Reserve as ::nether::__private::eventstore::ListedCommand > ::IS_NAMED,
        "the command `Reserve` is stored, but has no name of its own, so that stores would not know it when its type moves: write `#[command(name = \"fulfilment.reserve\")]` above its definition, with the path so far as the name if stores hold it already"
    );
    const _: () = ::core::assert!(
        < Place as ::nether::__private::eventstore::StartCommand > ::IS_NAMED,
        "the command `Place` is stored, but has no name of its own, so that stores would not know it when its type moves: write `#[command(name = \"fulfilment.place\")]` above its definition, with the path so far as the name if stores hold it already"
    );
    ::nether::__private::inventory::submit! {
        ::nether::__private::eventstore::RegisteredName::saga:: < Fulfilment >
        (::nether::__private::eventstore::RegisteredSaga { key : "order_id", starts : &
        [], accepts : & [::nether::__private::eventstore::RegisteredStart { proof : <
        Place as ::nether::__private::eventstore::StartCommand > ::LISTED, shape :
        ::nether::__private::eventstore::shape_of_start:: < Fulfilment, Place >, reply :
        ::nether::__private::eventstore::shape_of_reply:: < Fulfilment, Place >, error :
        ::nether::__private::eventstore::shape_of_error:: < Fulfilment, Place >, }],
        sends : & [::nether::__private::eventstore::RegisteredCommand { proof : < Reserve
        as ::nether::__private::eventstore::ListedCommand > ::LISTED, shape :
        ::nether::__private::eventstore::shape_sent:: < Fulfilment, Reserve > (), }], })
    }
};
