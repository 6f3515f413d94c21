//! An authority of a test's own, and the certificates that it issues.

use crate::folder::Folder;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use std::path::PathBuf;

/// Who signs certificates. Its files are removed with it.
#[derive(Debug)]
pub struct Authority {
    folder: Folder,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// When a certificate is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Valid {
    /// At any time that a test is run at.
    Now,
    /// Not any longer.
    Before,
    /// Not yet.
    Later,
}

/// A certificate and its key, as files.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The certificate.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The certificate of whom it is issued by.
    pub ca: PathBuf,
}

impl Authority {
    /// A fresh one, whom nobody else trusts.
    ///
    /// # Panics
    /// If its files cannot be written.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it touches the disk")]
    pub fn new() -> Self {
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let folder = Folder::new();
        // Of one name for two, certificates would be taken for forged rather than strange.
        let name = &mut parameters.distinguished_name;
        name.push(DnType::CommonName, folder.path().display().to_string());
        let key = KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::self_signed(parameters, key).expect("a certificate");
        std::fs::write(folder.join("ca.pem"), issuer.pem()).expect("a folder to write to");
        Self { folder, issuer }
    }

    /// The file with its certificate.
    #[must_use]
    pub fn ca(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// Issues a certificate that is good now for these host names or IP addresses.
    ///
    /// # Panics
    /// As [`Authority::issue_for`] does.
    #[must_use]
    pub fn issue(&self, names: &[&str]) -> Identity {
        self.issue_for(names, Valid::Now)
    }

    /// Issues a certificate.
    ///
    /// # Panics
    /// If its files cannot be written.
    #[must_use]
    pub fn issue_for(&self, names: &[&str], valid: Valid) -> Identity {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let file = format!("{}-{valid:?}", names.join("-"));
        let mut parameters = CertificateParams::new(names).expect("names");
        match valid {
            Valid::Now => {}
            Valid::Before => parameters.not_after = date_time_ymd(2001, 1, 1),
            Valid::Later => parameters.not_before = date_time_ymd(3001, 1, 1),
        }
        let key = KeyPair::generate().expect("a key");
        let certificate = parameters.signed_by(&key, &self.issuer);
        let identity = Identity {
            certificate: self.folder.join(&format!("{file}.pem")),
            key: self.folder.join(&format!("{file}.key")),
            ca: self.ca(),
        };
        let certificate = certificate.expect("a certificate").pem();
        std::fs::write(&identity.certificate, certificate).expect("a folder to write to");
        std::fs::write(&identity.key, key.serialize_pem()).expect("a folder to write to");
        identity
    }
}

impl Identity {
    /// What a redis-server is to be told to show it, and to trust its issuer. Clients need none.
    #[must_use]
    pub fn configuration(&self) -> Vec<String> {
        vec![
            format!("tls-cert-file \"{}\"", self.certificate.display()),
            format!("tls-key-file \"{}\"", self.key.display()),
            format!("tls-ca-cert-file \"{}\"", self.ca.display()),
            "tls-auth-clients optional".to_owned(),
        ]
    }
}
