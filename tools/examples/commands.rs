//! Writes the table of commands that a server tells of: `cargo run -p redis-ipc-tools --example
//! commands -- SOCKET > tools/src/router/commands/commands.txt`.

use redis_ipc::Connection;
use redis_ipc_tools::router::commands::Table;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args()
        .nth(1)
        .ok_or("the server's address is missing")?;
    let mut server = Connection::open(&address.parse()?)?;
    let table = Table::from_server(&mut server)?;
    let version = server.server().version();
    println!("# The commands of redis-server {version}; written by the example `commands`.");
    print!("{table}");
    Ok(())
}
