//! What a worker tells of itself.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The record of a worker, as it stands under its key for as long as the worker lives.
///
/// ```
/// use redis_ipc::bus::Record;
///
/// let text = r#"{"site": "local", "id": "a:1:b", "type": "W", "worker": "calc", "rooms": 3}"#;
/// let record: Record = serde_json::from_str(text)?;
/// assert_eq!((record.worker.as_str(), record.uptime), ("calc", 0.0));
/// assert_eq!(record.more["rooms"], 3);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Record {
    /// Where it is.
    pub site: String,
    /// Its id.
    pub id: String,
    /// The name of the class that it is made of.
    #[serde(rename = "type")]
    pub class: String,
    /// What it does: its type.
    pub worker: String,
    /// How long it has been running, in seconds. Compat: the original tells less than 0 in its
    /// first record.
    pub uptime: f64,
    /// The folder that it serves files from.
    pub path: Option<String>,
    /// Who started it.
    pub spawner: Option<String>,
    /// Its working folder.
    pub cwd: String,
    /// Under whose name it runs.
    pub username: Option<String>,
    /// The interval of its timer, in seconds.
    pub interval: f64,
    /// Its log files.
    pub logs: Vec<String>,
    /// Its files.
    pub files: Vec<String>,
    /// What else it tells.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}
