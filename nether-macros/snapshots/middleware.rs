impl Audit {
    async fn around<M: Message + Named>(
        &self,
        call: Call<'_, M>,
        next: Next<'_, M>,
    ) -> Answer<M>
    where
        M::Reply: Debug,
    {
        next.run(call).await
    }
    async fn committed(&self, done: &Committed<'_>) {
        self.flush(done).await;
    }
}
const _: () = {
    const _: () = ::nether::__private::shared_by_threads::<Audit>();
    #[automatically_derived]
    #[diagnostic::do_not_recommend]
    impl ::nether::__private::IsMiddleware for Audit
    where
        for<'a> Self: ::nether::__private::Send + ::nether::__private::Sync,
    {
        type Itself = Self;
        const DESCRIPTOR: ::nether::__private::MiddlewareDescriptor = ::nether::__private::MiddlewareDescriptor {
            declaration: ::nether::__private::Declaration {
                name: ::core::concat!(::core::module_path!(), "::", "Audit"),
                file: ::core::file!(),
                line: ::core::line!(),
                column: ::core::column!(),
            },
            resource: ::nether::__private::ResourceDescriptor::of::<
                Audit,
            >("`builder.provide(..)`"),
        };
        const FOLLOWS_COMMITS: bool = true;
        fn committed(
            &self,
            done: &::nether::__private::Committed<'_>,
        ) -> impl ::nether::__private::Future<Output = ()> + ::nether::__private::Send {
            let (done,) = (done,);
            async move { Self::committed(self, done).await }
        }
    }
    #[automatically_derived]
    impl<M: Message + Named> ::nether::__private::Middleware<M> for Audit
    where
        for<'a> Self: ::nether::__private::Send + ::nether::__private::Sync,
        M: ::nether::__private::Message,
        M::Reply: Debug,
    {
        fn around(
            &self,
            call: ::nether::__private::Call<'_, M>,
            next: ::nether::__private::Next<'_, M>,
        ) -> impl ::nether::__private::Future<
            Output = ::nether::__private::Answer<M>,
        > + ::nether::__private::Send
        where
            M: ::nether::__private::Send + ::nether::__private::Sync,
        {
            let (call, next) = (call, next);
            async move {
                let answer: ::nether::__private::Answer<M> = Self::around(
                        self,
                        call,
                        next,
                    )
                    .await;
                answer
            }
        }
    }
};
