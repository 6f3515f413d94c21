//! Hosts that are not what the router takes them for: nothing is done on the wrong one.

use redis_ipc_tests::value::Value;
use redis_ipc_tools::farm::Farm;
use redis_ipc_tools::router::{Cluster, Host, Placement};

use super::Router;

#[test]
fn behind_a_greeting_that_is_refused_nothing_is_executed() {
    let farm = Farm::start(2, 1).unwrap();
    let wrong_database = farm.endpoint(0).with_database(99);
    let wrong_password = farm.endpoint(1).with_password(None, "wrong");
    let hosts = [Host::new(0, wrong_database), Host::new(1, wrong_password)];
    let cluster = Cluster::new(hosts, Placement::Partition).unwrap();
    let router = Router::over(farm, cluster);
    let keys = router.keys();
    for protocol in ["2", "3"] {
        let mut client = router.client();
        client.command(&["HELLO", protocol]);
        for (host, key) in keys.iter().enumerate() {
            client.send(&["SET", key, "1"]);
            client.send(&["BLPOP", key, "0"]);
            client.send(&["SET", key, "2"]);
            for _ in 0..3 {
                let reply = client.receive();
                let named = format!("CLUSTERDOWN host {host} (unix://");
                assert!(reply.text().starts_with(&named), "{reply:?}");
                assert!(reply.text().contains("refuses us"), "{reply:?}");
                assert!(reply.text().contains("was not sent"), "{reply:?}");
            }
        }
    }
    for server in 0..2 {
        let socket = router.farm.socket(server);
        let mut direct = redis_ipc_tests::client::Client::connect(&socket).unwrap();
        assert_eq!(direct.command(&["KEYS", "*"]), Value::Array(Vec::new()));
    }
}
