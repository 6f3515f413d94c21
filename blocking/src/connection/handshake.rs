//! The first words on a connection: protocol, password, name, database.

use redis_ipc_core::resp::{Reply, request};
use redis_ipc_core::session::Sequence;
use redis_ipc_core::write::TooLong;

use super::{Connection, Deadline};
use crate::error::{Error, ServerError};

/// What a server said of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Server {
    version: String,
    protocol: u8,
    client_id: i64,
}

impl Server {
    /// Its version: `7.0.15`; empty if it did not say.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The version of RESP that is spoken: 3, or 2 with a server that has no other.
    #[must_use]
    pub fn protocol(&self) -> u8 {
        self.protocol
    }

    /// The number of this connection in the server's CLIENT LIST.
    #[must_use]
    pub fn client_id(&self) -> i64 {
        self.client_id
    }

    fn from_hello(reply: &Reply<'_>) -> Option<Self> {
        let mut server = Self::default();
        let mut members = reply.elements()?;
        while let (Some(name), Some(value)) = (members.next(), members.next()) {
            match name.bytes()? {
                b"version" => server.version = String::from_utf8_lossy(value.bytes()?).into_owned(),
                b"proto" => server.protocol = u8::try_from(value.integer()?).ok()?,
                b"id" => server.client_id = value.integer()?,
                _ => {}
            }
        }
        Some(server)
    }
}

impl Connection {
    /// Greets a fresh connection and makes it what the endpoint says.
    pub(super) fn greet(&mut self, deadline: Deadline) -> Result<Server, Error> {
        let hello = self.write_hello()?;
        let select = self.write_select()?;
        let vetting = self.write_vetting()?;
        self.flush(deadline)?;
        let server = match self.reply(hello, deadline) {
            Ok(reply) => {
                Server::from_hello(&reply).ok_or_else(|| Error::unexpected_reply("HELLO", &reply))
            }
            Err(Error::Server(error)) if lacks_hello(&error) => {
                if let Some(select) = select {
                    // Refused too if a password is missing; asked for again below.
                    self.await_reply(select, deadline)?;
                }
                for question in vetting.into_iter().flatten() {
                    self.await_reply(question, deadline)?;
                }
                let server = self.greet_resp2(deadline)?;
                let vetting = self.write_vetting()?;
                self.flush(deadline)?;
                self.vet(vetting, deadline)?;
                return Ok(server);
            }
            Err(error) => Err(error),
        }?;
        if let Some(select) = select {
            self.reply(select, deadline)?;
        }
        self.vet(vetting, deadline)?;
        Ok(server)
    }

    /// Asks the server who it is, if somebody wants to know.
    fn write_vetting(&mut self) -> Result<Option<[Sequence; 2]>, TooLong> {
        if self.options.vet.is_none() {
            return Ok(None);
        }
        let server = self.queue(&["INFO", "server"])?;
        let replication = self.queue(&["INFO", "replication"])?;
        Ok(Some([server, replication]))
    }

    /// Has whoever wants to know look at what the server says of itself.
    fn vet(&mut self, asked: Option<[Sequence; 2]>, deadline: Deadline) -> Result<(), Error> {
        let mut info = String::new();
        for question in asked.into_iter().flatten() {
            match self.reply(question, deadline) {
                Ok(reply) => info += &String::from_utf8_lossy(reply.bytes().unwrap_or_default()),
                // It may forbid the question, or have long paths.
                Err(Error::Server(_) | Error::TooLong { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let vetted = self.options.vet.as_ref().map(|vet| vet.look(&info));
        match vetted {
            Some(Err(why)) => Err(Error::WrongServer {
                endpoint: self.endpoint.to_string(),
                why,
            }),
            _ => Ok(()),
        }
    }

    fn write_hello(&mut self) -> Result<Sequence, TooLong> {
        let (endpoint, options) = (&self.endpoint, &self.options);
        let password = endpoint.password.as_deref();
        let name = options.name.as_deref();
        let count = 2 + 3 * usize::from(password.is_some()) + 2 * usize::from(name.is_some());
        self.session.request(|w| {
            request::array(w, count);
            request::bulk(w, b"HELLO");
            request::bulk(w, b"3");
            if let Some(password) = password {
                let user = endpoint.user.as_deref().unwrap_or("default");
                request::bulk(w, b"AUTH");
                request::bulk(w, user.as_bytes());
                request::bulk(w, password.as_bytes());
            }
            if let Some(name) = name {
                request::bulk(w, b"SETNAME");
                request::bulk(w, name.as_bytes());
            }
            Ok(())
        })
    }

    fn write_select(&mut self) -> Result<Option<Sequence>, TooLong> {
        match self.endpoint.database {
            0 => Ok(None),
            database => self
                .session
                .request(|w| {
                    request::array(w, 2);
                    request::bulk(w, b"SELECT");
                    request::bulk_number(w, i64::from(database));
                    Ok(())
                })
                .map(Some),
        }
    }

    /// Servers before 6.0, and proxies, know no HELLO.
    fn greet_resp2(&mut self, deadline: Deadline) -> Result<Server, Error> {
        let (user, password) = (self.endpoint.user.clone(), self.endpoint.password.clone());
        if let Some(password) = password {
            let auth = match &user {
                Some(user) => self.queue(&["AUTH", user, &password])?,
                None => self.queue(&["AUTH", &password])?,
            };
            self.flush(deadline)?;
            self.reply(auth, deadline)?;
        }
        if let Some(select) = self.write_select()? {
            self.flush(deadline)?;
            self.reply(select, deadline)?;
        }
        let name = self.options.name.clone().unwrap_or_default();
        let id = self.queue(&["CLIENT", "ID"])?;
        let set_name = self.queue(&["CLIENT", "SETNAME", &name])?;
        self.flush(deadline)?;
        // A proxy may know neither; what needs the id says so when it is asked for.
        let client_id = match self.reply(id, deadline) {
            Ok(reply) => reply.integer().unwrap_or_default(),
            Err(Error::Server(_)) => 0,
            Err(error) => return Err(error),
        };
        self.await_reply(set_name, deadline)?;
        Ok(Server {
            version: String::new(),
            protocol: 2,
            client_id,
        })
    }

    pub(super) fn queue(&mut self, parts: &[&str]) -> Result<Sequence, TooLong> {
        self.session.request(|w| {
            super::write_command(w, parts);
            Ok(())
        })
    }
}

fn lacks_hello(error: &ServerError) -> bool {
    error.code() == "NOPROTO" || error.text().starts_with("ERR unknown command")
}
