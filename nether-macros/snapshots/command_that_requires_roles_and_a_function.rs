#[derive(
    ::nether::__private::derived_unless_local::Debug,
    ::nether::__private::derived_unless_local::Clone,
    ::nether::__private::derived_unless_local::Serialize,
    ::nether::__private::derived_unless_local::Deserialize
)]
#[serde(crate = "::nether::__private::serde")]
pub struct CancelOrder {
    pub order_id: String,
}
const _: () = {
    static DESCRIPTOR: ::nether::__private::MessageDescriptor = ::nether::__private::MessageDescriptor::new(
            ::nether::__private::MessageKind::Command,
            ::nether::__private::Declaration {
                name: <CancelOrder as ::nether::__private::Message>::NAME,
                file: ::core::file!(),
                line: ::core::line!(),
                column: ::core::column!(),
            },
            ::nether::__private::Option::None,
            ::nether::__private::Option::None,
        )
        .requiring(::nether::__private::AccessDescriptor::of::<CancelOrder>());
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::Message for CancelOrder {
        type Reply = ();
        type Error = ::nether::__private::Error;
        type Itself = Self;
        type Parcel = ::nether::__private::Given<Self>;
        const NAME: &'static str = ::core::concat!(
            ::core::module_path!(), "::", "CancelOrder"
        );
        const KIND: ::nether::__private::MessageKind = ::nether::__private::MessageKind::Command;
        const CRATE: u64 = 0u64;
        const PROOF: ::nether::__private::MessageProof = ::nether::__private::MessageProof {
            descriptor: <Self as ::nether::__private::Message>::descriptor,
            id: <Self as ::nether::__private::Message>::ID,
            kind: ::nether::__private::MessageKind::Command,
            unhandled: ::core::concat!(
                "no module listed in `modules` handles the command `",
                ::core::module_path!(), "::", "CancelOrder",
                "`: list the module that does"
            ),
            duplicate: ::core::concat!(
                "two modules listed in `modules` handle the command `",
                ::core::module_path!(), "::", "CancelOrder", "`: keep one"
            ),
            circular: ::core::concat!(
                "modules listed in `modules` wait for each other in a circle that closes with `",
                ::core::module_path!(), "::", "CancelOrder",
                "`: publish an event instead, or let one of them take what it asks for as part of its message"
            ),
        };
        const CONTENT: ::nether::__private::Option<
            ::nether::__private::WriteContent<Self>,
        > = ::nether::__private::Option::Some(::nether::__private::content::<Self>);
        const ACCESS: ::nether::__private::Option<
            ::nether::__private::AccessRule<Self>,
        > = ::nether::__private::Option::Some(::nether::__private::AccessRule {
            roles: &["orders.write", "admin"],
            functions: &[policy::is_own],
        });
        fn descriptor() -> &'static ::nether::__private::MessageDescriptor {
            &DESCRIPTOR
        }
        fn to_json(&self) -> ::nether::__private::Option<::nether::__private::String> {
            ::nether::__private::to_json(self)
        }
        fn copied(&self) -> ::nether::__private::Option<Self> {
            ::nether::__private::Option::Some(::nether::__private::Clone::clone(self))
        }
        fn is_refusal(error: &<Self as ::nether::__private::Message>::Error) -> bool {
            use ::nether::__private::http::Otherwise as _;
            const _: bool = ::nether::__private::http::Probe::<()>::IS_OPTION;
            ::nether::__private::http::Probe::<
                <Self as ::nether::__private::Message>::Error,
            >::is_refusal(error)
        }
    }
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::Command for CancelOrder {
        type Sent = Self;
    }
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::ByValue for CancelOrder {
        type Access = ::nether::__private::Writes;
    }
    ::nether::__private::inventory::submit! {
        ::nether::__private::MessageRegistration(& DESCRIPTOR)
    }
};
