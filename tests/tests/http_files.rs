//! Files by the rules of HTTP: which part of them a request gets, what they are called when they are encoded,
//! and where a folder is.

use std::fs;

use nether::http::Server;
use nether::prelude::*;
use nether_tests::Folder;
use nether_tests::http::{Answer, get, open, request};

/// Something that the server could answer.
#[query(http = "GET /nothing-but-files")]
pub struct Nothing;

#[derive(Debug, Default)]
pub struct Files;

#[module(handles = Nothing)]
impl Files {
    async fn nothing(&self, _: Nothing) {}
}

async fn served(set: impl FnOnce(Server, &Folder) -> Server) -> (System, String, Folder) {
    let folder = Folder::new("served");
    fs::create_dir(folder.0.join("sub")).expect("it can be made");
    for (name, text) in [
        ("digits.txt", "0123456789"),
        ("index.html", "<p>page"),
        ("sub/index.html", "sub"),
    ] {
        fs::write(folder.0.join(name), text).expect("it can be written");
    }
    fs::write(folder.0.join("long.txt"), "long ".repeat(1000)).expect("it can be written");
    let system = System::start().await.expect("the program is sound");
    let at = open(&system, set(Server::new(&system), &folder)).await;
    (system, at, folder)
}

async fn part(at: &str, method: &str, headers: &[(&str, &str)]) -> Answer {
    request(at, &format!("{method} /f/digits.txt"), headers, "").await
}

#[tokio::test]
async fn a_part_is_of_the_file_that_the_client_knows() {
    let (_system, at, _folder) = served(|server, folder| server.files("/f", &folder.0)).await;
    let whole = get(&at, "/f/digits.txt").await;
    let (tag, date) = (whole.header("etag"), whole.header("last-modified"));
    let weak = format!("W/{tag}");
    let range = ("range", "bytes=2-4");
    assert_eq!(part(&at, "GET", &[range]).await.body, "234");
    for (condition, status) in [
        (tag, 206),
        (date, 206),
        ("\"abc\"", 200),
        (&weak, 200),
        ("Mon, 01 Jan 2001 00:00:00 GMT", 200),
        ("Fri, 01 Jan 2100 00:00:00 GMT", 200),
        ("nonsense", 200),
    ] {
        let answer = part(&at, "GET", &[range, ("if-range", condition)]).await;
        let body = if status == 206 { "234" } else { "0123456789" };
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (status, body),
            "{condition}"
        );
    }
}

#[tokio::test]
async fn the_end_of_a_file_that_is_shorter_is_all_of_it() {
    let (_system, at, _folder) = served(|server, folder| server.files("/f", &folder.0)).await;
    let too_long = u128::MAX.to_string();
    for (length, status, body) in [
        ("3", 206, "789"),
        ("10", 206, "0123456789"),
        ("11", 206, "0123456789"),
        ("65536", 206, "0123456789"),
        (&too_long, 206, "0123456789"),
        ("0", 416, "application/problem+json"),
        ("", 416, "application/problem+json"),
    ] {
        let range = format!("bytes=-{length}");
        let answer = part(&at, "GET", &[("range", &range)]).await;
        let told = if status == 416 {
            answer.header("content-type")
        } else {
            &answer.body
        };
        assert_eq!((answer.status, told), (status, body), "{range}");
    }
}

#[tokio::test]
async fn a_part_that_ends_behind_the_file_ends_with_it() {
    let (_system, at, _folder) = served(|server, folder| server.files("/f", &folder.0)).await;
    for last in [
        "9",
        "10",
        "18446744073709551615",
        "18446744073709551616",
        &"9".repeat(100),
    ] {
        let range = format!("bytes=8-{last}");
        let answer = part(&at, "GET", &[("range", &range)]).await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (206, "89"),
            "{range}"
        );
        assert_eq!(answer.header("content-range"), "bytes 8-9/10");
    }
}

#[tokio::test]
async fn a_file_that_is_not_as_the_request_says_is_a_problem() {
    let (_system, at, _folder) = served(|server, folder| server.files("/f", &folder.0)).await;
    let long_ago = "Mon, 01 Jan 2001 00:00:00 GMT";
    for (header, status) in [
        (("range", "bytes=10-"), 416),
        (("range", "bytes=99999999999999999999-"), 416),
        (("if-match", "\"another\""), 412),
        (("if-unmodified-since", long_ago), 412),
    ] {
        let answer = part(&at, "GET", &[header, ("x-request-id", "mine")]).await;
        assert_eq!(answer.status, status, "{header:?}: {answer:?}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
        let problem = answer.json();
        assert_eq!(
            (&problem["status"], &problem["request_id"]),
            (&status.into(), &"mine".into())
        );
        assert!(
            problem["detail"]
                .as_str()
                .is_some_and(|detail| detail.contains(header.0))
        );
        let length = if status == 416 { "bytes */10" } else { "" };
        assert_eq!(answer.header("content-range"), length);
        let head = part(&at, "HEAD", &[header]).await;
        assert_eq!(head.body, "", "{head:?}");
    }
}

#[tokio::test]
async fn what_is_no_part_in_bytes_is_the_whole() {
    let (_system, at, _folder) = served(|server, folder| server.files("/f", &folder.0)).await;
    for range in ["items=0-1", "seconds=1-2", "bytes=0-1,4-5", "nonsense"] {
        let answer = part(&at, "GET", &[("range", range)]).await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (200, "0123456789"),
            "{range}"
        );
    }
    let answer = part(&at, "GET", &[("range", "bytes=20-")]).await;
    assert_eq!(answer.status, 416, "{answer:?}");
    let head = part(&at, "HEAD", &[("range", "bytes=2-4")]).await;
    assert_eq!((head.status, head.header("content-length")), (200, "10"));
}

#[tokio::test]
async fn an_encoded_file_has_an_entity_tag_of_its_own() {
    let (_system, at, _folder) =
        served(|server, folder| server.compression().files("/f", &folder.0)).await;
    let line = "GET /f/long.txt";
    let plain = request(&at, line, &[], "").await;
    let tag = plain.header("etag");
    assert!(tag.starts_with('"'), "{tag}");
    let head = [("accept-encoding", "gzip")];
    let encoded = request(&at, line, &head, "").await;
    assert_eq!(encoded.header("content-encoding"), "gzip");
    assert_eq!(encoded.header("etag"), format!("W/{tag}"));
    let weak = format!("W/{tag}");
    let known = request(&at, line, &[head[0], ("if-none-match", &weak)], "").await;
    assert_eq!(known.status, 304, "{known:?}");
    // A part of the encoded one does not belong to the plain one.
    let part = [("range", "bytes=0-3"), ("if-range", weak.as_str())];
    assert_eq!(request(&at, line, &part, "").await.status, 200);
}

#[tokio::test]
async fn no_folder_is_at_another_host() {
    let (_system, at, _folder) = served(|server, folder| server.single_page(&folder.0)).await;
    let answer = get(&at, "/sub").await;
    assert_eq!((answer.status, answer.header("location")), (307, "/sub/"));
    for path in ["//sub", "///sub", "//sub//"] {
        let answer = get(&at, path).await;
        assert_eq!(
            (answer.status, answer.header("location")),
            (404, ""),
            "{path}: {answer:?}"
        );
        let html = [("accept", "text/html")];
        let page = request(&at, &format!("GET {path}"), &html, "").await;
        assert_eq!(
            (page.status, page.body.as_str()),
            (200, "<p>page"),
            "{path}"
        );
    }
}
