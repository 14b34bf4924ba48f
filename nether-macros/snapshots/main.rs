fn main() -> ::nether::__private::ExitCode {
    const WORLD: &[&::nether::__private::ModuleDescriptor] = &[
        <Orders as ::nether::__private::Module>::DESCRIPTOR,
        <Mailer as ::nether::__private::Module>::DESCRIPTOR,
    ];
    const _: () = ::nether::__private::closed_world(WORLD);
    async fn main(system: System) -> nether::Result<()> {
        Ok(())
    }
    ::nether::__private::entry::main::<
        System,
        _,
    >(
        ::nether::__private::entry::Options {
            flavor: ::nether::__private::entry::Flavor::CurrentThread,
            worker_threads: ::nether::__private::Option::None,
            modules: ::nether::__private::Option::Some(WORLD),
        },
        |argument| async move {
            ::nether::__private::IntoOutcome::<(), _>::into_outcome(main(argument).await)
        },
    )
}
