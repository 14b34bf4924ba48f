#[derive(
    ::nether::__private::derived_unless_local::Debug,
    ::nether::__private::derived_unless_local::Clone,
    ::nether::__private::derived_unless_local::Serialize,
    ::nether::__private::derived_unless_local::Deserialize
)]
#[serde(crate = "::nether::__private::serde")]
/// Changes an order.
///
/// Only while it is open.
#[serde(rename_all = "camelCase")]
pub struct ChangeOrder {
    /// The order.
    pub order_id: String,
    pub note: Option<String>,
    #[serde(default)]
    pub amount: u64,
}
const _: () = {
    static DESCRIPTOR: ::nether::__private::MessageDescriptor = ::nether::__private::MessageDescriptor::new(
        ::nether::__private::MessageKind::Command,
        ::nether::__private::Declaration {
            name: <ChangeOrder as ::nether::__private::Message>::NAME,
            file: ::core::file!(),
            line: ::core::line!(),
            column: ::core::column!(),
        },
        ::nether::__private::Option::None,
        ::nether::__private::Option::Some(::nether::__private::EndpointDescriptor {
            verb: "PUT",
            path: "/orders/{orderId}",
        }),
    );
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::Message for ChangeOrder {
        type Reply = Receipt;
        type Error = OrderError;
        type Itself = Self;
        type Parcel = ::nether::__private::Given<Self>;
        const NAME: &'static str = ::core::concat!(
            ::core::module_path!(), "::", "ChangeOrder"
        );
        const KIND: ::nether::__private::MessageKind = ::nether::__private::MessageKind::Command;
        const CRATE: u64 = 0u64;
        const PROOF: ::nether::__private::MessageProof = ::nether::__private::MessageProof {
            descriptor: <Self as ::nether::__private::Message>::descriptor,
            id: <Self as ::nether::__private::Message>::ID,
            kind: ::nether::__private::MessageKind::Command,
            unhandled: ::core::concat!(
                "no module listed in `modules` handles the command `",
                ::core::module_path!(), "::", "ChangeOrder",
                "`: list the module that does"
            ),
            duplicate: ::core::concat!(
                "two modules listed in `modules` handle the command `",
                ::core::module_path!(), "::", "ChangeOrder", "`: keep one"
            ),
            circular: ::core::concat!(
                "modules listed in `modules` wait for each other in a circle that closes with `",
                ::core::module_path!(), "::", "ChangeOrder",
                "`: publish an event instead, or let one of them take what it asks for as part of its message"
            ),
        };
        const CONTENT: ::nether::__private::Option<
            ::nether::__private::WriteContent<Self>,
        > = ::nether::__private::Option::Some(::nether::__private::content::<Self>);
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
    impl ::nether::__private::Command for ChangeOrder {
        type Sent = Self;
    }
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::ByValue for ChangeOrder {
        type Access = ::nether::__private::Writes;
    }
    use ::nether::__private::http::Otherwise as _;
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::http::Endpoint for ChangeOrder {
        const SHAPE: ::nether::__private::http::Shape = ::nether::__private::http::Shape::Fields(
            &[
                ::nether::__private::http::Field {
                    name: "orderId",
                    ident: "order_id",
                    aliases: &[],
                    docs: "The order.",
                    is_optional: ::nether::__private::http::Probe::<String>::IS_OPTION,
                    is_flat: false,
                    is_deprecated: false,
                    schema: ::nether::__private::http::Probe::<String>::schema,
                    explain: ::nether::__private::Option::None,
                    form: ::nether::__private::http::FieldForm::unknown,
                },
                ::nether::__private::http::Field {
                    name: "note",
                    ident: "note",
                    aliases: &[],
                    docs: "",
                    is_optional: ::nether::__private::http::Probe::<
                        Option<String>,
                    >::IS_OPTION,
                    is_flat: false,
                    is_deprecated: false,
                    schema: ::nether::__private::http::Probe::<Option<String>>::schema,
                    explain: ::nether::__private::Option::None,
                    form: ::nether::__private::http::FieldForm::unknown,
                },
                ::nether::__private::http::Field {
                    name: "amount",
                    ident: "amount",
                    aliases: &[],
                    docs: "",
                    is_optional: true,
                    is_flat: false,
                    is_deprecated: false,
                    schema: ::nether::__private::http::Probe::<u64>::schema,
                    explain: ::nether::__private::Option::None,
                    form: ::nether::__private::http::FieldForm::unknown,
                },
            ],
        );
        const DOCS: &'static str = "Changes an order.\n\nOnly while it is open.";
        const IS_DEPRECATED: bool = false;
        fn schema(
            schemas: &mut ::nether::__private::http::Schemas,
        ) -> ::nether::__private::Option<::nether::__private::http::Schema> {
            ::nether::__private::http::Probe::<Self>::own_schema(schemas)
        }
    }
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::http::CallEndpoint for ChangeOrder {
        const STATUS: ::nether::__private::Option<u16> = ::nether::__private::Option::Some(
            202u16,
        );
        const REPLY: ::nether::__private::http::ReplyShape = ::nether::__private::http::ReplyShape {
            is_nothing: ::nether::__private::http::Probe::<Receipt>::IS_NOTHING,
            is_optional: ::nether::__private::http::Probe::<Receipt>::IS_OPTION,
            schema: ::nether::__private::http::Probe::<Receipt>::schema,
            status: ::nether::__private::http::Probe::<Receipt>::STATUS,
            headers: ::nether::__private::http::Probe::<Receipt>::HEADERS,
        };
        fn problems() -> &'static [::nether::__private::http::ProblemKind] {
            ::nether::__private::http::Probe::<OrderError>::problems()
        }
        fn headers(
            reply: &Receipt,
        ) -> ::nether::__private::Option<::nether::__private::http::ReplyHeaders> {
            ::nether::__private::http::Probe::<Receipt>::headers(reply)
        }
        fn problem(
            error: &OrderError,
        ) -> ::nether::__private::Option<::nether::__private::http::Details> {
            ::nether::__private::http::Probe::<OrderError>::problem(error)
        }
    }
    static ENDPOINT: ::nether::__private::http::EndpointEntry = ::nether::__private::http::EndpointEntry::call::<
        ChangeOrder,
    >();
    ::nether::__private::inventory::submit! {
        ::nether::__private::http::EndpointRegistration(& ENDPOINT)
    }
    #[doc(hidden)]
    #[macro_export]
    macro_rules! only_one_endpoint_may_be_PUT_orders_X {
        () => {};
    }
    ::nether::__private::inventory::submit! {
        ::nether::__private::MessageRegistration(& DESCRIPTOR)
    }
};
