//! Texts from C and to C.

use std::ffi::{CStr, c_char};
use std::ptr::{self, NonNull};

use super::code::{Fault, RIPC_ERR_USAGE, RIPC_ERR_UTF8};

/// A text that the library lends: UTF-8, with a NUL behind its last byte, so that it can be
/// printed with %s. It may contain further NULs. Where there is no such text, data is NULL and
/// length 0. How long it stays is said where it is lent.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct ripc_text {
    /// The first byte.
    pub data: *const c_char,
    /// How many bytes, without the NUL.
    pub length: usize,
}

/// A field of settings or status.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct ripc_pair {
    /// The field's name.
    pub name: ripc_text,
    /// What it is set to.
    pub value: ripc_text,
}

impl ripc_text {
    pub(super) const ABSENT: Self = Self {
        data: ptr::null(),
        length: 0,
    };
}

/// The length that says that a text ends with a NUL: `RIPC_NUL_TERMINATED`.
const NUL_TERMINATED: usize = usize::MAX;

/// A name that must be there.
///
/// # Safety
/// `pointer` is null or leads to a text with a NUL at its end, which outlives `'c`.
pub(super) unsafe fn name<'c>(pointer: *const c_char) -> Result<&'c str, Fault> {
    // SAFETY: the same contract.
    let name = unsafe { optional_name(pointer) }?;
    name.ok_or_else(|| Fault::new(RIPC_ERR_USAGE, "a name is NULL"))
}

/// A name that may be absent.
///
/// # Safety
/// As with [`name`].
pub(super) unsafe fn optional_name<'c>(pointer: *const c_char) -> Result<Option<&'c str>, Fault> {
    if pointer.is_null() {
        return Ok(None);
    }
    // SAFETY: it is not null, so by contract there is a text with a NUL at its end.
    let text = unsafe { CStr::from_ptr(pointer) };
    utf8(text.to_bytes()).map(Some)
}

/// Names in an array.
///
/// # Safety
/// `names` is null or leads to `count` pointers, each as with [`name`].
pub(super) unsafe fn names<'c>(
    names: *const *const c_char,
    count: usize,
) -> Result<Vec<&'c str>, Fault> {
    if count == 0 {
        return Ok(Vec::new());
    }
    if names.is_null() || count > isize::MAX as usize / size_of::<*const c_char>() {
        return Err(Fault::new(RIPC_ERR_USAGE, "an array is NULL or too long"));
    }
    // SAFETY: by contract there are so many, and they fit into memory.
    let pointers = unsafe { std::slice::from_raw_parts(names, count) };
    // SAFETY: each is null or a text with a NUL at its end, by contract.
    let each = pointers.iter().map(|pointer| unsafe { name(*pointer) });
    each.collect()
}

/// A text with its length.
///
/// # Safety
/// `pointer` is null or leads to `length` bytes, or to a text with a NUL at its end if that is
/// `RIPC_NUL_TERMINATED`; they outlive `'c`.
pub(super) unsafe fn text<'c>(pointer: *const c_char, length: usize) -> Result<&'c str, Fault> {
    // SAFETY: the same contract.
    utf8(unsafe { bytes(pointer, length) }?)
}

/// As [`text`], of whatever bytes.
///
/// # Safety
/// As with [`text`].
pub(super) unsafe fn bytes<'c>(pointer: *const c_char, length: usize) -> Result<&'c [u8], Fault> {
    if pointer.is_null() {
        return Err(Fault::new(RIPC_ERR_USAGE, "a text is NULL"));
    }
    if length == NUL_TERMINATED {
        // SAFETY: it is not null, so by contract there is a text with a NUL at its end.
        return Ok(unsafe { CStr::from_ptr(pointer) }.to_bytes());
    }
    if length > isize::MAX as usize {
        return Err(Fault::new(RIPC_ERR_USAGE, "a length is negative"));
    }
    // SAFETY: it is not null, so by contract there are so many bytes, and they fit into memory.
    Ok(unsafe { std::slice::from_raw_parts(pointer.cast(), length) })
}

fn utf8(bytes: &[u8]) -> Result<&str, Fault> {
    std::str::from_utf8(bytes)
        .map_err(|error| Fault::new(RIPC_ERR_UTF8, format!("a text is not UTF-8: {error}")))
}

/// Where a result is to go.
pub(super) struct Out<T>(Option<NonNull<T>>);

impl<T> Out<T> {
    /// A place that must be there. Until it is set it holds `empty`, so that nothing stale is in it
    /// after a failure.
    ///
    /// # Safety
    /// `pointer` is null or may be written to for as long as this lives.
    pub(super) unsafe fn new(pointer: *mut T, empty: T) -> Result<Self, Fault> {
        // SAFETY: the same contract.
        match unsafe { Self::optional(pointer, empty) } {
            Self(None) => Err(Fault::new(RIPC_ERR_USAGE, "the place for a result is NULL")),
            out => Ok(out),
        }
    }

    /// A place that may be absent.
    ///
    /// # Safety
    /// As with [`new`](Self::new).
    pub(super) unsafe fn optional(pointer: *mut T, empty: T) -> Self {
        let out = Self(NonNull::new(pointer));
        out.set(empty);
        out
    }

    pub(super) fn set(&self, value: T) {
        if let Some(place) = self.0 {
            // SAFETY: it is not null, and may be written to by the contract of whoever made this.
            unsafe { place.write(value) };
        }
    }
}

/// Texts that are lent to C. They stay until the shelf is filled anew.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    bytes: Vec<u8>,
}

impl Shelf {
    pub(super) fn fill<const N: usize>(&mut self, texts: [Option<&str>; N]) -> [ripc_text; N] {
        self.fill_bytes(texts.map(|text| text.map(str::as_bytes)))
    }

    /// As [`fill`](Self::fill), of whatever bytes.
    pub(super) fn fill_bytes<const N: usize>(
        &mut self,
        texts: [Option<&[u8]>; N],
    ) -> [ripc_text; N] {
        self.make_room(texts.iter().flatten().map(|text| text.len() + 1).sum());
        texts.map(|text| text.map_or(ripc_text::ABSENT, |text| self.put(text)))
    }

    pub(super) fn fill_pairs<T: AsRef<[u8]>>(
        &mut self,
        pairs: &[(T, T)],
        lent: &mut Vec<ripc_pair>,
    ) {
        let length = |(name, value): &(T, T)| name.as_ref().len() + value.as_ref().len() + 2;
        self.make_room(pairs.iter().map(length).sum());
        lent.clear();
        lent.extend(pairs.iter().map(|(name, value)| ripc_pair {
            name: self.put(name.as_ref()),
            value: self.put(value.as_ref()),
        }));
    }

    fn make_room(&mut self, bytes: usize) {
        self.bytes.clear();
        self.bytes.reserve(bytes);
    }

    /// Room was made for it: what is on the shelf must not move.
    fn put(&mut self, text: &[u8]) -> ripc_text {
        let start = self.bytes.len();
        debug_assert!(self.bytes.capacity() - start > text.len());
        self.bytes.extend_from_slice(text);
        self.bytes.push(0);
        ripc_text {
            data: self.bytes[start..].as_ptr().cast(),
            length: text.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<'c>(lent: ripc_text) -> &'c str {
        // SAFETY: the tests read what is on a shelf that lives.
        let text = unsafe { text(lent.data, lent.length) };
        // SAFETY: there is a NUL behind it.
        let end = unsafe { lent.data.add(lent.length).read() };
        assert_eq!(end, 0);
        text.unwrap()
    }

    #[test]
    fn texts_on_a_shelf_stay_where_they_are_and_end_with_a_nul() {
        let mut shelf = Shelf::default();
        let long = "x".repeat(1000);
        let [a, absent, b, c] = shelf.fill([Some("a\0b"), None, Some(""), Some(&long)]);
        assert!(absent.data.is_null());
        assert_eq!((read(a), read(b), read(c)), ("a\0b", "", long.as_str()));
        let mut pairs = Vec::new();
        let fields = [
            ("name".to_owned(), "value".to_owned()),
            (long, String::new()),
        ];
        shelf.fill_pairs(&fields, &mut pairs);
        assert_eq!(read(pairs[0].value), "value");
        assert_eq!(read(pairs[1].name).len(), 1000);
    }

    #[test]
    fn texts_from_c_are_looked_at() {
        let code = |outcome: Result<&str, Fault>| outcome.unwrap_err().code;
        // SAFETY: null is allowed.
        assert_eq!(code(unsafe { name(ptr::null()) }), RIPC_ERR_USAGE);
        // SAFETY: the text ends with a NUL.
        assert_eq!(code(unsafe { name(c"\xff".as_ptr()) }), RIPC_ERR_UTF8);
        // SAFETY: as many bytes are there as are asked for; a negative length is refused.
        unsafe {
            assert_eq!(text(c"ab".as_ptr(), 1).unwrap(), "a");
            assert_eq!(text(c"ab".as_ptr(), NUL_TERMINATED).unwrap(), "ab");
            assert_eq!(code(text(c"ab".as_ptr(), usize::MAX - 1)), RIPC_ERR_USAGE);
        }
    }
}
