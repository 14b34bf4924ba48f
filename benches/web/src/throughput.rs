//! Requests per second: over HTTP/1.1 by `wrk`, over HTTP/2 without encryption (h2c) by `h2load`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Extent;
use crate::servers::Process;

/// Connections of HTTP/1.1, and requests at once of HTTP/2.
const AT_ONCE: u32 = 64;

/// Connections of HTTP/2, which share these requests.
const CONNECTIONS: u32 = 8;

const JSON: &str = r#"{"order_id":"0123456789","amount":99.5}"#;

/// One kind of request: its name, its endpoint, and the share of axum's throughput that Nether has to reach.
struct Case {
    name: &'static str,
    path: &'static str,
    is_command: bool,
    target: f64,
}

const CASES: [Case; 3] = [
    Case {
        name: "command, shared module",
        path: "/shared",
        is_command: true,
        target: 0.93,
    },
    Case {
        name: "command, exclusive module",
        path: "/exclusive",
        is_command: true,
        target: 0.93,
    },
    Case {
        name: "query, path parameter",
        path: "/orders/0123456789",
        is_command: false,
        target: 0.90,
    },
];

/// The load generator, and the version of HTTP that it speaks.
#[derive(Clone, Copy)]
enum Client {
    Wrk,
    H2load,
}

/// What a run gave.
struct Run {
    per_second: f64,
    /// Latencies: of `wrk` the median and the 99th percentile, of `h2load` the mean and the maximum.
    latencies: String,
}

pub fn measure(extent: &Extent) -> Result<(), String> {
    let (ours, theirs) = (Process::start("nether")?, Process::start("axum")?);
    let files = Files::write()?;
    println!("requests per second of nether, of the same handlers by hand; {AT_ONCE} at once");
    for (client, protocol) in [(Client::Wrk, "HTTP/1.1"), (Client::H2load, "h2c")] {
        for case in &CASES {
            let run = |server: &Process, seconds| client.run(server, case, &files, seconds);
            run(&ours, 1)?;
            run(&theirs, 1)?;
            let mut ratios = Vec::new();
            let mut last = None;
            for _ in 0..extent.pairs {
                let pair = (run(&ours, extent.seconds)?, run(&theirs, extent.seconds)?);
                ratios.push(pair.0.per_second / pair.1.per_second);
                last = Some(pair);
            }
            ratios.sort_by(f64::total_cmp);
            let middle = ratios[ratios.len() / 2];
            let (least, most) = (ratios[0], ratios[ratios.len() - 1]);
            let (name, target) = (case.name, case.target);
            let holds = match middle >= target {
                true => "holds",
                false => "does not hold",
            };
            println!(
                "  {protocol:<8} {name:<26} {middle:.2} ({least:.2}-{most:.2}), target {target:.2}: {holds}"
            );
            if let Some((ours, theirs)) = last {
                println!(
                    "    latency: {}; by hand {}",
                    ours.latencies, theirs.latencies
                );
            }
        }
    }
    Ok(())
}

impl Client {
    fn run(
        self,
        server: &Process,
        case: &Case,
        files: &Files,
        seconds: u32,
    ) -> Result<Run, String> {
        let url = format!("http://{}{}", server.address, case.path);
        match self {
            Client::Wrk => wrk(&url, case, files, seconds),
            Client::H2load => h2load(&url, case, files, seconds),
        }
    }
}

fn wrk(url: &str, case: &Case, files: &Files, seconds: u32) -> Result<Run, String> {
    let mut wrk = Command::new("wrk");
    wrk.args(["--latency", "-t", "1", "-c", &AT_ONCE.to_string()]);
    wrk.args(["-d", &format!("{seconds}s")]);
    if case.is_command {
        wrk.arg("-s").arg(&files.script);
    }
    let text = said(wrk.arg(url))?;
    if text.contains("Non-2xx") || text.contains("Socket errors") {
        return Err(format!("`wrk` at {url}: {text}"));
    }
    let after = |start| after(&text, start);
    let half = after("50%")?;
    let most = after("99%")?;
    Ok(Run {
        per_second: number(after("Requests/sec:")?)?,
        latencies: format!("{half} for half, {most} for 99 %"),
    })
}

fn h2load(url: &str, case: &Case, files: &Files, seconds: u32) -> Result<Run, String> {
    let mut h2load = Command::new("h2load");
    let of_each = AT_ONCE / CONNECTIONS;
    h2load.args(["-t", "1", "-c", &CONNECTIONS.to_string()]);
    h2load.args(["-m", &of_each.to_string(), "-D", &seconds.to_string()]);
    if case.is_command {
        h2load.arg("-d").arg(&files.body);
        h2load.args(["-H", "content-type: application/json"]);
    }
    let text = said(h2load.arg(url))?;
    if !text.contains(" 0 4xx, 0 5xx") || !text.contains(" 0 errored") {
        return Err(format!("`h2load` at {url}: {text}"));
    }
    // `finished in 5.00s, 1234.50 req/s, 1.00MB/s`, and of the times the least, the most, the mean.
    let rate = after(&text, "finished in")?.split(", ").nth(1);
    let mut times = after(&text, "time for request:")?.split_whitespace();
    let (most, mean) = (times.nth(1).unwrap_or("?"), times.next().unwrap_or("?"));
    Ok(Run {
        per_second: number(rate.unwrap_or_default().trim_end_matches(" req/s"))?,
        latencies: format!("{mean} in the mean, {most} at most"),
    })
}

/// What the program says, if it succeeds.
fn said(program: &mut Command) -> Result<String, String> {
    let name = program.get_program().to_string_lossy().into_owned();
    let output = program.output();
    let output = output.map_err(|error| format!("`{name}` cannot be run: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    Err(format!("`{name}`: {text}{errors}"))
}

/// The rest of the line that begins so.
fn after<'a>(text: &'a str, start: &str) -> Result<&'a str, String> {
    let mut lines = text.lines().map(str::trim);
    let rest = lines.find_map(|line| line.strip_prefix(start));
    rest.map(str::trim)
        .ok_or_else(|| format!("no {start:?} in {text}"))
}

fn number(text: &str) -> Result<f64, String> {
    text.parse().map_err(|_| format!("{text:?} is no number"))
}

/// What the programs read, until this is dropped.
struct Files {
    /// For `wrk`: what it sends to commands.
    script: PathBuf,
    /// For `h2load`: the body alone.
    body: PathBuf,
}

impl Files {
    fn write() -> Result<Self, String> {
        let place = |name: &str| {
            let name = format!("nether-web-{}-{name}", std::process::id());
            std::env::temp_dir().join(name)
        };
        let (script, body) = (place("script.lua"), place("body.json"));
        let text = format!(
            "wrk.method = \"POST\"\nwrk.headers[\"content-type\"] = \"application/json\"\nwrk.body = '{JSON}'\n"
        );
        let write = |path: &Path, text: &str| std::fs::write(path, text);
        write(&script, &text)
            .and_then(|()| write(&body, JSON))
            .map_err(|error| error.to_string())?;
        Ok(Files { script, body })
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.script);
        let _ = std::fs::remove_file(&self.body);
    }
}
