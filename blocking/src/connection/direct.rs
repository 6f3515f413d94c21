//! What `sentinel` does, where no server is named by others: every one is where its path says.

use std::io;

use super::{Connection, Deadline};
use crate::endpoint::{Endpoint, Place};
use crate::error::Error;
use crate::options::Options;

impl Endpoint {
    /// The same server by an address of its own: without the feature `tcp`, every one has one.
    ///
    /// # Errors
    /// None.
    pub fn resolve(&self, _: &Options) -> Result<Self, Error> {
        Ok(self.clone())
    }
}

/// No master is ever followed.
#[derive(Debug)]
pub(super) struct Following;

impl Following {
    pub(super) fn of(_: &Endpoint) -> Self {
        Self
    }

    pub(super) const fn is_wanted(&self) -> bool {
        false
    }

    pub(super) const fn has_ended(&self) -> bool {
        false
    }

    pub(super) fn begin_anew(&mut self) {}
}

#[expect(
    clippy::unused_self,
    clippy::unnecessary_wraps,
    reason = "with the feature `tcp` there may be Sentinels"
)]
impl Connection {
    pub(super) fn find(&mut self, _: Deadline) -> Result<Place, Error> {
        Ok(self.endpoint.place.clone())
    }

    pub(super) fn check_role(&mut self, _: &Place, _: Deadline) -> Result<(), Error> {
        Ok(())
    }

    pub(super) fn note_demotion(&mut self) {}

    /// There is no connection to a place.
    pub(super) fn unreachable(&self, _: &Place, source: io::Error) -> Error {
        Error::Connect {
            endpoint: self.endpoint.to_string(),
            source,
        }
    }
}
