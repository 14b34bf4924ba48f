const _: () = {
    const KINDS: &[::nether::__private::http::ProblemKind] = &[
        ::nether::__private::http::ProblemKind {
            status: 422u16,
            title: ::nether::__private::Option::None,
            type_uri: ::nether::__private::Option::None,
            www_authenticate: ::nether::__private::Option::None,
            retry_after: ::nether::__private::Option::None,
        },
        ::nether::__private::http::ProblemKind {
            status: 409u16,
            title: ::nether::__private::Option::Some("Paid already"),
            type_uri: ::nether::__private::Option::Some("https://example.com/paid"),
            www_authenticate: ::nether::__private::Option::None,
            retry_after: ::nether::__private::Option::None,
        },
        ::nether::__private::http::ProblemKind {
            status: 422u16,
            title: ::nether::__private::Option::Some("Of another customer"),
            type_uri: ::nether::__private::Option::None,
            www_authenticate: ::nether::__private::Option::None,
            retry_after: ::nether::__private::Option::None,
        },
    ];
    #[automatically_derived]
    impl<E: Display> ::nether::__private::http::Problem for OrderError<E>
    where
        E: Send,
    {
        const KINDS: &'static [::nether::__private::http::ProblemKind] = KINDS;
        fn kind(&self) -> &'static ::nether::__private::http::ProblemKind {
            match self {
                Self::NothingToPay { .. } => &KINDS[0usize],
                Self::Paid { .. } => &KINDS[1usize],
                Self::Other { .. } => &KINDS[2usize],
            }
        }
    }
};
