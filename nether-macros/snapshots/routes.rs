/// Pages for people.
pub(crate) fn pages() -> axum::Router<System> {
    axum::Router::new().route("/", get(index))
}
const _: () = {
    ::nether::__private::inventory::submit! {
        ::nether::__private::http::RoutesRegistration { declaration :
        ::nether::__private::Declaration { name : ::core::concat!(::core::module_path!(),
        "::", "pages"), file : ::core::file!(), line : ::core::line!(), column :
        ::core::column!(), }, build : || pages(), }
    }
};
