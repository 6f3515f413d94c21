//! Why two did not come to terms, and what a person can do about it.

use std::fmt;
use std::io;

use rustls::{AlertDescription, CertificateError, Error, InvalidMessage};

/// An error of TLS with its advice.
#[derive(Debug)]
struct Refusal(Error);

/// The error as one of the line.
pub(super) fn explain(error: Error) -> io::Error {
    io::Error::other(Refusal(error))
}

/// Whether an error of the line is one of TLS.
pub(super) fn is_one(error: &io::Error) -> bool {
    matches!(error.get_ref(), Some(inner) if inner.is::<Refusal>())
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TLS: {}{}", self.0, advice(&self.0))
    }
}

impl std::error::Error for Refusal {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

fn advice(error: &Error) -> &'static str {
    match error {
        Error::InvalidCertificate(error) => advice_on_certificate(error),
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "; this port speaks no TLS: redis:// is the address without it"
        }
        Error::AlertReceived(
            AlertDescription::CertificateRequired | AlertDescription::HandshakeFailure,
        ) => "; the server wants a certificate of ours (cert=FILE&key=FILE)",
        Error::AlertReceived(
            AlertDescription::UnknownCA
            | AlertDescription::BadCertificate
            | AlertDescription::CertificateUnknown
            | AlertDescription::DecryptError
            | AlertDescription::CertificateExpired,
        ) => "; the server does not accept our certificate (cert=FILE)",
        _ => "",
    }
}

fn advice_on_certificate(error: &CertificateError) -> &'static str {
    match error {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "; who signed the server's certificate is not trusted here (ca=FILE names whom to trust)"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "; the server is not who was asked for (server_name=NAME is what its certificate must say)"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "; renew the server's certificate, or set the clock here"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "; set the clock here"
        }
        _ => "",
    }
}
