#[derive(
    ::nether::__private::derived_unless_local::Debug,
    ::nether::__private::derived_unless_local::Clone,
    ::nether::__private::derived_unless_local::Serialize,
    ::nether::__private::derived_unless_local::Deserialize
)]
#[serde(crate = "::nether::__private::serde")]
pub struct Deposit {
    pub account_id: String,
}
const _: () = {
    static DESCRIPTOR: ::nether::__private::MessageDescriptor = ::nether::__private::MessageDescriptor::new(
        ::nether::__private::MessageKind::Command,
        ::nether::__private::Declaration {
            name: <Deposit as ::nether::__private::Message>::NAME,
            file: ::core::file!(),
            line: ::core::line!(),
            column: ::core::column!(),
        },
        ::nether::__private::Option::Some("account_id"),
        ::nether::__private::Option::None,
    );
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::Message for Deposit {
        type Reply = Balance;
        type Error = ::nether::__private::Error;
        type Itself = Self;
        type Parcel = ::nether::__private::Given<Self>;
        const NAME: &'static str = ::core::concat!(
            ::core::module_path!(), "::", "Deposit"
        );
        const KIND: ::nether::__private::MessageKind = ::nether::__private::MessageKind::Command;
        const CRATE: u64 = 0u64;
        const PROOF: ::nether::__private::MessageProof = ::nether::__private::MessageProof {
            descriptor: <Self as ::nether::__private::Message>::descriptor,
            id: <Self as ::nether::__private::Message>::ID,
            kind: ::nether::__private::MessageKind::Command,
            unhandled: ::core::concat!(
                "no module listed in `modules` handles the command `",
                ::core::module_path!(), "::", "Deposit", "`: list the module that does"
            ),
            duplicate: ::core::concat!(
                "two modules listed in `modules` handle the command `",
                ::core::module_path!(), "::", "Deposit", "`: keep one"
            ),
            circular: ::core::concat!(
                "modules listed in `modules` wait for each other in a circle that closes with `",
                ::core::module_path!(), "::", "Deposit",
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
        fn key_hash(&self) -> ::nether::__private::Option<u64> {
            ::nether::__private::Option::Some(
                <String as ::nether::__private::Key>::key_hash(&self.account_id),
            )
        }
        fn key_value(
            &self,
        ) -> ::nether::__private::Option<::nether::__private::KeyValue> {
            use ::nether::__private::KeyByHash as _;
            const _: bool = ::nether::__private::KeyType::<()>::IS_HERE;
            let hash = <Self as ::nether::__private::Message>::key_hash(self);
            ::nether::__private::Option::map(
                hash,
                |hash| ::nether::__private::KeyType::<
                    String,
                >::key_value(&self.account_id, hash),
            )
        }
    }
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::Command for Deposit {
        type Sent = Self;
    }
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::ByValue for Deposit {
        type Access = ::nether::__private::Writes;
    }
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::Keyed for Deposit {
        type Key = String;
        fn key(&self) -> &String {
            &self.account_id
        }
    }
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::eventstore::AggregateMessage for Deposit {
        type Itself = Self;
        type Reply = <Self as ::nether::__private::Message>::Reply;
        type Error = <Self as ::nether::__private::Message>::Error;
        type Outcomes<__By: ::nether::__private::eventstore::Parts> = ::nether::__private::eventstore::OutcomeOf<
            __By,
            Self,
            ::nether::__private::Writes,
            Self::Reply,
            Self::Error,
        >;
        type Outcome<__By: ::nether::__private::eventstore::Parts> = ::nether::__private::eventstore::Events<
            __By,
        >;
        type OfState = <Self as ::nether::__private::Message>::Reply;
        type KeyOr<__Other> = String;
        const LISTED: ::nether::__private::MessageProof = <Self as ::nether::__private::Message>::PROOF;
        fn add_to<__By>(
            routes: &mut ::nether::__private::Routes<
                '_,
                ::nether::__private::eventstore::Aggregates<__By>,
            >,
        )
        where
            __By: ::nether::__private::eventstore::Aggregate
                + ::nether::__private::eventstore::AggregateHandler<
                    Self,
                    Itself = Self,
                    Reply = Self::Reply,
                    Error = Self::Error,
                    Outcome = Self::Outcome<__By>,
                    OfState = Self::OfState,
                >,
        {
            ::nether::__private::eventstore::add_command::<__By, Self>(routes)
        }
    }
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::eventstore::ListedCommand for Deposit {
        type Itself = Self;
        type Reply = <Self as ::nether::__private::Message>::Reply;
        type Error = <Self as ::nether::__private::Message>::Error;
        type JointOutcomes<__Of: ::nether::__private::eventstore::Participants> = ::nether::__private::eventstore::JointOutcomeOf<
            __Of,
            Self,
            Self::Reply,
            Self::Error,
        >;
        const LISTED: ::nether::__private::MessageProof = <Self as ::nether::__private::Message>::PROOF;
        const IS_NAMED: bool = false;
        fn add_to<__By>(
            routes: &mut ::nether::__private::Routes<
                '_,
                ::nether::__private::eventstore::Decisions<__By>,
            >,
        )
        where
            __By: ::nether::__private::eventstore::Decision
                + ::nether::__private::eventstore::DecisionHandler<
                    Self,
                    Itself = Self,
                    Reply = Self::Reply,
                    Error = Self::Error,
                >,
        {
            ::nether::__private::eventstore::add_decided::<__By, Self>(routes)
        }
    }
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::eventstore::StartCommand for Deposit {
        type Itself = Self;
        type Reply = <Self as ::nether::__private::Message>::Reply;
        type Error = <Self as ::nether::__private::Message>::Error;
        type KeyOr<__Other> = String;
        const LISTED: ::nether::__private::MessageProof = <Self as ::nether::__private::Message>::PROOF;
        const NAME: &'static str = <Self as ::nether::__private::Message>::NAME;
        const IS_NAMED: bool = false;
        fn add_to<__By>(
            routes: &mut ::nether::__private::Routes<
                '_,
                ::nether::__private::eventstore::Sagas<__By>,
            >,
        )
        where
            __By: ::nether::__private::eventstore::Saga
                + ::nether::__private::eventstore::StartedBy<
                    Self,
                    Itself = Self,
                    Reply = Self::Reply,
                    Error = Self::Error,
                >,
        {
            ::nether::__private::eventstore::add_start::<__By, Self>(routes)
        }
    }
    ::nether::__private::inventory::submit! {
        ::nether::__private::MessageRegistration(& DESCRIPTOR)
    }
};
