//! Subscribing, while commands go on arriving.

use redis_ipc_core::topic::Topic;

use super::Component;
use super::quiet::TookIn;
use crate::connection::Deadline;
use crate::error::Error;

impl Component {
    /// Subscribes and waits until the server has confirmed it.
    pub(super) fn subscribe(&mut self, topic: &Topic<'_>) -> Result<(), Error> {
        let pattern = topic.pattern()?;
        self.before_subscribing()?;
        let (subscriptions, session) = self.line.listening();
        subscriptions.subscribe(session, pattern)?;
        self.settle()
    }

    pub(super) fn unsubscribe(&mut self, topic: &Topic<'_>) -> Result<(), Error> {
        let pattern = topic.pattern()?;
        self.before_subscribing()?;
        let (subscriptions, session) = self.line.listening();
        subscriptions.unsubscribe(session, &pattern)?;
        self.settle()
    }

    /// Behind a pop that waits, a request would wait too.
    fn before_subscribing(&mut self) -> Result<(), Error> {
        if self.line.listener.is_none() {
            self.end_pop()?;
        }
        self.connect_line()
    }

    /// Waits until all subscriptions are confirmed; what else arrives is set aside.
    fn settle(&mut self) -> Result<(), Error> {
        let deadline = Deadline::after(self.work.options().reply_limit);
        self.line.ears().flush(deadline)?;
        while !self.line.subscriptions.is_settled() {
            if self.take_in(deadline)? == TookIn::Nothing {
                return Err(self.no_reply(deadline));
            }
        }
        Ok(())
    }
}
