//! Writes a program of as many modules as `MODULES` says, each with ten commands of its own.

use std::fmt::Write;

/// Small, so that a check of the benches does not compile thousands of handlers.
const DEFAULT: usize = 10;
const COMMANDS: usize = 10;

fn main() {
    println!("cargo::rerun-if-env-changed=MODULES");
    let modules =
        std::env::var("MODULES").map_or(DEFAULT, |modules| modules.parse().expect("a number"));
    let folder = std::env::var("OUT_DIR").expect("cargo says where");
    let program: String = (0..modules).map(module).collect();
    std::fs::write(format!("{folder}/program.rs"), program).expect("it can be written");
}

fn module(number: usize) -> String {
    let mut text = format!("mod m{number} {{\n    use nether::prelude::*;\n");
    let mut handlers = String::new();
    for command in 0..COMMANDS {
        let _ = writeln!(text, "    #[command(local)]\n    pub struct C{command};");
        let _ = writeln!(
            handlers,
            "        fn c{command}(&mut self, _: C{command}) {{}}"
        );
    }
    let listed: Vec<String> = (0..COMMANDS).map(|command| format!("C{command}")).collect();
    let _ = write!(
        text,
        "    #[derive(Default)]\n    pub struct Module;\n    #[module(handles = [{}])]\n    impl Module {{\n{handlers}    }}\n}}\n",
        listed.join(", ")
    );
    text
}
