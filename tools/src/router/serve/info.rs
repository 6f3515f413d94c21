//! What the router says of itself, in a server's form: many clients ask for it before they begin,
//! whether all is loaded and which version they speak to.
//!
//! There is no run id among it: a router that was started anew has not lost what hosts hold.

use std::fmt::Write;
use std::process;
use std::time::{SystemTime, UNIX_EPOCH};

use super::client::Client;
use super::hub::Hub;
use super::ourselves::bulk;
use super::upstream::write_request;

/// Clients choose what they ask for by the server's version: that which all hosts must have.
pub(super) const VERSION: &str = "6.2.0";

/// Names that stand for all sections.
const ALL: [&str; 3] = ["all", "default", "everything"];

/// The answer to TIME, by the router's own clock: seconds since 1970 and microseconds.
pub(super) fn time() -> Vec<u8> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let mut reply = Vec::new();
    let parts = [now.as_secs().to_string(), now.subsec_micros().to_string()];
    // An array of bulks, as requests are.
    write_request(&mut reply, &parts);
    reply
}

type Field = (&'static str, String);

impl Hub {
    /// The answer to INFO with the names of sections; sections that the router has not are left
    /// out, as by a server. `asking` is not among the clients while it asks.
    pub(super) fn info(&self, asking: &Client, wanted: &[&[u8]]) -> Vec<u8> {
        let is = |name: &str| {
            wanted
                .iter()
                .any(|word| word.eq_ignore_ascii_case(name.as_bytes()))
        };
        let all = wanted.is_empty() || ALL.into_iter().any(is);
        let mut text = String::new();
        for (name, fields) in self.sections(asking) {
            if !all && !is(name) {
                continue;
            }
            let gap = if text.is_empty() { "" } else { "\r\n" };
            // Writing to a text cannot fail.
            let _ = write!(text, "{gap}# {name}\r\n");
            for (name, value) in fields {
                let _ = write!(text, "{name}:{value}\r\n");
            }
        }
        bulk(text.as_bytes())
    }

    fn sections(&self, asking: &Client) -> [(&'static str, Vec<Field>); 5] {
        let others = || self.clients.iter().flatten();
        let blocked = others().filter(|client| client.blocked).count();
        let listening = others().filter(|client| client.subscriptions() > 0).count();
        let text = |text: &str| text.to_owned();
        [
            (
                "Server",
                vec![
                    ("redis_version", text(VERSION)),
                    ("redis_mode", text("standalone")),
                    ("arch_bits", usize::BITS.to_string()),
                    ("router_version", text(env!("CARGO_PKG_VERSION"))),
                    ("router_hosts", self.places.len().to_string()),
                    ("process_id", process::id().to_string()),
                    (
                        "uptime_in_seconds",
                        self.started.elapsed().as_secs().to_string(),
                    ),
                ],
            ),
            (
                "Clients",
                vec![
                    ("connected_clients", (1 + others().count()).to_string()),
                    (
                        "blocked_clients",
                        (blocked + usize::from(asking.blocked)).to_string(),
                    ),
                    ("pubsub_clients", listening.to_string()),
                ],
            ),
            ("Persistence", vec![("loading", text("0"))]),
            (
                "Replication",
                vec![("role", text("master")), ("connected_slaves", text("0"))],
            ),
            ("Cluster", vec![("cluster_enabled", text("0"))]),
        ]
    }
}
