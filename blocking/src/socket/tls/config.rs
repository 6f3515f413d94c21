//! From an endpoint's files to a session that can begin.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use super::refusal;
use crate::endpoint::Tls;

/// A session with `host` that nothing was said in yet.
pub(super) fn client(tls: &Tls, host: &str) -> io::Result<ClientConnection> {
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(refusal::explain)?
        .with_root_certificates(authorities(tls.ca.as_deref())?);
    let config = match (&tls.certificate, &tls.key) {
        (Some(chain), Some(key)) => {
            let (chain, key) = (certificates(chain)?, private_key(key)?);
            config.with_client_auth_cert(chain, key)
        }
        _ => Ok(config.with_no_client_auth()),
    };
    let config = Arc::new(config.map_err(refusal::explain)?);
    let name = tls.server_name.as_deref().unwrap_or(host);
    let name = ServerName::try_from(name.to_owned()).map_err(|_| {
        let text = format!("{name:?} is no name that a server's certificate can bear");
        io::Error::other(text)
    })?;
    ClientConnection::new(config, name).map_err(refusal::explain)
}

fn authorities(file: Option<&Path>) -> io::Result<RootCertStore> {
    let Some(file) = file else {
        let roots = webpki_roots::TLS_SERVER_ROOTS.iter().cloned();
        return Ok(roots.collect());
    };
    let mut store = RootCertStore::empty();
    for certificate in certificates(file)? {
        store.add(certificate).map_err(refusal::explain)?;
    }
    Ok(store)
}

fn certificates(file: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let unreadable = |error| unreadable("a certificate", file, &error);
    let read = CertificateDer::pem_file_iter(file).map_err(unreadable)?;
    let read = read.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    if read.is_empty() {
        return Err(unreadable(pem::Error::NoItemsFound));
    }
    Ok(read)
}

fn private_key(file: &Path) -> io::Result<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_file(file).map_err(|error| unreadable("a private key", file, &error))
}

/// Nobody is to think that it is the server that is missing.
fn unreadable(what: &str, file: &Path, error: &pem::Error) -> io::Error {
    let why = match error {
        pem::Error::Io(error) => error.to_string(),
        pem::Error::NoItemsFound => "there is none in it, in PEM".to_owned(),
        error => error.to_string(),
    };
    io::Error::other(format!("cannot read {what} from {}: {why}", file.display()))
}
