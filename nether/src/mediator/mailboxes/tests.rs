//! The list keeps what is there, and little of what is gone.

use std::sync::{Arc, Weak};

use crate::mediator::mailboxes::{FEW, HoldsMessages, Mailboxes};

struct Mailbox;

impl HoldsMessages for Mailbox {
    fn forget(&self, _: usize) {}
}

fn add_to(mailboxes: &mut Mailboxes) -> Arc<Mailbox> {
    let mailbox = Arc::new(Mailbox);
    let weak: Weak<Mailbox> = Arc::downgrade(&mailbox);
    mailboxes.add(weak);
    mailbox
}

#[test]
fn what_is_gone_is_removed_when_it_outnumbers_what_is_there() {
    let mut mailboxes = Mailboxes::default();
    let kept: Vec<_> = (0..100).map(|_| add_to(&mut mailboxes)).collect();
    for _ in 0..10_000 {
        drop(add_to(&mut mailboxes));
        assert!(mailboxes.list.len() <= 2 * kept.len() + FEW);
    }
    assert_eq!(mailboxes.there().len(), kept.len());
}

#[test]
fn a_mailbox_is_looked_at_a_constant_number_of_times_while_others_are_added() {
    let mut mailboxes = Mailboxes::default();
    let (mut kept, mut looked_at) = (Vec::new(), 0);
    for _ in 0..20_000 {
        let before = mailboxes.many;
        let there = mailboxes.list.len();
        kept.push(add_to(&mut mailboxes));
        looked_at += if mailboxes.many == before { 0 } else { there };
    }
    assert!(looked_at <= 2 * kept.len(), "{looked_at} looks");
}
