//! [`is_unordered`]: what has no order, by the names of types.

/// The modules of what has no order, and the iterators in them.
const UNORDERED_MODULES: [&str; 5] = [
    "hash::map::",
    "hash::set::",
    "hashbrown::map::",
    "hashbrown::set::",
    "binary_heap::",
];
const UNORDERED_ITERATORS: [&str; 11] = [
    "Iter",
    "IntoIter",
    "Keys",
    "IntoKeys",
    "Values",
    "IntoValues",
    "Drain",
    "Union",
    "Intersection",
    "Difference",
    "SymmetricDifference",
];

/// Whether the order of the elements means nothing, by the name of the type that has them. Serde does not say
/// it otherwise.
pub(super) fn is_unordered(type_name: &str) -> bool {
    let name = type_name.trim_start_matches('&');
    let is_list = name.starts_with(['[', '(']);
    let own = name.split('<').next().unwrap_or(name);
    let is_set = own.ends_with("HashSet") || own.ends_with("::BinaryHeap");
    !is_list && (is_set || is_buffered_list(name) || has_unordered_iterator(name))
}

/// Whether it is a list that serde has kept in a buffer, as it does with the variants of a flattened enum: it
/// may have been a set.
fn is_buffered_list(type_name: &str) -> bool {
    let elements = type_name.strip_prefix("alloc::vec::Vec<");
    elements.is_some_and(|it| it.strip_suffix('>').is_some_and(is_buffered))
}

/// Whether it is a value that serde has kept in a buffer.
pub(super) fn is_buffered(type_name: &str) -> bool {
    type_name.starts_with("serde") && type_name.ends_with("::content::Content")
}

/// Whether an iterator over a hash table is in it, as in the pairs of a map that are written as a list.
fn has_unordered_iterator(type_name: &str) -> bool {
    let ends_a_name = |letter: char| !letter.is_alphanumeric() && letter != '_';
    let is_iterator = |(at, module): (usize, &str)| {
        let name = type_name[at + module.len()..].split(ends_a_name).next();
        name.is_some_and(|name| UNORDERED_ITERATORS.contains(&name))
    };
    UNORDERED_MODULES
        .iter()
        .any(|module| type_name.match_indices(module).any(is_iterator))
}
