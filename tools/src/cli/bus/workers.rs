//! `ipc-tool bus workers`: who is there.

use argh::{ArgsInfo, FromArgs};

use super::Room;
use crate::object::{Object, visible};
use crate::problem::Problem;

/// List the workers of all sites or of one.
#[derive(Debug, FromArgs, ArgsInfo)]
#[argh(subcommand, name = "workers", help_triggers("--help", "-h"))]
pub(super) struct Workers {
    /// only workers of this type
    #[argh(option, arg_name = "type")]
    worker: Option<String>,

    /// also workers that ended without a word
    #[argh(switch)]
    stale: bool,

    /// remove the entries of those
    #[argh(switch)]
    forget_stale: bool,
}

impl Workers {
    pub(super) fn run(self, room: &Room) -> Result<(), Problem> {
        let mut client = room.client()?;
        if self.forget_stale {
            let count = client.forget_stale_workers()?;
            room.output.note(&format!("removed {count} entries"));
        }
        let site = room.settings.site.as_deref();
        for found in client.workers(site, self.worker.as_deref())? {
            if !found.is_alive() && !self.stale {
                continue;
            }
            let record = found.record.as_ref();
            // Compat: the original begins at -10 s.
            let uptime = record.map(|record| record.uptime.max(0.0));
            room.output.line(
                || {
                    let place = format!("{}/{}", found.site, found.worker_type);
                    let state = match uptime {
                        Some(uptime) => format!("up {uptime:.0} s"),
                        None => "gone".to_owned(),
                    };
                    format!("{}  {}  {state}", visible(&place), visible(&found.id))
                },
                || {
                    let record = record.and_then(|record| serde_json::to_string(record).ok());
                    Object::new()
                        .text("site", &found.site)
                        .text("type", &found.worker_type)
                        .text("id", &found.id)
                        .raw("alive", found.is_alive())
                        .raw("record", record.as_deref().unwrap_or("null"))
                        .end()
                },
            )?;
        }
        Ok(())
    }
}
