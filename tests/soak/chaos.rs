//! What happens to the server.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use redis_ipc_tests::bus::Caller;
use redis_ipc_tests::server::Server;

use crate::work::Crew;

/// One who strikes at random, and counts.
pub(crate) struct Chaos {
    random: u64,
    pub(crate) strikes: BTreeMap<&'static str, u32>,
    /// From a restarted server's first answer to the first served command, each time.
    pub(crate) resumed: Vec<Duration>,
    pub(crate) version: String,
}

impl Chaos {
    pub(crate) fn new(server: &Server) -> Self {
        let info = server.cli(&["INFO", "server"]).text();
        let version = info
            .lines()
            .find_map(|line| line.strip_prefix("redis_version:"));
        Self {
            random: 0x2545_f491_4f6c_dd1d,
            strikes: BTreeMap::new(),
            resumed: Vec::new(),
            version: version.unwrap_or_default().trim().to_owned(),
        }
    }

    fn dice(&mut self, sides: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % sides
    }

    /// Waits for a moment and does something bad.
    pub(crate) fn strike(&mut self, server: &mut Server, crew: &Crew) {
        std::thread::sleep(Duration::from_millis(100 + self.dice(1900)));
        let what = match self.dice(10) {
            0 | 1 => {
                server.kill();
                std::thread::sleep(Duration::from_millis(self.dice(500)));
                self.restart(server);
                "server killed and started anew"
            }
            2 => {
                server.stop();
                std::thread::sleep(Duration::from_millis(self.dice(500)));
                self.restart(server);
                "server stopped in order and started anew"
            }
            3 => {
                server.pause();
                std::thread::sleep(Duration::from_millis(50 + self.dice(1500)));
                server.kill();
                self.restart(server);
                "server killed while it stood still"
            }
            4 | 5 => {
                server.pause();
                std::thread::sleep(Duration::from_millis(50 + self.dice(3000)));
                server.resume();
                "server stood still"
            }
            6 => {
                server.cli(&["CLIENT", "KILL", "TYPE", "normal"]);
                server.cli(&["CLIENT", "KILL", "TYPE", "pubsub"]);
                "all clients thrown out"
            }
            7 => {
                server.cli(&["CONFIG", "SET", "maxmemory", "1"]);
                std::thread::sleep(Duration::from_millis(self.dice(500)));
                server.cli(&["CONFIG", "SET", "maxmemory", "0"]);
                "memory full for a while"
            }
            _ => {
                crew.kill_mortal();
                "a component killed at work"
            }
        };
        *self.strikes.entry(what).or_default() += 1;
    }

    /// Starts the server, and sees how long a command takes from its first answer on.
    fn restart(&mut self, server: &mut Server) {
        server.restart();
        let begin = Instant::now();
        let mut caller = Caller::new(server);
        caller.ask("queues.commands.once", "\"probe\":1");
        let _ = caller.result();
        self.resumed.push(begin.elapsed());
    }

    pub(crate) fn make_peace(&mut self, server: &mut Server) {
        server.cli(&["CONFIG", "SET", "maxmemory", "0"]);
        self.resumed.sort_unstable();
    }
}
