//! Peers on a bus that are not ours: they push and pop bytes by hand.

use crate::client::Client;
use crate::server::Server;
use crate::value::Value;
use redis_ipc::{Command, Component, Endpoint, Options, Service, Stop, Turn};
use serde::de::{DeserializeOwned, Deserializer, MapAccess, Visitor};
use std::fmt;
use std::time::{Duration, Instant};

/// How long something may take that is to come.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A component of ours, its thread being `main`.
///
/// # Panics
/// If it cannot join.
#[track_caller]
#[must_use]
pub fn join(server: &Server, component: &str) -> Component {
    join_with(server, component, Options::default())
}

/// As [`join`], with options.
///
/// # Panics
/// If it cannot join.
#[track_caller]
#[must_use]
pub fn join_with(server: &Server, component: &str, options: Options) -> Component {
    match Component::connect_to(&endpoint(server), component, "main", options) {
        Ok(component) => component,
        Err(error) => panic!("{component} cannot join: {error}"),
    }
}

/// Where a server is.
///
/// # Panics
/// If its path is too long.
#[must_use]
pub fn endpoint(server: &Server) -> Endpoint {
    Endpoint::unix(server.socket()).expect("a short path")
}

/// The next command that a component is handed; its own affairs are passed over.
///
/// # Panics
/// If something else comes, or nothing within [`PATIENCE`].
#[track_caller]
pub fn next_command(component: &mut Component) -> Command<'_> {
    match component.next(Some(PATIENCE)) {
        Ok(Some(Turn::Command(command))) => command,
        other => panic!("no command: {other:?}"),
    }
}

/// A caller that is not ours: component `desk`, thread `raw`.
#[derive(Debug)]
pub struct Caller {
    client: Client,
    asked: u32,
}

impl Caller {
    /// Connects.
    ///
    /// # Panics
    /// If the server is not there.
    #[track_caller]
    #[must_use]
    pub fn new(server: &Server) -> Self {
        Self {
            client: server.client(),
            asked: 0,
        }
    }

    /// The queue that its results go to.
    pub const RESULTS: &str = "queues.results.desk.raw";

    /// Sends a command with these members, JSON without the braces; returns its id.
    ///
    /// # Panics
    /// If the server does not take it.
    #[track_caller]
    pub fn ask(&mut self, queue: &str, members: &str) -> String {
        self.asked += 1;
        let id = format!("desk-raw-7-{}", self.asked);
        let comma = if members.is_empty() { "" } else { "," };
        self.push(
            queue,
            format!(
                r#"{{{members}{comma}"results_queue":"{}","command_id":"{id}","timestamp":"7.000001","component":"desk","thread":"raw","tid":7}}"#,
                Self::RESULTS
            ),
        );
        id
    }

    /// Pushes bytes to a queue.
    ///
    /// # Panics
    /// If the server does not take them.
    #[track_caller]
    pub fn push(&mut self, queue: &str, message: impl AsRef<[u8]>) {
        let words = [b"RPUSH", queue.as_bytes(), message.as_ref()];
        let _ = self.client.command(&words).integer();
    }

    /// The next result, as text.
    ///
    /// # Panics
    /// If none comes.
    #[track_caller]
    pub fn result(&mut self) -> String {
        let seconds = crate::client::PATIENCE.as_secs() - 1;
        let words = ["BLPOP", Self::RESULTS, &seconds.to_string()];
        match self.client.command(&words) {
            Value::Array(item) => item[1].text(),
            other => panic!("no result: {other:?}"),
        }
    }

    /// The next result, as a value.
    ///
    /// # Panics
    /// If none comes, or it is no JSON.
    #[track_caller]
    pub fn result_value(&mut self) -> serde_json::Value {
        parse(&self.result())
    }

    /// The connection, for what else there is.
    pub fn client(&mut self) -> &mut Client {
        &mut self.client
    }
}

/// Takes the next command from a queue as a component does that is not ours, and answers with
/// `answer`, in which `ID` stands for the command's id. Returns the command.
///
/// # Panics
/// If no command comes, or it is none.
#[track_caller]
pub fn answer_by_hand(client: &mut Client, queue: &str, answer: &str) -> String {
    let seconds = (crate::client::PATIENCE.as_secs() - 1).to_string();
    let item = client.command(&["BLPOP", queue, &seconds]);
    let command = item.items()[1].text();
    let envelope: serde_json::Value = parse(&command);
    let id = envelope["command_id"].as_str().expect("an id");
    let results = envelope["results_queue"].as_str().expect("a queue");
    let _ = client
        .command(&["RPUSH", results, &answer.replace("ID", id)])
        .integer();
    command
}

/// A service at work in a thread of its own, until this is dropped.
///
/// The component is woken for its end, so that nobody has to wait for it.
#[derive(Debug)]
pub struct Serving<'s> {
    stop: Stop,
    server: &'s Server,
    thread: Option<std::thread::JoinHandle<Component>>,
}

impl<'s> Serving<'s> {
    /// Runs what `service` makes for `component`.
    pub fn start(
        server: &'s Server,
        mut component: Component,
        service: impl FnOnce() -> Service<'static> + Send + 'static,
    ) -> Self {
        let stop = Stop::new();
        let until = stop.clone();
        let thread = std::thread::spawn(move || {
            let outcome = service().until(until).run(&mut component);
            assert!(outcome.is_ok(), "the service ended: {outcome:?}");
            component
        });
        Self {
            stop,
            server,
            thread: Some(thread),
        }
    }

    /// Asks for the end, without waiting for it.
    pub fn request_stop(&self) {
        self.stop.request();
    }

    /// Ends the service and returns the component.
    ///
    /// # Panics
    /// If the service has failed.
    #[must_use]
    pub fn end(mut self) -> Component {
        self.finish().expect("a service that ended well")
    }

    fn finish(&mut self) -> std::thread::Result<Component> {
        self.stop.request();
        let thread = self.thread.take().expect("ended once");
        while !thread.is_finished() {
            wake_poppers(self.server);
            std::thread::yield_now();
        }
        thread.join()
    }
}

impl Drop for Serving<'_> {
    fn drop(&mut self) {
        if self.thread.is_some() {
            let ended = self.finish();
            assert!(
                ended.is_ok() || std::thread::panicking(),
                "the service failed"
            );
        }
    }
}

/// Waits until so many clients are blocked in a pop.
///
/// # Panics
/// If they are not within [`PATIENCE`].
#[track_caller]
pub fn until_blocked(server: &Server, clients: u32) {
    let mut client = server.client();
    let wanted = format!("blocked_clients:{clients}\r");
    let deadline = Instant::now() + PATIENCE;
    while !client
        .command(&["INFO", "clients"])
        .text()
        .contains(&wanted)
    {
        assert!(Instant::now() < deadline, "{clients} clients do not block");
        std::thread::yield_now();
    }
}

/// Ends every blocked pop on the server, so that whoever pops looks around.
fn wake_poppers(server: &Server) {
    let mut client = server.client();
    for line in client.command(&["CLIENT", "LIST"]).text().lines() {
        let field = |name| {
            line.split(' ')
                .find_map(|field| field.strip_prefix(name))
                .unwrap_or_default()
        };
        if field("cmd=") == "blpop" {
            let _ = client.command(&["CLIENT", "UNBLOCK", field("id=")]);
        }
    }
}

/// JSON as a value of any type.
///
/// # Panics
/// If it is none.
#[track_caller]
#[must_use]
pub fn parse<T: DeserializeOwned>(json: &str) -> T {
    match serde_json::from_str(json) {
        Ok(value) => value,
        Err(error) => panic!("{error}: {json}"),
    }
}

/// A JSON object with its members in the order in which they were written.
#[derive(Clone, Debug, PartialEq)]
pub struct Members(pub Vec<(String, serde_json::Value)>);

impl Members {
    /// Reads a text.
    ///
    /// # Panics
    /// If it is no object.
    #[track_caller]
    #[must_use]
    pub fn of(json: &str) -> Self {
        parse(json)
    }

    /// The names in order.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        self.0.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// The value of the one member with this name.
    ///
    /// # Panics
    /// If there is none or several.
    #[track_caller]
    #[must_use]
    pub fn value(&self, name: &str) -> &serde_json::Value {
        let mut named = self.0.iter().filter(|(n, _)| n == name);
        let (Some((_, value)), None) = (named.next(), named.next()) else {
            panic!("not one member {name}: {self:?}");
        };
        value
    }

    /// The same object, but for the values of these members.
    #[must_use]
    pub fn without_values(mut self, names: &[&str]) -> Self {
        for (name, value) in &mut self.0 {
            if names.contains(&name.as_str()) {
                *value = match value {
                    serde_json::Value::String(_) => "text".into(),
                    serde_json::Value::Number(_) => 0.into(),
                    _ => serde_json::Value::Null,
                };
            }
        }
        self
    }
}

impl<'de> serde::Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(InOrder)
    }
}

struct InOrder;

impl<'de> Visitor<'de> for InOrder {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}
