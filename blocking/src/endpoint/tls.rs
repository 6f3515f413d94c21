//! What a TLS connection trusts, and shows of itself.

use std::path::PathBuf;

/// TLS for a server on TCP, and for the Sentinels that know it.
///
/// The files are in PEM. They are read whenever a connection is made, so that certificates can be
/// renewed while a program runs.
///
/// ```
/// use redis_ipc::{Endpoint, Tls};
///
/// let tls = Tls::new().ca("/etc/bus/ca.pem").server_name("bus.example");
/// let endpoint = Endpoint::tcp("10.0.0.7", 6380).with_tls(tls);
/// let text = "rediss://10.0.0.7:6380?ca=/etc/bus/ca.pem&server_name=bus.example";
/// assert_eq!(endpoint, text.parse()?);
/// assert_eq!(endpoint.to_string(), text);
/// # Ok::<(), redis_ipc::EndpointError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tls {
    pub(crate) ca: Option<PathBuf>,
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
    pub(crate) server_name: Option<String>,
}

impl Tls {
    /// Trusts the public certificate authorities that Mozilla's programs trust, and shows no
    /// certificate of its own.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts the authorities whose certificates stand in this file, and no others.
    #[must_use]
    pub fn ca(mut self, file: impl Into<PathBuf>) -> Self {
        self.ca = Some(file.into());
        self
    }

    /// Shows a certificate to a server that wants one: the file with it and with those between it
    /// and the server's authority, and the file with its key, which may be the same one. The key
    /// must not be encrypted.
    #[must_use]
    pub fn certificate(mut self, file: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.certificate = Some(file.into());
        self.key = Some(key.into());
        self
    }

    /// Expects this name, or IP address, in the server's certificate, whatever host is connected
    /// to; by default the host's.
    #[must_use]
    pub fn server_name(mut self, name: &str) -> Self {
        self.server_name = Some(name.to_owned());
        self
    }

    /// The parameters of a URL, in their order.
    pub(super) fn parameters(&self) -> impl Iterator<Item = (&'static str, String)> {
        let file = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        let all = [
            ("ca", file(&self.ca)),
            ("cert", file(&self.certificate)),
            ("key", file(&self.key)),
            ("server_name", self.server_name.clone()),
        ];
        all.into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
    }
}
