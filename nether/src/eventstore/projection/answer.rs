//! The queries of projections: [`Answers`].

/// A projection that answers `Q`. It asks for nothing: what is wrong with the query is said once, by
/// [`ListedQuery`](crate::eventstore::listed::ListedQuery).
#[doc(hidden)]
pub trait Answers<Q> {
    /// The query.
    type Itself;
    /// The query's own.
    type Reply;
    /// The query's own.
    type Error;

    /// Answers it.
    fn answer(&self, query: Q) -> impl Future<Output = Result<Self::Reply, Self::Error>> + Send;
}
