//! The checker of runs finds each kind of mistake, and only that.

use std::collections::BTreeMap;

use nether_postgres_tests::checker::{Effect, Operation, Outcome, Rule, Run, Said, StoredNumber};

/// A run without a mistake: two processes append to two lists, and the projection moves from one to the
/// other.
fn clean() -> Run {
    let numbers = [
        (1, "a"),
        (101, "b"),
        (2, "a"),
        (102, "a"),
        (3, "b"),
        (103, "b"),
    ];
    let mut run = Run::default();
    let mut lists: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for (index, (number, key)) in (1..).zip(numbers) {
        let list = lists.entry(key).or_default();
        list.push(number);
        run.operations.push(Operation {
            process: if number < 100 { "one" } else { "two" }.to_owned(),
            key: key.to_owned(),
            number,
            is_read: false,
            began: index * 10,
            ended: index * 10 + 5,
            outcome: Outcome::Ok(list.clone()),
        });
        let version = list.len() as u64;
        let added = Said::Added(key.to_owned(), number);
        for (stream, version, said) in [
            (format!("list/{key}"), version, added),
            (format!("note/{number}"), 1, Said::Noted(number)),
        ] {
            run.log.push(StoredNumber {
                position: run.log.len() as u64 + 1,
                stream,
                version,
                said,
            });
        }
        let (process, epoch) = if index < 4 { ("one", 1) } else { ("two", 2) };
        run.effects.push(Effect {
            position: index * 2 - 1,
            key: key.to_owned(),
            number,
            process: process.to_owned(),
            epoch,
        });
        *run.sums.entry(key.to_owned()).or_default() += number;
    }
    run.followers = vec![(1..=12).collect(), (4..=12).collect()];
    run
}

/// Checks that a mistake is found, and nothing else.
fn check(mistake: impl FnOnce(&mut Run), expected: &[Rule]) {
    let mut run = clean();
    mistake(&mut run);
    let found = run.check();
    let mut rules: Vec<_> = found.iter().map(|it| it.rule).collect();
    rules.sort_unstable();
    rules.dedup();
    assert_eq!(rules, expected, "{found:#?}");
}

fn renumber(run: &mut Run) {
    for (event, position) in run.log.iter_mut().zip(1..) {
        event.position = position;
    }
}

#[test]
fn a_clean_run_is_clean() {
    check(|_| {}, &[]);
}

fn read(began: u64, list: &[u64]) -> Operation {
    Operation {
        process: "two".to_owned(),
        key: "a".to_owned(),
        number: 900,
        is_read: true,
        began,
        ended: began + 5,
        outcome: Outcome::Ok(list.to_vec()),
    }
}

#[test]
fn a_list_that_is_read_is_in_the_order_of_time() {
    check(|run| run.operations.push(read(36, &[1, 2])), &[]);
    check(|run| run.operations.push(read(41, &[1, 2])), &[]);
    check(|run| run.operations.push(read(41, &[1, 2, 102])), &[]);
    let stale = |run: &mut Run| run.operations.push(read(46, &[1, 2]));
    check(stale, &[Rule::Linearizable]);
    let early = |run: &mut Run| run.operations.push(read(30, &[1, 2, 102]));
    check(early, &[Rule::Linearizable]);
    let wrong = |run: &mut Run| run.operations.push(read(36, &[2]));
    check(wrong, &[Rule::Linearizable]);
}

#[test]
fn an_outcome_that_is_not_known_may_be_either() {
    check(|run| run.operations[5].outcome = Outcome::Unknown, &[]);
    let never = Operation {
        process: "one".to_owned(),
        key: "a".to_owned(),
        number: 4,
        is_read: false,
        began: 100,
        ended: u64::MAX,
        outcome: Outcome::Unknown,
    };
    check(|run| run.operations.push(never), &[]);
}

#[test]
fn an_acknowledged_number_that_is_not_stored_is_found() {
    check(
        |run| {
            run.log.truncate(10);
            run.effects.pop();
            run.sums.insert("b".to_owned(), 104);
        },
        &[Rule::NoLoss, Rule::Linearizable],
    );
}

#[test]
fn a_refused_number_that_is_stored_is_found() {
    check(
        |run| run.operations[5].outcome = Outcome::Failed,
        &[Rule::NoLoss],
    );
}

#[test]
fn a_row_that_is_lost_is_found_unless_its_event_is_parked() {
    check(|run| drop(run.effects.remove(2)), &[Rule::NoLoss]);
    let parked = |run: &mut Run| {
        run.effects.remove(2);
        run.parked.insert(2);
        run.sums.insert("a".to_owned(), 103);
    };
    check(parked, &[]);
}

#[test]
fn a_note_that_is_lost_is_found() {
    check(|run| run.log[11].said = Said::Other, &[Rule::NoLoss]);
}

#[test]
fn a_row_that_is_doubled_is_found() {
    let doubled = |run: &mut Run| run.effects.insert(3, run.effects[2].clone());
    check(doubled, &[Rule::OneEffect]);
}

#[test]
fn a_note_that_is_doubled_is_found() {
    let doubled = |run: &mut Run| {
        let mut again = run.log[1].clone();
        again.version = 2;
        run.log.push(again);
        renumber(run);
    };
    check(doubled, &[Rule::OneEffect]);
}

#[test]
fn a_sum_that_is_wrong_is_found() {
    check(
        |run| *run.sums.get_mut("a").expect("it is there") += 1,
        &[Rule::OneEffect],
    );
}

#[test]
fn rows_in_another_order_are_found() {
    check(
        |run| {
            let number = run.effects[0].number;
            run.effects[0].number = run.effects[2].number;
            run.effects[2].number = number;
        },
        &[Rule::OrderPerKey],
    );
}

#[test]
fn a_gap_between_positions_is_found() {
    check(|run| run.log[11].position = 13, &[Rule::Log]);
}

#[test]
fn a_gap_between_versions_is_found() {
    check(|run| run.log[10].version += 1, &[Rule::Log]);
}

#[test]
fn a_follower_that_misses_or_repeats_something_is_found() {
    let missing = |run: &mut Run| {
        run.followers[0].remove(4);
    };
    check(missing, &[Rule::Log]);
    check(|run| run.followers[1].push(12), &[Rule::Log]);
    check(|run| run.followers[1].push(7), &[Rule::Log]);
}

#[test]
fn a_row_of_an_epoch_that_has_ended_is_found() {
    check(|run| run.effects[4].epoch = 1, &[Rule::Fence]);
}

#[test]
fn a_row_of_another_process_in_an_epoch_is_found() {
    check(
        |run| run.effects[4].process = "one".to_owned(),
        &[Rule::Fence],
    );
}

#[test]
fn lists_that_are_no_prefixes_are_found() {
    let swapped = |run: &mut Run| run.operations[3].outcome = Outcome::Ok(vec![2, 1, 102]);
    check(swapped, &[Rule::Linearizable]);
    let without_own = |run: &mut Run| run.operations[3].outcome = Outcome::Ok(vec![1, 2]);
    check(without_own, &[Rule::Linearizable]);
}

#[test]
fn a_list_that_lacks_what_was_acknowledged_before_is_found() {
    // 102 is before 2 in the list, and was sent after 2 was acknowledged.
    let stale = |run: &mut Run| {
        run.log[4].said = Said::Added("a".to_owned(), 102);
        run.log[6].said = Said::Added("a".to_owned(), 2);
        run.operations[2].outcome = Outcome::Ok(vec![1, 102, 2]);
        run.operations[3].outcome = Outcome::Ok(vec![1, 102]);
        run.effects[2].number = 102;
        run.effects[3].number = 2;
    };
    check(stale, &[Rule::Linearizable]);
}
