#[derive(
    ::nether::__private::derived_unless_local::Debug,
    ::nether::__private::derived_unless_local::Clone,
    ::nether::__private::derived_unless_local::Serialize,
    ::nether::__private::derived_unless_local::Deserialize
)]
#[serde(crate = "::nether::__private::serde")]
#[serde(rename_all = "camelCase")]
pub struct Paid {
    pub cents: u64,
    pub paid_in: Option<Currency>,
    #[serde(default)]
    pub notes: Vec<String>,
    #[serde(skip)]
    pub cached: u64,
}
const _: () = {
    static DESCRIPTOR: ::nether::__private::MessageDescriptor = ::nether::__private::MessageDescriptor::new(
        ::nether::__private::MessageKind::Event,
        ::nether::__private::Declaration {
            name: <Paid as ::nether::__private::Message>::NAME,
            file: ::core::file!(),
            line: ::core::line!(),
            column: ::core::column!(),
        },
        ::nether::__private::Option::None,
        ::nether::__private::Option::None,
    );
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::Message for Paid {
        type Reply = ();
        type Error = ::nether::__private::Error;
        type Itself = Self;
        type Parcel = ::nether::__private::Shown<Self>;
        const NAME: &'static str = ::core::concat!("till.paid");
        const KIND: ::nether::__private::MessageKind = ::nether::__private::MessageKind::Event;
        const CRATE: u64 = 0u64;
        const PROOF: ::nether::__private::MessageProof = ::nether::__private::MessageProof {
            descriptor: <Self as ::nether::__private::Message>::descriptor,
            id: <Self as ::nether::__private::Message>::ID,
            kind: ::nether::__private::MessageKind::Event,
            unhandled: ::core::concat!(
                "no module listed in `modules` handles the event `", "till.paid",
                "`: list the module that does"
            ),
            duplicate: ::core::concat!(
                "two modules listed in `modules` handle the event `", "till.paid",
                "`: keep one"
            ),
            circular: ::core::concat!(
                "modules listed in `modules` wait for each other in a circle that closes with `",
                "till.paid",
                "`: publish an event instead, or let one of them take what it asks for as part of its message"
            ),
        };
        fn descriptor() -> &'static ::nether::__private::MessageDescriptor {
            &DESCRIPTOR
        }
        fn to_json(&self) -> ::nether::__private::Option<::nether::__private::String> {
            ::nether::__private::to_json(self)
        }
        fn copied(&self) -> ::nether::__private::Option<Self> {
            ::nether::__private::Option::Some(::nether::__private::Clone::clone(self))
        }
    }
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::Event for Paid {
        type Published = Self;
    }
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::HandledBy<::nether::__private::AnyNumberOfModules>
    for Paid {
        fn handler() -> ::nether::__private::Option<
            &'static ::nether::__private::Declaration,
        > {
            ::nether::__private::Option::None
        }
    }
    static SCHEMA: ::nether::__private::eventstore::EventSchema = ::nether::__private::eventstore::EventSchema {
        name: <Paid as ::nether::__private::Message>::NAME,
        version: 3u32,
        declaration: ::nether::__private::Declaration {
            name: <Paid as ::nether::__private::Message>::NAME,
            file: ::core::file!(),
            line: ::core::line!(),
            column: ::core::column!(),
        },
        is_named: true,
        fields: &[
            ::nether::__private::eventstore::FieldSchema {
                name: "cents",
                ty: "u64",
                optional: false,
            },
            ::nether::__private::eventstore::FieldSchema {
                name: "paidIn",
                ty: "Option<Currency>",
                optional: true,
            },
            ::nether::__private::eventstore::FieldSchema {
                name: "notes",
                ty: "Vec<String>",
                optional: true,
            },
        ],
        shape: ::nether::__private::eventstore::event_shape::<Paid>(),
    };
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::eventstore::StoredEvent for Paid {
        const SCHEMA: &'static ::nether::__private::eventstore::EventSchema = &SCHEMA;
        fn upcast(
            schema: u32,
            payload: &::nether::__private::eventstore::Payload,
        ) -> ::nether::__private::Option<
            ::nether::__private::Result<
                Self,
                ::nether::__private::eventstore::Unreadable,
            >,
        > {
            let _ = payload;
            match schema {
                1 => {
                    ::nether::__private::Option::Some(
                        ::nether::__private::eventstore::step::<
                            _,
                            _,
                            Self,
                            _,
                        >(
                            ::nether::__private::eventstore::step::<
                                _,
                                _,
                                _,
                                _,
                            >(::nether::__private::eventstore::older(payload), in_cents),
                            old::with_currency,
                        ),
                    )
                }
                2 => {
                    ::nether::__private::Option::Some(
                        ::nether::__private::eventstore::step::<
                            _,
                            _,
                            Self,
                            _,
                        >(
                            ::nether::__private::eventstore::older(payload),
                            old::with_currency,
                        ),
                    )
                }
                _ => ::nether::__private::Option::None,
            }
        }
    }
    ::nether::__private::inventory::submit! {
        ::nether::__private::eventstore::EventRegistration(& SCHEMA)
    }
    ::nether::__private::inventory::submit! {
        ::nether::__private::MessageRegistration(& DESCRIPTOR)
    }
};
