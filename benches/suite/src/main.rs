//! Runs the comparison, prints it, and writes the report.

use suite::contestants;
use suite::options::Options;
use suite::results::Results;
use suite::rounds;
use suite::runtime::Flavour;

fn main() {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(usage) => {
            eprintln!("{usage}");
            std::process::exit(2);
        }
    };
    let mut results = Results {
        rounds: options.rounds,
        quick: options.quick,
        ..Results::default()
    };
    rounds::run(&options, &mut results, |results, scenario| {
        for f in Flavour::BOTH {
            for c in contestants::ALL {
                if let (Some(n), Some(r)) = (
                    results.nanos(scenario, f, c.id),
                    results.ratio(scenario, f, c.id),
                ) {
                    println!(
                        "{} {:?} {} {:.1} {:.2}",
                        scenario.id(),
                        f,
                        c.id,
                        n.median,
                        r.median
                    );
                }
            }
        }
    });
}
