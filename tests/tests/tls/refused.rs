//! Who is not who he should be, and what is said of it.

use std::path::Path;
use std::time::{Duration, Instant};

use redis_ipc::{Connection, Endpoint, Error, Options, Outcome, Tls};
use redis_ipc_tests::server::Server;
use redis_ipc_tests::tls::{Authority, Valid};

use super::{server, trusting};

#[track_caller]
fn refused(endpoint: &Endpoint, words: &[&str]) {
    let limit = Duration::from_secs(10);
    let options = Options::default().connect_limit(limit);
    let error = Connection::open_with(endpoint, options).unwrap_err();
    let text = error.to_string();
    for word in words {
        assert!(text.contains(word), "{word:?} is not in: {text}");
    }
    assert!(matches!(error, Error::Connect { .. }), "{error:?}");
    assert_eq!(error.outcome(), Outcome::NotSent);
}

#[test]
fn a_server_of_an_unknown_authority_is_refused() {
    let (server, _authority, endpoint) = server();
    let stranger = Authority::new();
    refused(&trusting(&server, &stranger), &["TLS", "ca=FILE"]);
    // The public authorities did not sign it either.
    let public = Endpoint::tcp("localhost", server.port()).with_tls(Tls::new());
    refused(&public, &["UnknownIssuer", "ca=FILE"]);
    Connection::open(&endpoint).unwrap();
}

#[test]
fn a_server_of_another_name_is_refused_unless_that_name_is_asked_for() {
    let authority = Authority::new();
    let server = Server::setup().tls(&authority.issue(&["bus.example"]));
    let server = server.start();
    refused(
        &trusting(&server, &authority),
        &["bus.example", "server_name=NAME"],
    );
    let tls = Tls::new().ca(authority.ca());
    let place = || Endpoint::tcp("127.0.0.1", server.port());
    refused(&place().with_tls(tls.clone()), &["server_name=NAME"]);
    let named = place().with_tls(tls.clone().server_name("bus.example"));
    Connection::open(&named).unwrap().ping().unwrap();
    let odd = place().with_tls(tls.server_name("no name"));
    refused(&odd, &["\"no name\"", "no name that"]);
}

#[test]
fn a_certificate_outside_its_time_is_refused() {
    let authority = Authority::new();
    for (valid, word) in [(Valid::Before, "renew"), (Valid::Later, "clock")] {
        let identity = authority.issue_for(&["localhost"], valid);
        let server = Server::setup().tls(&identity).start();
        refused(&trusting(&server, &authority), &["certificate", word]);
    }
}

#[test]
fn a_renewed_certificate_is_taken_without_a_new_endpoint() {
    let (server, authority, _) = server();
    let stranger = Authority::new();
    let folder = redis_ipc_tests::folder::Folder::new();
    let file = folder.join("ca.pem");
    std::fs::copy(stranger.ca(), &file).unwrap();
    let tls = Tls::new().ca(&file);
    let endpoint = Endpoint::tcp("localhost", server.port()).with_tls(tls);
    let mut connection = Connection::lazy(&endpoint, Options::default());
    assert!(matches!(connection.ping(), Err(Error::Connect { .. })));
    std::fs::copy(authority.ca(), &file).unwrap();
    connection.ping().unwrap();
}

#[test]
fn a_server_that_wants_a_certificate_gets_the_right_one_or_says_so() {
    let authority = Authority::new();
    let server = Server::setup()
        .tls(&authority.issue(&["localhost"]))
        .config("tls-auth-clients yes")
        .start();
    refused(&trusting(&server, &authority), &["TLS", "cert=FILE"]);
    let stranger = Authority::new().issue(&["panel"]);
    let with = |certificate: &Path, key: &Path| {
        let tls = Tls::new().ca(authority.ca()).certificate(certificate, key);
        Endpoint::tcp("localhost", server.port()).with_tls(tls)
    };
    // Its files are gone with its authority.
    let gone = with(&stranger.certificate, &stranger.key);
    refused(&gone, &["cannot read", "No such file"]);
    let other = Authority::new();
    let foreign = other.issue(&["panel"]);
    let foreign = with(&foreign.certificate, &foreign.key);
    refused(&foreign, &["TLS", "our certificate"]);
    let panel = authority.issue(&["panel"]);
    let known = with(&panel.certificate, &panel.key);
    Connection::open(&known).unwrap().ping().unwrap();
    let mixed = authority.issue(&["mixed"]);
    refused(&with(&panel.certificate, &mixed.key), &["TLS"]);
}

#[test]
fn files_that_hold_something_else_are_named() {
    let (server, authority, _) = server();
    let folder = redis_ipc_tests::folder::Folder::new();
    let file = folder.join("file");
    let path = file.to_str().unwrap();
    let place = || Endpoint::tcp("localhost", server.port());
    for content in ["", "text", "-----BEGIN CERTIFICATE-----\n"] {
        std::fs::write(&file, content).unwrap();
        refused(
            &place().with_tls(Tls::new().ca(&file)),
            &["cannot read a certificate", path],
        );
    }
    let identity = authority.issue(&["panel"]);
    let tls = Tls::new().ca(authority.ca());
    let tls = tls.certificate(&identity.certificate, &identity.certificate);
    refused(&place().with_tls(tls), &["cannot read a private key"]);
}

#[test]
fn a_port_without_tls_is_found_out_in_time() {
    let authority = Authority::new();
    let server = Server::setup().tcp().start();
    let limit = Duration::from_millis(300);
    // The greeting is random bytes to such a server: what it says depends on whether a line ends
    // among them.
    for _ in 0..10 {
        let begin = Instant::now();
        let options = Options::default().connect_limit(limit);
        let error = Connection::open_with(&trusting(&server, &authority), options).unwrap_err();
        assert!(begin.elapsed() < Duration::from_secs(3));
        let text = error.to_string();
        assert!(text.contains("TLS"), "{text}");
        assert_eq!(error.outcome(), Outcome::NotSent);
    }
}

#[test]
fn a_port_with_tls_is_no_server_for_one_without() {
    let (server, _authority, _) = server();
    let endpoint = Endpoint::tcp("localhost", server.port());
    refused(&endpoint, &["rediss"]);
}
