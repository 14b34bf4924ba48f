//! Whatever the head of a request says, the server knows what to make of it: whose request it is, for whom,
//! and for which part of a file. Nothing panics, and no spelling gets past a refusal.

#![no_main]

use std::net::SocketAddr;

use libfuzzer_sys::fuzz_target;
use nether::__private::http::{RawHead, ReadHead, read_head};

/// How long the file is that ranges are for.
const LENGTH: u64 = 1000;

fuzz_target!(|data: &[u8]| {
    // A line with version, method and target; a line for each header; an empty line; the body.
    let (head, body) = split(data, b"\n\n").unwrap_or((data, &[]));
    let mut lines = head.split(|byte| *byte == b'\n');
    let mut words = lines.next().unwrap_or_default().splitn(3, |it| *it == b' ');
    let mut word = || words.next().unwrap_or_default();
    let (version, method, target) = (word(), word(), word());
    let headers: Vec<_> = lines.filter_map(|line| split(line, b": ")).collect();
    let raw = RawHead {
        version,
        method,
        target,
        headers: &headers,
        body,
    };
    check(&raw);
});

fn split<'a>(text: &'a [u8], at: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let index = text.windows(at.len()).position(|part| part == at)?;
    Some((&text[..index], &text[index + at.len()..]))
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("it is an address")
}

fn check(raw: &RawHead<'_>) {
    let (stranger, proxy) = (address("203.0.113.9:9"), address("10.0.0.1:9"));
    let Some(read) = read_head(raw, stranger, LENGTH) else {
        return;
    };
    assert_eq!(
        read.clients, [stranger; 2],
        "a stranger is not believed: {raw:?}"
    );
    check_refusal(raw, &read);
    if let Some(range) = &read.range {
        check_range(range);
    }
    let asks = raw.method == b"GET" || raw.method == b"HEAD";
    assert!(!read.is_known || asks && has(raw, "if-none-match"));
    // The same again, through a proxy: of the head, nothing else depends on who sends it.
    let again = read_head(raw, proxy, LENGTH).expect("it was read");
    let same = ReadHead {
        clients: read.clients,
        ..again
    };
    assert_eq!(same, read);
    check_key(raw, &read, stranger);
}

/// What a browser says was sent by a foreign page, or what names no host, is refused.
fn check_refusal(raw: &RawHead<'_>, read: &ReadHead) {
    let known = [400, 403, 415, 417, 501];
    assert!(read.refusal.is_none_or(|status| known.contains(&status)));
    if read.refusal.is_some() {
        return;
    }
    assert!(read.host.is_some() || raw.version == b"1.0", "{raw:?}");
    if let Some(host) = &read.host {
        assert!(!host.is_empty() && !host.contains(['@', '/', '?', '#', '\\', ' ']));
    }
    let only_reads = [&b"GET"[..], b"HEAD", b"OPTIONS"].contains(&raw.method);
    let is_own = |site: &[u8]| site == b"same-origin" || site == b"none";
    let sites = values(raw, "sec-fetch-site");
    assert!(only_reads || sites.into_iter().all(is_own), "{raw:?}");
}

/// A range that is in the file is one that whatever serves the file can read.
fn check_range(range: &str) {
    let range = range.strip_prefix("bytes=").expect("of another unit");
    assert!(!range.contains(','), "{range}");
    let Some((first, last)) = range.split_once('-') else {
        return;
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
    if first.is_empty() && digits(last) {
        assert!(last.parse().is_ok_and(|last: u64| last <= LENGTH));
    }
    if digits(first) && digits(last) && first.parse().is_ok_and(|first: u64| first < LENGTH) {
        assert!(last.parse::<u64>().is_ok(), "{range}");
    }
}

/// A key is one of one user, for one content.
fn check_key(raw: &RawHead<'_>, read: &ReadHead, peer: SocketAddr) {
    let Some((name, content)) = read.key else {
        return;
    };
    let other = [raw.body, b"."].concat();
    let other = RawHead {
        body: &other,
        ..*raw
    };
    let longer = read_head(&other, peer, LENGTH).and_then(|read| read.key);
    let (same, another) = longer.expect("it has a key");
    assert!(same == name && another != content);
    let mut headers = raw.headers.to_vec();
    headers.push((b"cookie", b"user=another"));
    let other = RawHead {
        headers: &headers,
        ..*raw
    };
    let others = read_head(&other, peer, LENGTH).and_then(|read| read.key);
    assert_ne!(others.expect("it has a key").0, name);
}

fn has(raw: &RawHead<'_>, name: &str) -> bool {
    !values(raw, name).is_empty()
}

fn values<'a>(raw: &RawHead<'a>, name: &str) -> Vec<&'a [u8]> {
    let headers = raw.headers.iter();
    let headers = headers.filter(|(it, _)| it.eq_ignore_ascii_case(name.as_bytes()));
    headers.map(|(_, value)| *value).collect()
}
