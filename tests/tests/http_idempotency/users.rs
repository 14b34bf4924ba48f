//! Keys of different users never meet.

use nether_tests::http::{JSON, request};

use crate::till::{End, Shop, TILLS, body};

#[tokio::test]
async fn keys_of_different_users_are_different_keys() {
    let shop = Shop::forgetful().await;
    let users: [&[(&str, &str)]; 8] = [
        &[],
        &[("x-user", "ann")],
        &[("x-user", "bob")],
        &[("authorization", "Bearer a")],
        &[("authorization", "Bearer b")],
        &[("cookie", "session=a")],
        &[("cookie", "session=b")],
        &[("authorization", "Bearer a"), ("cookie", "session=a")],
    ];
    for till in TILLS {
        let mut bodies = Vec::new();
        for user in users {
            let headers = [&[JSON, ("idempotency-key", "order-1001")], user].concat();
            let first = request(&shop.at, till, &headers, &body(End::Paid, false)).await;
            assert_eq!(first.status, 201, "{user:?}: {first:?}");
            assert!(
                !bodies.contains(&first.body),
                "{user:?} got another's answer"
            );
            let again = request(&shop.at, till, &headers, &body(End::Paid, false)).await;
            assert_eq!(again.body, first.body, "{user:?}");
            bodies.push(first.body);
        }
    }
    assert_eq!(shop.control.paid(), 16);
}

#[tokio::test]
async fn a_principal_has_its_keys_whatever_its_credentials_are() {
    let shop = Shop::forgetful().await;
    for token in ["Bearer old", "Bearer new"] {
        let user = [("x-user", "ann"), ("authorization", token)];
        let headers = [&[JSON, ("idempotency-key", "k")], &user[..]].concat();
        let answer = request(&shop.at, TILLS[0], &headers, &body(End::Paid, false)).await;
        assert_eq!((answer.status, answer.body.as_str()), (201, "1"));
    }
}
