//! Answers to come.

use std::sync::Arc;

use super::shared::Shared;
use crate::router::error::Error;
use crate::router::split::Join;
use crate::router::value::Value;

/// Something that will be there, or fail.
pub trait Promised: Sized {
    /// What will be there.
    type Output;

    /// Waits for it; at most until the limit that the map was sent with. Other hosts than its own are
    /// not waited for, nor are commands of its own host that are sent later, after 60 KiB or so of
    /// requests.
    ///
    /// # Errors
    /// What became of it instead, and on which host; [`Error::NotSent`] at once if the map was not
    /// sent.
    fn wait(self) -> Result<Self::Output, Error>;

    /// What `make` makes of it once it is there; `make` runs in the thread that waits.
    fn then<U, F: FnOnce(Self::Output) -> U>(self, make: F) -> Then<Self, F> {
        Then {
            promise: self,
            make,
        }
    }
}

/// The answer to one command.
#[derive(Debug)]
#[must_use = "an answer that nobody waits for is lost, and so is its error"]
pub struct Promise {
    shared: Arc<Shared>,
    source: Source,
}

#[derive(Debug)]
enum Source {
    One(Place),
    Joined(Box<Joined>),
}

/// The place of an answer: the host's and its own among the host's.
#[derive(Debug, Clone, Copy)]
struct Place {
    host: usize,
    index: usize,
}

/// A command that was sent in parts.
#[derive(Debug)]
struct Joined {
    join: Join,
    keys: usize,
    parts: Vec<(Place, Vec<usize>)>,
}

impl Promise {
    pub(super) fn of(shared: &Arc<Shared>, host: usize, index: usize) -> Self {
        Self {
            shared: shared.clone(),
            source: Source::One(Place { host, index }),
        }
    }

    pub(super) fn joined(
        shared: &Arc<Shared>,
        join: Join,
        keys: usize,
        parts: impl Iterator<Item = ((usize, usize), Vec<usize>)>,
    ) -> Self {
        let part = |((host, index), keys)| (Place { host, index }, keys);
        let parts = parts.map(part).collect();
        Self {
            shared: shared.clone(),
            source: Source::Joined(Box::new(Joined { join, keys, parts })),
        }
    }

    /// Whether it is there, or has failed, so that waiting for it does not wait; not known of a
    /// command in parts.
    pub(in crate::router) fn is_there(&self) -> bool {
        match &self.source {
            Source::One(place) => self.shared.is_answered(place.host, place.index),
            Source::Joined(_) => false,
        }
    }

    /// All of several: their values in order, or the first error.
    pub fn all<P: Promised>(promises: impl IntoIterator<Item = P>) -> All<P> {
        All(promises.into_iter().collect())
    }
}

impl Promised for Promise {
    type Output = Value;

    fn wait(self) -> Result<Value, Error> {
        match self.source {
            Source::One(place) => self.shared.wait_for(place.host, place.index),
            Source::Joined(joined) => joined.wait(&self.shared),
        }
    }
}

impl Joined {
    fn wait(self, shared: &Shared) -> Result<Value, Error> {
        let (mut answers, mut done, mut failed) = (Vec::new(), Vec::new(), Vec::new());
        for (place, keys) in self.parts {
            match shared.wait_for(place.host, place.index) {
                Ok(value) => {
                    answers.push((keys, value));
                    done.push(shared.number(place.host));
                }
                Err(error) => failed.push(error),
            }
        }
        if !failed.is_empty() {
            done.sort_unstable();
            done.dedup();
            return Err(Error::Partly { done, failed });
        }
        let joined = self.join.join(answers, self.keys);
        joined.map_err(|cause| Error::Odd(cause.to_string()))
    }
}

/// A promise with something to be made of it; see [`Promised::then`].
#[derive(Debug)]
#[must_use = "nothing is made before it is waited for"]
pub struct Then<P, F> {
    promise: P,
    make: F,
}

impl<P: Promised, U, F: FnOnce(P::Output) -> U> Promised for Then<P, F> {
    type Output = U;

    fn wait(self) -> Result<U, Error> {
        self.promise.wait().map(self.make)
    }
}

/// Several promises as one; see [`Promise::all`].
#[derive(Debug)]
#[must_use = "answers that nobody waits for are lost, and so are their errors"]
pub struct All<P>(Vec<P>);

impl<P: Promised> Promised for All<P> {
    type Output = Vec<P::Output>;

    fn wait(self) -> Result<Self::Output, Error> {
        self.0.into_iter().map(Promised::wait).collect()
    }
}
