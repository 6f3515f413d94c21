//! A serial line between two programs that loses, repeats and flips bytes.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::folder::Folder;

/// A line with a socket at each end. Whoever connects to one is at that end, in the place of who was
/// there before; what is said while nobody is at the other end is gone, as on a wire.
///
/// Which bytes are spoilt is decided by a generator that gives the same numbers in every run.
#[derive(Debug)]
pub struct Noise {
    folder: Folder,
    /// One byte in so many is spoilt; 0 for none.
    rarity: Arc<AtomicU64>,
    spoilt: Arc<AtomicUsize>,
}

/// Who is at an end.
type End = Arc<Mutex<Option<UnixStream>>>;

impl Noise {
    /// A line that spoils one byte in `rarity`, or none if that is 0.
    ///
    /// # Panics
    /// If there can be no sockets.
    #[must_use]
    pub fn start(seed: u64, rarity: u64) -> Self {
        let folder = Folder::new();
        let rarity = Arc::new(AtomicU64::new(rarity));
        let spoilt = Arc::new(AtomicUsize::new(0));
        let ends: [End; 2] = [Arc::default(), Arc::default()];
        for (index, name) in ["board", "host"].into_iter().enumerate() {
            let listener = UnixListener::bind(folder.join(name)).expect("a socket");
            let spoiler = Spoiler {
                random: Mutex::new(seed * 2 + index as u64 + 1),
                rarity: Arc::clone(&rarity),
                spoilt: Arc::clone(&spoilt),
            };
            let (here, there) = (Arc::clone(&ends[index]), Arc::clone(&ends[1 - index]));
            std::thread::spawn(move || {
                let spoiler = Arc::new(spoiler);
                for stream in listener.incoming().map_while(Result::ok) {
                    let copy = stream.try_clone().expect("a descriptor");
                    *here.lock().expect("no panic") = Some(copy);
                    let (there, spoiler) = (Arc::clone(&there), Arc::clone(&spoiler));
                    std::thread::spawn(move || pass(stream, &there, &spoiler));
                }
            });
        }
        Self {
            folder,
            rarity,
            spoilt,
        }
    }

    /// The socket of the board's end.
    #[must_use]
    pub fn board(&self) -> PathBuf {
        self.folder.join("board")
    }

    /// The socket of the host's end.
    #[must_use]
    pub fn host(&self) -> PathBuf {
        self.folder.join("host")
    }

    /// Spoils one byte in `rarity` from now on, or none if that is 0.
    pub fn spoil(&self, rarity: u64) {
        self.rarity.store(rarity, Ordering::Relaxed);
    }

    /// How many bytes were spoilt.
    #[must_use]
    pub fn spoilt(&self) -> usize {
        self.spoilt.load(Ordering::Relaxed)
    }
}

/// Passes on what comes until that end.
fn pass(mut from: UnixStream, to: &End, spoiler: &Spoiler) {
    let mut room = [0; 256];
    while let Ok(count @ 1..) = from.read(&mut room) {
        let bytes = spoiler.arrived(&room[..count]);
        if let Some(to) = &mut *to.lock().expect("no panic") {
            // Who has just left hears nothing.
            let _ = to.write_all(&bytes);
        }
    }
}

#[derive(Debug)]
struct Spoiler {
    random: Mutex<u64>,
    rarity: Arc<AtomicU64>,
    spoilt: Arc<AtomicUsize>,
}

impl Spoiler {
    fn arrived(&self, bytes: &[u8]) -> Vec<u8> {
        let rarity = self.rarity.load(Ordering::Relaxed);
        let mut arrived = Vec::with_capacity(bytes.len() + 8);
        for byte in bytes {
            if rarity == 0 || self.below(rarity) != 0 {
                arrived.push(*byte);
                continue;
            }
            self.spoilt.fetch_add(1, Ordering::Relaxed);
            match self.below(3) {
                0 => {}
                1 => arrived.extend([*byte, *byte]),
                _ => arrived.push(*byte ^ (1 << self.below(8))),
            }
        }
        arrived
    }

    /// The next number (xorshift64, by Marsaglia).
    fn below(&self, limit: u64) -> u64 {
        let mut random = self.random.lock().expect("no panic");
        *random ^= *random << 13;
        *random ^= *random >> 7;
        *random ^= *random << 17;
        (*random >> 33) % limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(rarity: u64) -> Vec<u8> {
        let noise = Noise::start(3, rarity);
        let mut host = UnixStream::connect(noise.host()).unwrap();
        let mut board = UnixStream::connect(noise.board()).unwrap();
        // Until both are at their ends, a byte may be lost; then all pass.
        let (mut byte, mut tries) = ([0], 0);
        host.set_read_timeout(Some(std::time::Duration::from_millis(10)))
            .unwrap();
        noise.spoil(0);
        while host.read(&mut byte).is_err() {
            board.write_all(b"?").unwrap();
            tries += 1;
            assert!(tries < 1000);
        }
        noise.spoil(rarity);
        board.write_all(&[b'x'; 3000]).unwrap();
        board.shutdown(std::net::Shutdown::Write).unwrap();
        let (mut all, mut room) = (Vec::new(), [0; 512]);
        while let Ok(count @ 1..) = host.read(&mut room) {
            all.extend(&room[..count]);
        }
        all.retain(|byte| *byte != b'?');
        assert_eq!(noise.spoilt() > 0, rarity > 0);
        all
    }

    #[test]
    fn bytes_pass_as_they_are_or_not() {
        assert_eq!(through(0), [b'x'; 3000]);
        let spoilt = through(20);
        assert!(spoilt.iter().any(|byte| *byte != b'x'));
    }
}
