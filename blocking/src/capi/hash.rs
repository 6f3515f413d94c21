//! Settings and status.

use std::ffi::{c_char, c_int};
use std::ptr;

use super::code::Fault;
use super::entry::enter;
use super::handle::Handle;
use super::letter::object_of;
use super::text::{Out, name, names, optional_name, ripc_pair, ripc_text, text};
use super::token::ripc;
use crate::component::{Hash, HashKind};

impl Handle {
    /// A component, by default this one.
    pub(super) fn whose(&self, component: Option<&str>) -> String {
        component.unwrap_or(self.component.name()).to_owned()
    }

    fn hash(&mut self, kind: HashKind, component: Option<&str>) -> Result<Hash<'_>, Fault> {
        let component = self.whose(component);
        Ok(match kind {
            HashKind::Settings => self.component.settings(&component)?,
            HashKind::Status => self.component.status_of(&component)?,
        })
    }

    fn lend_field(
        &mut self,
        kind: HashKind,
        component: Option<&str>,
        field: &str,
        out: &Out<ripc_text>,
    ) -> Result<(), Fault> {
        let value: Option<String> = self.hash(kind, component)?.get(field)?;
        out.set(self.lend(value.as_deref()));
        Ok(())
    }

    fn lend_all(
        &mut self,
        kind: HashKind,
        component: Option<&str>,
        out: &Out<ripc_text>,
    ) -> Result<(), Fault> {
        let fields = self.hash(kind, component)?.pairs()?;
        out.set(self.lend(Some(&object_of(&fields))));
        Ok(())
    }

    fn lend_pairs(
        &mut self,
        kind: HashKind,
        component: Option<&str>,
        out: &Out<*const ripc_pair>,
        count: &Out<usize>,
    ) -> Result<(), Fault> {
        let fields = self.hash(kind, component)?.pairs()?;
        self.results.fill_pairs(&fields, &mut self.pairs);
        out.set(self.pairs.as_ptr());
        count.set(self.pairs.len());
        Ok(())
    }
}

/// Reads one setting of a component, of this one if that is NULL. *value is lent until the next
/// call on this handle, and absent if there is no such setting. What was written as a number or a
/// boolean reads as JSON writes it, anything nested as its JSON text.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_settings_get(
    handle: *mut ripc,
    component: *const c_char,
    field: *const c_char,
    value: *mut ripc_text,
) -> c_int {
    enter(handle, |handle| {
        // SAFETY: the caller's pointers are null or what the header asks for.
        let (out, component, field) = unsafe {
            (
                Out::new(value, ripc_text::ABSENT)?,
                optional_name(component)?,
                name(field)?,
            )
        };
        handle.lend_field(HashKind::Settings, component, field, &out)
    })
}

/// Reads all settings of a component, of this one if that is NULL, as one JSON object of texts,
/// lent until the next call on this handle; {} if there are none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_settings_all(
    handle: *mut ripc,
    component: *const c_char,
    json: *mut ripc_text,
) -> c_int {
    enter(handle, |handle| {
        // SAFETY: the caller's pointers are null or what the header asks for.
        let (out, component) = unsafe {
            (
                Out::new(json, ripc_text::ABSENT)?,
                optional_name(component)?,
            )
        };
        handle.lend_all(HashKind::Settings, component, &out)
    })
}

/// Reads all settings of a component, of this one if that is NULL, as an array of *count pairs,
/// lent until the next call on this handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_settings_pairs(
    handle: *mut ripc,
    component: *const c_char,
    pairs: *mut *const ripc_pair,
    count: *mut usize,
) -> c_int {
    enter(handle, |handle| {
        // SAFETY: the caller's pointers are null or what the header asks for.
        let (out, count, component) = unsafe {
            let out = Out::new(pairs, ptr::null())?;
            (out, Out::new(count, 0)?, optional_name(component)?)
        };
        handle.lend_pairs(HashKind::Settings, component, &out, &count)
    })
}

/// Sets one setting of a component, of this one if that is NULL, to a text of length bytes, or up
/// to its NUL if length is RIPC_NUL_TERMINATED.
///
/// RIPC_ERR_NOT_WRITER if this component is not the bus's settings_writer: see
/// ripc_config_set().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_settings_set(
    handle: *mut ripc,
    component: *const c_char,
    field: *const c_char,
    value: *const c_char,
    length: usize,
) -> c_int {
    enter(handle, |handle| {
        // SAFETY: the caller's pointers are null or what the header asks for.
        let (component, field, value) = unsafe {
            (
                optional_name(component)?,
                name(field)?,
                text(value, length)?,
            )
        };
        Ok(handle
            .hash(HashKind::Settings, component)?
            .set(field, value)?)
    })
}

/// Sets settings of a component, of this one if that is NULL, from the members of a JSON object:
/// texts as they are, everything else as it is written; null deletes. Settings that are not named
/// stay. All is done at once or, if the server refuses, not at all. Errors as with
/// ripc_settings_set(), and RIPC_ERR_JSON.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_settings_write(
    handle: *mut ripc,
    component: *const c_char,
    json: *const c_char,
    length: usize,
) -> c_int {
    enter(handle, |handle| {
        // SAFETY: the caller's pointers are null or what the header asks for.
        let (component, json) = unsafe { (optional_name(component)?, text(json, length)?) };
        let mut hash = handle.hash(HashKind::Settings, component)?;
        Ok(hash.write_text(json)?)
    })
}

/// Deletes settings of a component, of this one if that is NULL; puts into *deleted, which may be
/// NULL, how many there were. Errors as with ripc_settings_set().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_settings_delete(
    handle: *mut ripc,
    component: *const c_char,
    fields: *const *const c_char,
    count: usize,
    deleted: *mut u64,
) -> c_int {
    enter(handle, |handle| {
        // SAFETY: the caller's pointers are null or what the header asks for.
        let (out, component, fields) = unsafe {
            let out = Out::optional(deleted, 0);
            (out, optional_name(component)?, names(fields, count)?)
        };
        out.set(
            handle
                .hash(HashKind::Settings, component)?
                .delete(&fields)?,
        );
        Ok(())
    })
}

/// Deletes all settings of a component, of this one if that is NULL. Errors as with
/// ripc_settings_set().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_settings_clear(handle: *mut ripc, component: *const c_char) -> c_int {
    enter(handle, |handle| {
        // SAFETY: the caller's pointer is null or ends with a NUL.
        let component = unsafe { optional_name(component) }?;
        handle.hash(HashKind::Settings, component)?.clear()?;
        Ok(())
    })
}

/// Reads one field of a component's status, of this one's if that is NULL. As
/// ripc_settings_get().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_status_get(
    handle: *mut ripc,
    component: *const c_char,
    field: *const c_char,
    value: *mut ripc_text,
) -> c_int {
    enter(handle, |handle| {
        // SAFETY: the caller's pointers are null or what the header asks for.
        let (out, component, field) = unsafe {
            (
                Out::new(value, ripc_text::ABSENT)?,
                optional_name(component)?,
                name(field)?,
            )
        };
        handle.lend_field(HashKind::Status, component, field, &out)
    })
}

/// Reads all of a component's status. As ripc_settings_all().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_status_all(
    handle: *mut ripc,
    component: *const c_char,
    json: *mut ripc_text,
) -> c_int {
    enter(handle, |handle| {
        // SAFETY: the caller's pointers are null or what the header asks for.
        let (out, component) = unsafe {
            (
                Out::new(json, ripc_text::ABSENT)?,
                optional_name(component)?,
            )
        };
        handle.lend_all(HashKind::Status, component, &out)
    })
}

/// Reads all of a component's status. As ripc_settings_pairs().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_status_pairs(
    handle: *mut ripc,
    component: *const c_char,
    pairs: *mut *const ripc_pair,
    count: *mut usize,
) -> c_int {
    enter(handle, |handle| {
        // SAFETY: the caller's pointers are null or what the header asks for.
        let (out, count, component) = unsafe {
            let out = Out::new(pairs, ptr::null())?;
            (out, Out::new(count, 0)?, optional_name(component)?)
        };
        handle.lend_pairs(HashKind::Status, component, &out, &count)
    })
}

/// Sets one field of this component's own status, which nobody else may write. It is written
/// again by itself on a server that has forgotten it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_status_set(
    handle: *mut ripc,
    field: *const c_char,
    value: *const c_char,
    length: usize,
) -> c_int {
    enter(handle, |handle| {
        // SAFETY: the caller's pointers are null or what the header asks for.
        let (field, value) = unsafe { (name(field)?, text(value, length)?) };
        Ok(handle.hash(HashKind::Status, None)?.set(field, value)?)
    })
}

/// Sets fields of this component's own status from the members of a JSON object, as
/// ripc_settings_write() does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_status_write(
    handle: *mut ripc,
    json: *const c_char,
    length: usize,
) -> c_int {
    enter(handle, |handle| {
        // SAFETY: the caller's pointer is null or leads to such a text.
        let json = unsafe { text(json, length) }?;
        let mut hash = handle.hash(HashKind::Status, None)?;
        Ok(hash.write_text(json)?)
    })
}

/// Deletes fields of this component's own status; puts into *deleted, which may be NULL, how many
/// there were.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ripc_status_delete(
    handle: *mut ripc,
    fields: *const *const c_char,
    count: usize,
    deleted: *mut u64,
) -> c_int {
    enter(handle, |handle| {
        // SAFETY: the caller's pointers are null or what the header asks for.
        let (out, fields) = unsafe { (Out::optional(deleted, 0), names(fields, count)?) };
        out.set(handle.hash(HashKind::Status, None)?.delete(&fields)?);
        Ok(())
    })
}

/// Deletes this component's own status.
#[unsafe(no_mangle)]
pub extern "C" fn ripc_status_clear(handle: *mut ripc) -> c_int {
    enter(handle, |handle| {
        handle.hash(HashKind::Status, None)?.clear()?;
        Ok(())
    })
}
