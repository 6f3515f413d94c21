//! The settings of redis-ipc itself.

use std::ffi::{c_char, c_int};

use super::code::{Fault, RIPC_ERR_USAGE};
use super::entry::enter;
use super::text::{Out, name, ripc_text};
use super::token::ripc;

/// The hash that holds them, as a component.
const OWN: &str = "redis-ipc";

/// What holds where the hash does not say otherwise.
const DEFAULTS: [(&str, &str); 3] = [
    ("debug_verbosity", "5"),
    ("stderr_debug", "1"),
    ("settings_writer", "db"),
];

fn known(name: &str) -> Result<&'static str, Fault> {
    let found = DEFAULTS.iter().find(|(known, _)| *known == name);
    found.map(|(_, default)| *default).ok_or_else(|| {
        let text = format!(
            "{name:?} is no setting of redis-ipc: debug_verbosity, stderr_debug and \
             settings_writer are"
        );
        Fault::new(RIPC_ERR_USAGE, text)
    })
}

/// Reads one of the settings that all components of a bus go by, in the hash
/// settings.redis-ipc: "debug_verbosity" (debug messages up to this level are sent; 5),
/// "stderr_debug" (whether the original library shows them on stderr too; 1) or
/// "settings_writer" (which component may write settings, * for all; "db"). *value is lent until
/// the next call on this handle; the default where nothing is set. Asks the server.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_config_get(
    handle: *mut ripc,
    setting: *const c_char,
    value: *mut ripc_text,
) -> c_int {
    enter(handle, |handle| {
        // SAFETY: the caller's pointers are null or what the header asks for.
        let (out, setting) = unsafe { (Out::new(value, ripc_text::ABSENT)?, name(setting)?) };
        let default = known(setting)?;
        let found: Option<String> = handle.component.settings(OWN)?.get(setting)?;
        out.set(handle.lend(Some(found.as_deref().unwrap_or(default))));
        Ok(())
    })
}

/// Sets one of them, for all components of the bus: for this one at once, for the others as soon
/// as they notice. Any component may. RIPC_ERR_USAGE for a debug_verbosity or stderr_debug that
/// is no number, and a settings_writer that is no name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_config_set(
    handle: *mut ripc,
    setting: *const c_char,
    value: *const c_char,
) -> c_int {
    enter(handle, |handle| {
        // SAFETY: the caller's pointers are null or end with a NUL.
        let (setting, value) = unsafe { (name(setting)?, name(value)?) };
        known(setting)?;
        let is_writer = setting == "settings_writer";
        if is_writer && value != "*" {
            // A name that no component can have would lock everybody out.
            handle.component.settings(value)?;
        }
        if !is_writer && value.parse::<i64>().is_err() {
            let text = format!("{setting} is a number, and {value:?} is none");
            return Err(Fault::new(RIPC_ERR_USAGE, text));
        }
        Ok(handle.component.settings(OWN)?.set(setting, value)?)
    })
}

/// The debug_verbosity that this handle goes by: debug messages up to this level are sent. It is
/// read when the handle is opened, and again when it changes while ripc_next(), ripc_run() or
/// ripc_dispatch() are used. Asks nobody.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_debug_verbosity(handle: *mut ripc, level: *mut i64) -> c_int {
    enter(handle, |handle| {
        // SAFETY: the caller's pointer is null or may be written to.
        let out = unsafe { Out::new(level, 0) }?;
        out.set(handle.component.debug_verbosity());
        Ok(())
    })
}

/// Reads the settings of redis-ipc again, for a component that does not use ripc_next(),
/// ripc_run() or ripc_dispatch().
#[unsafe(no_mangle)]
pub extern "C" fn ripc_config_reload(handle: *mut ripc) -> c_int {
    enter(handle, |handle| Ok(handle.component.read_own_settings()?))
}
