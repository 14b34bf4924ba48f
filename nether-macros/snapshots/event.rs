#[derive(
    ::nether::__private::derived_unless_local::Serialize,
    ::nether::__private::derived_unless_local::Deserialize
)]
#[serde(crate = "::nether::__private::serde")]
#[derive(Debug, Clone)]
pub enum OrderProcessed {
    InPart,
    Whole,
}
const _: () = {
    static DESCRIPTOR: ::nether::__private::MessageDescriptor = ::nether::__private::MessageDescriptor::new(
        ::nether::__private::MessageKind::Event,
        ::nether::__private::Declaration {
            name: <OrderProcessed as ::nether::__private::Message>::NAME,
            file: ::core::file!(),
            line: ::core::line!(),
            column: ::core::column!(),
        },
        ::nether::__private::Option::None,
        ::nether::__private::Option::None,
    );
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::Message for OrderProcessed {
        type Reply = ();
        type Error = ::nether::__private::Error;
        type Itself = Self;
        type Parcel = ::nether::__private::Shown<Self>;
        const NAME: &'static str = ::core::concat!("order.processed");
        const KIND: ::nether::__private::MessageKind = ::nether::__private::MessageKind::Event;
        const CRATE: u64 = 0u64;
        const PROOF: ::nether::__private::MessageProof = ::nether::__private::MessageProof {
            descriptor: <Self as ::nether::__private::Message>::descriptor,
            id: <Self as ::nether::__private::Message>::ID,
            kind: ::nether::__private::MessageKind::Event,
            unhandled: ::core::concat!(
                "no module listed in `modules` handles the event `", "order.processed",
                "`: list the module that does"
            ),
            duplicate: ::core::concat!(
                "two modules listed in `modules` handle the event `", "order.processed",
                "`: keep one"
            ),
            circular: ::core::concat!(
                "modules listed in `modules` wait for each other in a circle that closes with `",
                "order.processed",
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
    impl ::nether::__private::Event for OrderProcessed {
        type Published = Self;
    }
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::HandledBy<::nether::__private::AnyNumberOfModules>
    for OrderProcessed {
        fn handler() -> ::nether::__private::Option<
            &'static ::nether::__private::Declaration,
        > {
            ::nether::__private::Option::None
        }
    }
    ::nether::__private::inventory::submit! {
        ::nether::__private::MessageRegistration(& DESCRIPTOR)
    }
};
