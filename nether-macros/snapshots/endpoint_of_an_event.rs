#[derive(
    ::nether::__private::derived_unless_local::Debug,
    ::nether::__private::derived_unless_local::Clone,
    ::nether::__private::derived_unless_local::Serialize,
    ::nether::__private::derived_unless_local::Deserialize
)]
#[serde(crate = "::nether::__private::serde")]
pub enum OrderChanged {
    InPart,
    Whole,
}
const _: () = {
    static DESCRIPTOR: ::nether::__private::MessageDescriptor = ::nether::__private::MessageDescriptor::new(
        ::nether::__private::MessageKind::Event,
        ::nether::__private::Declaration {
            name: <OrderChanged as ::nether::__private::Message>::NAME,
            file: ::core::file!(),
            line: ::core::line!(),
            column: ::core::column!(),
        },
        ::nether::__private::Option::None,
        ::nether::__private::Option::Some(::nether::__private::EndpointDescriptor {
            verb: "SSE",
            path: "/orders/events",
        }),
    );
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::Message for OrderChanged {
        type Reply = ();
        type Error = ::nether::__private::Error;
        type Itself = Self;
        type Parcel = ::nether::__private::Shown<Self>;
        const NAME: &'static str = ::core::concat!(
            ::core::module_path!(), "::", "OrderChanged"
        );
        const KIND: ::nether::__private::MessageKind = ::nether::__private::MessageKind::Event;
        const CRATE: u64 = 0u64;
        const PROOF: ::nether::__private::MessageProof = ::nether::__private::MessageProof {
            descriptor: <Self as ::nether::__private::Message>::descriptor,
            id: <Self as ::nether::__private::Message>::ID,
            kind: ::nether::__private::MessageKind::Event,
            unhandled: ::core::concat!(
                "no module listed in `modules` handles the event `",
                ::core::module_path!(), "::", "OrderChanged",
                "`: list the module that does"
            ),
            duplicate: ::core::concat!(
                "two modules listed in `modules` handle the event `",
                ::core::module_path!(), "::", "OrderChanged", "`: keep one"
            ),
            circular: ::core::concat!(
                "modules listed in `modules` wait for each other in a circle that closes with `",
                ::core::module_path!(), "::", "OrderChanged",
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
    impl ::nether::__private::Event for OrderChanged {
        type Published = Self;
    }
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::HandledBy<::nether::__private::AnyNumberOfModules>
    for OrderChanged {
        fn handler() -> ::nether::__private::Option<
            &'static ::nether::__private::Declaration,
        > {
            ::nether::__private::Option::None
        }
    }
    use ::nether::__private::http::Otherwise as _;
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::http::Endpoint for OrderChanged {
        const SHAPE: ::nether::__private::http::Shape = ::nether::__private::http::Shape::Opaque;
        const DOCS: &'static str = "";
        const IS_DEPRECATED: bool = false;
        fn schema(
            schemas: &mut ::nether::__private::http::Schemas,
        ) -> ::nether::__private::Option<::nether::__private::http::Schema> {
            ::nether::__private::http::Probe::<Self>::own_schema(schemas)
        }
    }
    static ENDPOINT: ::nether::__private::http::EndpointEntry = ::nether::__private::http::EndpointEntry::feed::<
        OrderChanged,
    >();
    ::nether::__private::inventory::submit! {
        ::nether::__private::http::EndpointRegistration(& ENDPOINT)
    }
    #[doc(hidden)]
    #[macro_export]
    macro_rules! only_one_endpoint_may_be_GET_orders_events {
        () => {};
    }
    ::nether::__private::inventory::submit! {
        ::nether::__private::MessageRegistration(& DESCRIPTOR)
    }
};
