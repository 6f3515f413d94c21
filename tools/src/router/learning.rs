//! Commands that hosts know and the table that comes with the library does not: those of their
//! modules and of later versions.

use std::time::Duration;

use super::cluster::Cluster;
use super::commands::Table;
use super::error::Error;
use super::host::Host;
use super::map::Promised;

/// How long hosts are asked for their commands at most.
const LIMIT: Duration = Duration::from_secs(5);

impl Cluster {
    /// Asks a host for its table of commands and uses that from now on.
    ///
    /// # Errors
    /// [`Error::NoHost`], or what asking ended in.
    pub fn refresh_commands(&self, host: u32) -> Result<(), Error> {
        let mut connection = self.connection(host)?;
        let table = Table::from_server(&mut connection);
        let table = table.map_err(|error| self.failed(host, error))?;
        self.change_table(|_| table);
        Ok(())
    }

    /// Asks all hosts at once for their commands, those that join too. What a host tells is used as
    /// soon as it has answered; what none tells of stays known as it was. Waits for hosts that do not
    /// answer as long as a reply may take, 5 s at most; they are left out, and so are those that do
    /// not let us ask.
    ///
    /// A [`Server`](super::Server) over this cluster uses it too.
    pub fn learn_commands(&self) {
        let all = self.with_joining();
        let mut map = all.map();
        let ask = |host: Host| map.command_on(host.id, &["COMMAND"]).ok();
        let mut asked: Vec<_> = all.servers().filter_map(ask).collect();
        let running = map.send(self.options().reply_limit.min(LIMIT));
        running.wait_with(|_, _| {
            for promise in asked.extract_if(.., |promise| promise.is_there()) {
                let table = promise.wait().ok();
                if let Some(Ok(table)) = table.map(|told| Table::told(&told)) {
                    self.change_table(|known| table.over(known));
                }
            }
        });
    }

    /// One host of each server: all databases have the same commands.
    fn servers(&self) -> impl Iterator<Item = Host> {
        let mut seen = Vec::new();
        self.hosts().into_iter().filter(move |host| {
            let server = host.endpoint.clone().with_database(0);
            let is_new = !seen.contains(&server);
            seen.push(server);
            is_new
        })
    }
}
