//! Requests per second, by `wrk`.

use std::process::Command;

use crate::Extent;
use crate::servers::Process;

const CONNECTIONS: u32 = 64;

/// What Nether is to reach of the same handler by hand.
const TARGET: f64 = 0.90;

/// What `wrk` sends to commands.
const SCRIPT: &str = r#"
wrk.method = "POST"
wrk.headers["content-type"] = "application/json"
wrk.body = '{"order_id":"0123456789","amount":99.5}'
"#;

/// What a run gave.
struct Run {
    per_second: f64,
    latencies: Vec<String>,
}

pub fn measure(extent: &Extent) -> Result<(), String> {
    let script = std::env::temp_dir().join(format!("nether-wrk-{}.lua", std::process::id()));
    std::fs::write(&script, SCRIPT).map_err(|error| error.to_string())?;
    let (ours, theirs) = (Process::start("nether")?, Process::start("axum")?);
    println!(
        "requests per second of nether, of the same handlers by hand; {CONNECTIONS} connections"
    );
    for (name, path) in [
        ("command, shared module", "/shared"),
        ("command, exclusive module", "/exclusive"),
        ("query, path parameter", "/orders/0123456789"),
    ] {
        let script = (!path.starts_with("/orders")).then_some(script.as_path());
        let run = |server: &Process, seconds| wrk(server, path, script, seconds);
        run(&ours, 1)?;
        run(&theirs, 1)?;
        let mut ratios = Vec::new();
        let mut last = None;
        for _ in 0..extent.pairs {
            let (ours, theirs) = (run(&ours, extent.seconds)?, run(&theirs, extent.seconds)?);
            ratios.push(ours.per_second / theirs.per_second);
            last = Some((ours, theirs));
        }
        ratios.sort_by(f64::total_cmp);
        let (median, least, most) = (
            ratios[ratios.len() / 2],
            ratios[0],
            ratios[ratios.len() - 1],
        );
        let holds = if median >= TARGET {
            "holds"
        } else {
            "does not hold"
        };
        println!("  {name:<26} {median:.2} ({least:.2}-{most:.2}), target {TARGET:.2}: {holds}");
        if let Some((ours, theirs)) = last {
            let (ours, theirs) = (ours.latencies.join(" "), theirs.latencies.join(" "));
            println!("    latency of half, and of 99 %: {ours}; by hand {theirs}");
        }
    }
    let _ = std::fs::remove_file(script);
    Ok(())
}

fn wrk(
    server: &Process,
    path: &str,
    script: Option<&std::path::Path>,
    seconds: u32,
) -> Result<Run, String> {
    let mut wrk = Command::new("wrk");
    let connections = CONNECTIONS.to_string();
    wrk.args([
        "--latency",
        "-t",
        "1",
        "-c",
        &connections,
        "-d",
        &format!("{seconds}s"),
    ]);
    if let Some(script) = script {
        wrk.arg("-s").arg(script);
    }
    wrk.arg(format!("http://{}{path}", server.address));
    let output = wrk
        .output()
        .map_err(|error| format!("`wrk` cannot be run: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() || text.contains("Non-2xx") || text.contains("Socket errors") {
        return Err(format!(
            "`wrk` at {path}: {text}{}",
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    let words = |start: &str| {
        let line = text
            .lines()
            .map(str::trim)
            .find_map(|line| line.strip_prefix(start));
        line.map(|line| line.trim().to_owned())
            .ok_or_else(|| format!("no {start:?} in {text}"))
    };
    let per_second = words("Requests/sec:")?
        .parse()
        .map_err(|_| text.to_string())?;
    let latencies = vec![words("50%")?, words("99%")?];
    Ok(Run {
        per_second,
        latencies,
    })
}
