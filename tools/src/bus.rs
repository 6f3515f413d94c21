//! Which bus the tool joins, and as whom.

use std::time::{SystemTime, UNIX_EPOCH};

use redis_ipc::{Component, Endpoint, Options};

use crate::problem::Problem;

/// The component that the tool is if nobody says otherwise.
const NAME: &str = "ipc-tool";

/// What the general options say about the bus.
#[derive(Debug)]
pub(crate) struct Bus {
    pub(crate) server: Option<String>,
    pub(crate) name: Option<String>,
}

impl Bus {
    /// The server that was named, else the device's own.
    pub(crate) fn endpoint(&self) -> Result<Endpoint, Problem> {
        match &self.server {
            Some(address) => Ok(address.parse::<Endpoint>()?),
            None => Ok(Endpoint::from_environment()?),
        }
    }

    /// Joins as the component that was named, else as `ipc-tool`.
    pub(crate) fn join(&self) -> Result<Component, Problem> {
        self.join_as(self.name.as_deref().unwrap_or(NAME))
    }

    /// Joins as a certain component.
    pub(crate) fn join_as(&self, component: &str) -> Result<Component, Problem> {
        let endpoint = self.endpoint()?;
        let joined =
            Component::connect_to(&endpoint, component, &thread_name(), Options::default())?;
        Ok(joined)
    }
}

/// A name that no other process has: two callers of one name would take each other's results.
/// Processes in different containers may have the same number, so the time comes behind it.
fn thread_name() -> String {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    let micros = since_epoch.map_or(0, |time| time.subsec_micros());
    format!("cli-{}-{micros:x}", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_named_wins() {
        let bus = Bus {
            server: Some("/run/test/socket".to_owned()),
            name: None,
        };
        let endpoint = bus.endpoint().unwrap();
        assert_eq!(endpoint.to_string(), "unix:///run/test/socket");
    }
}
