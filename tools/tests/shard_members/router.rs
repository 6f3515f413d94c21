//! A router on a thread of this process.

use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use redis_ipc::{Endpoint, Stop};
use redis_ipc_tests::client::Client;
use redis_ipc_tools::router::{Cluster, Server};

/// Ends with this value.
pub(crate) struct Router {
    socket: PathBuf,
    stop: Stop,
    thread: Option<JoinHandle<()>>,
}

impl Router {
    pub(crate) fn start(cluster: &Cluster, folder: &Path) -> Self {
        Self::following(cluster, folder, || None)
    }

    /// One that is told of other hosts.
    pub(crate) fn following(
        cluster: &Cluster,
        folder: &Path,
        news: impl FnMut() -> Option<Cluster> + Send + 'static,
    ) -> Self {
        let socket = folder.join("router");
        let stop = Stop::new();
        let mut server = Server::bind(cluster, &[Endpoint::unix(&socket).unwrap()]).unwrap();
        let until = stop.clone();
        let serve = move || server.run_following(&until, news).unwrap();
        let thread = Some(std::thread::spawn(serve));
        Self {
            socket,
            stop,
            thread,
        }
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint::unix(&self.socket).unwrap()
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(&self.socket).unwrap()
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        self.stop.request();
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(std::thread::panicking() || ended.is_ok());
        }
    }
}
