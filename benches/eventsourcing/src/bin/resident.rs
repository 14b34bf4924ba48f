//! `resident <aggregates>`: the memory of a process in MiB after each tenth of so many aggregates was sent
//! one command, when 10,000 are kept. A program of its own, so that nothing else has used memory before.

fn main() {
    let aggregates = std::env::args().nth(1);
    let aggregates = aggregates.map_or(1_000_000, |number| number.parse().expect("a number"));
    for megabytes in eventsourcing::memory::after_each_tenth(aggregates) {
        println!("{megabytes:.1}");
    }
}
