//! What the head of a value says about the rest of it, judged by the bytes alone.

use super::decimal::{self, Parsed};
use super::{Limits, MAX_HEADER, ProtocolError};

/// The head of a value, checked. `taken` are the bytes it takes.
pub(super) enum Head {
    /// More bytes are needed to tell.
    Short,
    /// All of the value.
    Value { taken: usize },
    /// The beginning of a bulk of which `missing` bytes and a line end must follow.
    Body { taken: usize, missing: u64 },
    /// The beginning of a `+`, `-` or `(` line of which `passed` bytes of text were taken.
    Line {
        taken: usize,
        passed: usize,
        digits: bool,
    },
    /// The header of an aggregate.
    Aggregate { taken: usize, elements: u32 },
    /// The header of an attribute, which stands before a value and is none itself.
    Attribute { taken: usize, elements: u32 },
}

impl Head {
    /// Reads the head that `bytes` begin with. What is wrong is wrong however many bytes follow.
    #[inline]
    pub(super) fn read(bytes: &[u8], limits: Limits) -> Result<Self, ProtocolError> {
        let Some((&kind, text)) = bytes.split_first() else {
            return Ok(Self::Short);
        };
        match kind {
            b'$' | b'!' | b'=' => Self::bulk(kind, text, limits.bulk_bytes),
            b'*' | b'~' | b'>' | b'%' | b'|' => Self::aggregate(kind, text, limits.elements),
            b'+' | b'-' => Ok(Self::Line {
                taken: 1,
                passed: 0,
                digits: false,
            }),
            b'(' => Self::big_number(text),
            b':' => match decimal::integer(text) {
                Parsed::Whole(_, taken) => Ok(Self::Value { taken: 1 + taken }),
                Parsed::Short => Ok(Self::Short),
                Parsed::Wrong => Err(ProtocolError::BadValue(kind)),
            },
            b'_' | b'#' | b',' => Self::word(kind, bytes),
            other => Err(ProtocolError::UnknownType(other)),
        }
    }

    fn bulk(kind: u8, text: &[u8], limit: u64) -> Result<Self, ProtocolError> {
        let (length, taken) = match decimal::length(text) {
            Parsed::Whole(Some(length), taken) => (length, 1 + taken),
            Parsed::Whole(None, taken) if kind == b'$' => {
                return Ok(Self::Value { taken: 1 + taken });
            }
            Parsed::Short => return Ok(Self::Short),
            Parsed::Whole(None, _) | Parsed::Wrong => return Err(ProtocolError::BadLength(kind)),
        };
        if length > limit {
            let bytes = length;
            return Err(ProtocolError::BulkTooLong { bytes, limit });
        }
        if kind == b'=' {
            return Self::verbatim(text, taken, length);
        }
        let missing = length;
        Ok(Self::Body { taken, missing })
    }

    /// A verbatim text begins with three bytes that name its format, and a colon.
    fn verbatim(text: &[u8], taken: usize, length: u64) -> Result<Self, ProtocolError> {
        let Some(missing) = length.checked_sub(4) else {
            return Err(ProtocolError::BadLength(b'='));
        };
        // The type byte is not part of the text, so the body begins one byte earlier in it.
        match text.get(taken - 1 + 3) {
            Some(b':') => Ok(Self::Body {
                taken: taken + 4,
                missing,
            }),
            Some(_) => Err(ProtocolError::BadValue(b'=')),
            None => Ok(Self::Short),
        }
    }

    fn aggregate(kind: u8, text: &[u8], limit: u32) -> Result<Self, ProtocolError> {
        let (count, taken) = match decimal::length(text) {
            Parsed::Whole(Some(count), taken) => (count, 1 + taken),
            Parsed::Whole(None, taken) if kind == b'*' => {
                return Ok(Self::Value { taken: 1 + taken });
            }
            Parsed::Short => return Ok(Self::Short),
            Parsed::Whole(None, _) | Parsed::Wrong => return Err(ProtocolError::BadLength(kind)),
        };
        let paired = matches!(kind, b'%' | b'|');
        let elements = if paired {
            count.saturating_mul(2)
        } else {
            count
        };
        match u32::try_from(elements) {
            Ok(elements) if elements <= limit && kind == b'|' => {
                Ok(Self::Attribute { taken, elements })
            }
            Ok(elements) if elements <= limit => Ok(Self::Aggregate { taken, elements }),
            _ => Err(ProtocolError::TooManyElements { elements, limit }),
        }
    }

    /// The sign and the first digit of a big number; the others pass as a line.
    fn big_number(text: &[u8]) -> Result<Self, ProtocolError> {
        let sign = usize::from(matches!(text.first(), Some(b'-' | b'+')));
        let passed = sign + 1;
        match text.get(sign) {
            Some(b'0'..=b'9') => Ok(Self::Line {
                taken: 1 + passed,
                passed,
                digits: true,
            }),
            Some(_) => Err(ProtocolError::BadValue(b'(')),
            None => Ok(Self::Short),
        }
    }

    /// A value that is a short line and judged as a whole.
    fn word(kind: u8, bytes: &[u8]) -> Result<Self, ProtocolError> {
        let line = bytes.get(..MAX_HEADER).unwrap_or(bytes);
        let Some(end) = line.windows(2).position(|pair| pair == b"\r\n") else {
            let full = line.len() == MAX_HEADER;
            return if full {
                Err(ProtocolError::LineTooLong)
            } else {
                Ok(Self::Short)
            };
        };
        let valid = match line.get(..end).unwrap_or_default() {
            b"_" | b"#t" | b"#f" => true,
            [b',', number @ ..] => decimal::is_double(number),
            _ => false,
        };
        if !valid {
            return Err(ProtocolError::BadValue(kind));
        }
        Ok(Self::Value { taken: end + 2 })
    }
}
