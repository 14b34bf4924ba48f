//! Which compiler made this program: another one makes other instructions.

use std::process::Command;

use crate::Result;

/// The compiler's version and host, such as
/// `rustc 1.95.0 (59807616e 2026-04-14) for x86_64-unknown-linux-gnu`.
pub(crate) fn name() -> Result<String> {
    let said = Command::new("rustc").arg("-vV").output()?;
    parse(&String::from_utf8(said.stdout)?).ok_or_else(|| "`rustc -vV` says nothing known".into())
}

fn parse(said: &str) -> Option<String> {
    let version = said.lines().next()?;
    let host = said.lines().find_map(|line| line.strip_prefix("host: "))?;
    Some(format!("{version} for {host}"))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn version_and_host_are_named() {
        let said =
            "rustc 1.95.0 (5980 2026-04-14)\nbinary: rustc\nhost: x86_64-unknown-linux-gnu\n";
        let name = "rustc 1.95.0 (5980 2026-04-14) for x86_64-unknown-linux-gnu";
        assert_eq!(parse(said).as_deref(), Some(name));
    }
}
