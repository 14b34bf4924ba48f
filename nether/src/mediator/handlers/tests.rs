//! The tree has what a plain map has, and a change copies a part of it that does not grow with it.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use crate::declaration::Declaration;
use crate::mediator::handlers::{Handler, HandlerNode, Handlers, InstanceId, MOST};

static MODULE: Declaration = Declaration {
    name: "test",
    file: file!(),
    line: line!(),
    column: column!(),
};

fn handler(instance: InstanceId) -> Handler {
    Handler {
        instance,
        module: &MODULE,
        route: Arc::new(()),
    }
}

fn instances(handlers: &Handlers) -> Vec<InstanceId> {
    handlers.iter().map(|handler| handler.instance).collect()
}

fn of(count: u64) -> Handlers {
    let mut handlers = Handlers::default();
    (0..count).for_each(|instance| handlers.insert(handler(instance)));
    handlers
}

/// The nodes below the root, by their addresses, each with how many it holds.
fn nodes(handlers: &Handlers) -> Vec<(usize, usize)> {
    let (mut nodes, mut next) = (Vec::new(), vec![&handlers.root]);
    while let Some(node) = next.pop() {
        if let HandlerNode::Inner(branches) = node {
            for branch in branches {
                nodes.push((Arc::as_ptr(&branch.node).addr(), branch.node.width()));
                next.push(&branch.node);
            }
        }
    }
    nodes
}

/// How many handlers and branches a changed copy has of its own.
fn copied(original: &Handlers, changed: &Handlers) -> usize {
    let shared: HashSet<usize> = nodes(original).into_iter().map(|(it, _)| it).collect();
    let own = nodes(changed).into_iter();
    let own = own.filter(|(node, _)| !shared.contains(node));
    changed.root.width() + own.map(|(_, width)| width).sum::<usize>()
}

/// Numbers that look like chance, the same in every run (G. Marsaglia, "Xorshift RNGs", 2003).
fn chance(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

#[test]
fn handlers_that_come_and_go_in_any_order_are_those_of_a_map() {
    let (mut handlers, mut map, mut state) = (Handlers::default(), BTreeMap::new(), 42);
    for round in 0..20_000 {
        // First it mostly grows, then it mostly shrinks.
        let adds = chance(&mut state) % 8 < if round < 10_000 { 6 } else { 2 };
        let instance = chance(&mut state) % 5_000;
        if !adds {
            handlers.remove(instance);
            map.remove(&instance);
        } else if map.insert(instance, ()).is_none() {
            handlers.insert(handler(instance));
        }
        assert_eq!(handlers.len(), map.len());
        assert_eq!(handlers.is_empty(), map.is_empty());
        if round % 97 == 0 {
            let expected: Vec<_> = map.keys().copied().collect();
            assert_eq!(instances(&handlers), expected);
            let by_index = (0..map.len()).filter_map(|index| handlers.get(index));
            assert!(by_index.map(|it| it.instance).eq(expected.iter().copied()));
            assert!(handlers.get(map.len()).is_none());
            let first = handlers.first().map(|handler| handler.instance);
            assert_eq!(first, expected.first().copied());
        }
    }
}

#[test]
fn a_copy_keeps_what_it_had() {
    let original = of(1_000);
    let mut changed = original.clone();
    (0..1_000).step_by(2).for_each(|it| changed.remove(it));
    changed.insert(handler(5_000));
    assert!(instances(&original).into_iter().eq(0..1_000));
    let expected = (1..1_000).step_by(2).chain([5_000]);
    assert!(instances(&changed).into_iter().eq(expected));
}

#[test]
fn a_change_copies_a_few_nodes_however_many_handlers_there_are() {
    for count in [1_000, 20_000, 100_000] {
        let original = of(count);
        for instance in [0, count / 2, count - 1] {
            let mut changed = original.clone();
            changed.remove(instance);
            assert!(copied(&original, &changed) <= 5 * MOST);
        }
        let mut changed = original.clone();
        changed.insert(handler(count));
        assert!(copied(&original, &changed) <= 5 * MOST);
    }
}

#[test]
fn the_number_of_nodes_falls_with_that_of_handlers() {
    let mut handlers = of(20_000);
    assert!(nodes(&handlers).len() <= 20_000 / MOST * 2);
    let most = (0..20_000).filter(|instance| instance % 100 > 0);
    most.for_each(|instance| handlers.remove(instance));
    assert_eq!(handlers.len(), 200);
    assert!(nodes(&handlers).len() <= 200 / MOST * 8);
    (0..20_000).for_each(|instance| handlers.remove(instance));
    assert!(handlers.is_empty() && nodes(&handlers).is_empty());
}
