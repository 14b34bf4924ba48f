//! The versions in a `Cargo.lock`.

/// The version that a package is locked to.
pub fn version<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let (_, rest) = lock.split_once(&format!("name = \"{package}\"\nversion = \""))?;
    rest.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn a_version_is_found_by_the_whole_name() {
        let lock =
            "name = \"tokio-util\"\nversion = \"0.7\"\n\nname = \"tokio\"\nversion = \"1.54\"\n";
        assert_eq!(version(lock, "tokio"), Some("1.54"));
        assert_eq!(version(lock, "kameo"), None);
    }
}
