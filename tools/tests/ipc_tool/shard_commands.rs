//! `ipc-tool shard serve` with commands that its hosts know and the tool does not: those of a module.

use std::path::{Path, PathBuf};
use std::process::Command;

use redis_ipc_tests::client::Client;
use redis_ipc_tests::folder::Folder;
use redis_ipc_tests::server::Server;
use redis_ipc_tests::value::Value;
use redis_ipc_tools::farm::Farm;

use crate::support::{Tool, wait_until};

/// A module whose command SHELF.GET says which key it was given. It finds the server's functions by
/// their names, through what stands first in its context.
const MODULE: &str = r#"
typedef int (*command)(void *context, void **words, int count);
static int (*reply)(void *context, void *text);
static int get(void *context, void **words, int count)
{
    return count == 2 ? reply(context, words[1]) : 1;
}
int RedisModule_OnLoad(void *context)
{
    int (*find)(const char *name, void *function) = *(int (**)(const char *, void *))context;
    void (*introduce)(void *context, const char *name, int version, int interface);
    int (*create)(void *, const char *name, command, const char *flags, int first, int last, int step);
    find("RedisModule_SetModuleAttribs", &introduce);
    find("RedisModule_CreateCommand", &create);
    find("RedisModule_ReplyWithString", &reply);
    introduce(context, "shelf", 1, 1);
    return create(context, "shelf.get", get, "readonly", 1, 1, 1);
}
"#;

/// The path of the module, once it is built.
fn module(folder: &Folder) -> PathBuf {
    let (source, module) = (folder.join("shelf.c"), folder.join("shelf.so"));
    std::fs::write(&source, MODULE).unwrap();
    let mut compiler = Command::new("cc");
    let compiler = compiler
        .args(["-shared", "-fPIC", "-o"])
        .args([&module, &source]);
    let built = compiler.output().expect("a C compiler, cc");
    assert!(built.status.success(), "{built:?}");
    module
}

/// The tool with a file in that folder that lists hosts.
fn tool(folder: &Folder, hosts: &[&Path]) -> Tool {
    let file = folder.join("hosts.toml");
    let host = |(id, socket): (usize, &&Path)| {
        let address = socket.display();
        format!("[[host]]\nid = {id}\naddress = \"{address}\"\n")
    };
    let hosts: String = hosts.iter().enumerate().map(host).collect();
    std::fs::write(&file, format!("reply_limit_s = 600\n{hosts}")).unwrap();
    Tool::with("IPC_TOOL_HOSTS", file.to_str().unwrap())
}

/// A key of the first of two hosts.
const KEY: &str = "key 4";

#[test]
fn a_router_knows_what_the_modules_of_its_hosts_can_also_while_another_host_is_silent() {
    let folder = Folder::new();
    let line = format!("loadmodule {}", module(&folder).display());
    let server = Server::setup().config(&line).start();
    let silent = Farm::start(1, 1).unwrap();
    silent.pause(0);
    let tool = tool(&folder, &[&server.socket(), &silent.socket(0)]);
    let socket = folder.join("router");
    let words = ["shard", "serve", "--listen", socket.to_str().unwrap()];
    let router = tool.start_ready(&words);
    wait_until(|| {
        let mut client = Client::connect(&socket).unwrap();
        client.command(&["SHELF.GET", KEY]) == KEY
    });
    router.signal("INT");
    assert_eq!(router.end().code, 0);
}

#[test]
fn a_router_that_runs_learns_what_a_host_can_by_now_when_a_client_asks_for_it() {
    let folder = Folder::new();
    let module = module(&folder);
    let server = Server::setup()
        .config("enable-module-command local")
        .start();
    let other = Server::start();
    let tool = tool(&folder, &[&server.socket(), &other.socket()]);
    let socket = folder.join("router");
    let words = ["shard", "serve", "--listen", socket.to_str().unwrap()];
    let router = tool.start_ready(&words);
    let mut client = Client::connect(&socket).unwrap();
    let unknown = client.command(&["SHELF.GET", KEY]);
    assert!(unknown.text().contains("is not known"), "{unknown:?}");
    assert_eq!(
        server.cli(&["MODULE", "LOAD", module.to_str().unwrap()]),
        "OK"
    );
    wait_until(|| {
        let mut client = Client::connect(&socket).unwrap();
        client.command(&["MULTI"]);
        let known = client.command(&["SHELF.GET", KEY]) == "QUEUED";
        known && client.command(&["EXEC"]).texts() == [KEY]
    });
    // The other host's own word.
    let lacks = (0..)
        .map(|n| format!("key {n}"))
        .map(|key| client.command(&["SHELF.GET", &key]));
    let lacks = lacks
        .take(100)
        .find(Value::is_error)
        .expect("a key of the other host");
    assert!(lacks.text().contains("unknown command"), "{lacks:?}");
    router.signal("INT");
    assert_eq!(router.end().code, 0);
}
