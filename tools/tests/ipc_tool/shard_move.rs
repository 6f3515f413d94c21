//! `ipc-tool shard move` with a file that it cannot write anew.

use redis_ipc_tools::farm::Farm;

use crate::support::Tool;

#[test]
fn hosts_that_are_listed_in_one_line_are_refused_before_anything_moves() {
    let farm = Farm::start(2, 1).unwrap();
    let [here, joining] = [0, 1].map(|host| farm.endpoint(host).to_string());
    let file = farm.folder().join("hosts.toml");
    let text = format!("host = [{{ id = 0, address = \"{here}\" }}]\n");
    std::fs::write(&file, &text).unwrap();
    let tool = Tool::with("IPC_TOOL_HOSTS", file.to_str().unwrap());
    let ran = tool.run(&["shard", "move", "--add", &joining]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(
        ran.stderr
            .contains("hosts.toml: each host needs a [[host]]"),
        "{}",
        ran.stderr
    );
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
}
