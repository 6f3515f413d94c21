//! One frame: its fields, and the bytes that they are between the code and the closing zero.

use super::crc::crc32;
use crate::bytes;

/// Bytes before the payload, from `kind` to `room`.
pub(super) const HEADER: usize = 15;

/// Bytes behind the payload.
pub(super) const CHECKSUM: usize = 4;

/// What a frame is for; the upper half byte is the version of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A board asks for a session.
    Open = 0x11,
    /// A gateway offers one.
    Accept = 0x12,
    /// Bytes of the stream, or none; wants an acknowledgement.
    Data = 0x13,
    /// Wants none.
    Acknowledgement = 0x14,
    /// A gateway knows of no such session, or knows that it is over.
    Close = 0x15,
}

/// What stands before the payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) kind: Kind,
    pub(super) session: u32,
    pub(super) at: u32,
    pub(super) acknowledged: u32,
    pub(super) room: u16,
}

impl Kind {
    const fn parse(byte: u8) -> Option<Self> {
        match byte {
            0x11 => Some(Self::Open),
            0x12 => Some(Self::Accept),
            0x13 => Some(Self::Data),
            0x14 => Some(Self::Acknowledgement),
            0x15 => Some(Self::Close),
            _ => None,
        }
    }
}

impl Head {
    /// The bytes of the header.
    pub(super) fn emit(&self) -> [u8; HEADER] {
        let mut header = [0; HEADER];
        let mut rest = &mut header[..];
        for field in [
            &[self.kind as u8][..],
            &self.session.to_le_bytes(),
            &self.at.to_le_bytes(),
            &self.acknowledged.to_le_bytes(),
            &self.room.to_le_bytes(),
        ] {
            bytes::copy(rest, field);
            rest = rest.get_mut(field.len()..).unwrap_or_default();
        }
        header
    }

    /// A frame's fields and its payload, of the bytes between code and closing zero; `None` if
    /// they are too few or damaged, or of no kind that is known.
    pub(super) fn parse(frame: &[u8]) -> Option<(Self, &[u8])> {
        let (summed, sum) = frame.split_last_chunk()?;
        if crc32(summed) != u32::from_le_bytes(*sum) {
            return None;
        }
        let (kind, rest) = summed.split_first()?;
        let (session, rest) = rest.split_first_chunk()?;
        let (at, rest) = rest.split_first_chunk()?;
        let (acknowledged, rest) = rest.split_first_chunk()?;
        let (room, payload) = rest.split_first_chunk()?;
        let head = Self {
            kind: Kind::parse(*kind)?,
            session: u32::from_le_bytes(*session),
            at: u32::from_le_bytes(*at),
            acknowledged: u32::from_le_bytes(*acknowledged),
            room: u16::from_le_bytes(*room),
        };
        Some((head, payload))
    }
}
