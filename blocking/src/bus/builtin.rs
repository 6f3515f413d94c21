//! The commands that every worker knows.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use redis_ipc_core::dialect::redisbus::DOWNLOAD_CHUNK;
use serde_json::{Value, json};

use super::base64;
use super::files;
use super::request::Request;
use super::zip::Zip;
use crate::component::Failure;
use crate::error::Error;

const NAMES: [&str; 6] = [
    "download",
    "download_dir",
    "info",
    "ping",
    "stop",
    "update_spawner",
];

/// Serves a command, if it is one of these. `commands` are the worker's own.
pub(super) fn serve<T>(
    request: &mut Request<'_>,
    commands: &BTreeMap<String, T>,
) -> Option<Result<(), Error>> {
    Some(match request.command() {
        "ping" => ping(request),
        "info" => info(request, commands),
        "stop" => {
            request.desk().stop();
            request.reply(&())
        }
        "update_spawner" => update_spawner(request),
        "download" => download(request, send_file),
        "download_dir" => download(request, send_archive),
        _ => return None,
    })
}

fn ping(request: &mut Request<'_>) -> Result<(), Error> {
    let data = request.data_text().to_owned();
    request.reply_text(&data)
}

fn info<T>(request: &mut Request<'_>, commands: &BTreeMap<String, T>) -> Result<(), Error> {
    let desk = request.desk();
    desk.record.uptime = desk.uptime();
    let mut info = match serde_json::to_value(&desk.record) {
        Ok(Value::Object(info)) => info,
        _ => serde_json::Map::new(),
    };
    let own = commands.keys().map(String::as_str);
    let mut names: Vec<&str> = own.chain(NAMES).collect();
    names.sort_unstable();
    names.dedup();
    info.insert("commands".to_owned(), json!(names));
    info.insert("success".to_owned(), json!(true));
    request.reply(&info)
}

fn update_spawner(request: &mut Request<'_>) -> Result<(), Error> {
    let spawner = match request.data::<Option<String>>() {
        Ok(spawner) => spawner,
        Err(failure) => return request.fail(&failure),
    };
    let desk = request.desk();
    desk.record.spawner = spawner;
    match desk.register() {
        Ok(()) => request.reply(&()),
        Err(error) => request.fail(&Failure::new("failed", error.to_string())),
    }
}

fn download(
    request: &mut Request<'_>,
    send: fn(&mut Request<'_>, &str) -> io::Result<()>,
) -> Result<(), Error> {
    if !request.desk().downloads {
        let text = "this worker does not allow downloads";
        return request.fail(&Failure::new("failed", text));
    }
    let path: String = match request.data() {
        Ok(path) => path,
        Err(failure) => return request.fail(&failure),
    };
    match send(request, &path) {
        Ok(()) => request.end(),
        Err(error) => {
            let text = format!("{path:?} cannot be downloaded: {error}");
            request.fail(&Failure::new("failed", text))
        }
    }
}

fn send_file(request: &mut Request<'_>, path: &str) -> io::Result<()> {
    let mut file = files::open_file(&request.desk().path, path)?;
    let mut chunks = Chunks::new(request);
    let mut block = vec![0; 16 * DOWNLOAD_CHUNK];
    loop {
        match file.read(&mut block)? {
            0 => return chunks.finish(),
            count => chunks.write_all(&block[..count])?,
        }
    }
}

fn send_archive(request: &mut Request<'_>, path: &str) -> io::Result<()> {
    let root = request.desk().path.clone();
    let mut zip = Zip::new(Chunks::new(request));
    files::walk(&root, path, &mut |name, file| zip.add(name, file))?;
    zip.finish()?.finish()
}

/// Sends what is written in pieces of [`DOWNLOAD_CHUNK`] bytes, as base64.
struct Chunks<'c, 'r> {
    request: &'c mut Request<'r>,
    chunk: Vec<u8>,
    text: String,
}

impl<'c, 'r> Chunks<'c, 'r> {
    fn new(request: &'c mut Request<'r>) -> Self {
        Self {
            request,
            chunk: Vec::with_capacity(DOWNLOAD_CHUNK),
            text: String::new(),
        }
    }

    fn send(&mut self) -> io::Result<()> {
        if self.request.desk().stop_requested() {
            return Err(io::Error::other("the worker ends"));
        }
        self.text.clear();
        base64::encode(&self.chunk, &mut self.text);
        self.chunk.clear();
        self.request
            .send(&self.text)
            .map_err(|failure| io::Error::other(failure.message().to_owned()))
    }

    fn finish(mut self) -> io::Result<()> {
        if !self.chunk.is_empty() {
            return self.send();
        }
        // An empty file is a stream without elements.
        self.request.stream();
        Ok(())
    }
}

impl Write for Chunks<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = DOWNLOAD_CHUNK - self.chunk.len();
        let taken = bytes.get(..room).unwrap_or(bytes);
        self.chunk.extend_from_slice(taken);
        if self.chunk.len() == DOWNLOAD_CHUNK {
            self.send()?;
        }
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
