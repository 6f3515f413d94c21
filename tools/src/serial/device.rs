//! The device at whose other end the board is: a serial port, or a socket that stands for one.

use std::fmt;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;
use rustix::termios::{
    ControlModes, OptionalActions, QueueSelector, Termios, ioctl_tiocexcl, isatty, tcflush,
    tcgetattr, tcsetattr,
};

/// Why a device cannot be used.
#[derive(Debug)]
pub(crate) enum DeviceError {
    /// It cannot be opened.
    Open { path: PathBuf, source: io::Error },
    /// It is neither a serial port nor a socket.
    NotSerial { path: PathBuf },
    /// The port does not know this speed.
    Baud { path: PathBuf, baud: u32 },
}

impl fmt::Display for DeviceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open { path, source } => {
                write!(f, "cannot open {}: {source}", path.display())?;
                f.write_str(match source.kind() {
                    ErrorKind::NotFound => {
                        "; is the adapter plugged in? `ls /dev/ttyUSB* /dev/ttyACM*` shows those there are"
                    }
                    ErrorKind::PermissionDenied => {
                        "; its group, mostly dialout, may: `sudo adduser $USER dialout`, then log in anew"
                    }
                    ErrorKind::ResourceBusy => "; another program has it for itself",
                    _ => "",
                })
            }
            Self::NotSerial { path } => {
                write!(
                    f,
                    "{} is neither a serial port nor a socket",
                    path.display()
                )
            }
            Self::Baud { path, baud } => {
                write!(
                    f,
                    "{} does not know the speed of {baud} baud",
                    path.display()
                )
            }
        }
    }
}

impl std::error::Error for DeviceError {}

/// Opens the device; reads and writes of it do not wait.
///
/// A serial port is set to `baud`, eight bits, no parity, no flow control, every byte as it comes,
/// and closed to other programs. A Unix socket is connected to.
pub(crate) fn open_device(path: &Path, baud: u32) -> Result<File, DeviceError> {
    let failed = |source: io::Error| DeviceError::Open {
        path: path.to_owned(),
        source,
    };
    let kind = std::fs::metadata(path).map_err(failed)?.file_type();
    if kind.is_socket() {
        let stream = UnixStream::connect(path).map_err(failed)?;
        stream.set_nonblocking(true).map_err(failed)?;
        return Ok(File::from(OwnedFd::from(stream)));
    }
    if !kind.is_char_device() {
        return Err(DeviceError::NotSerial {
            path: path.to_owned(),
        });
    }
    // Without waiting for a carrier, and without becoming this program's terminal.
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let port = open(path, flags, Mode::empty()).map_err(|errno| failed(errno.into()))?;
    if !isatty(&port) {
        return Err(DeviceError::NotSerial {
            path: path.to_owned(),
        });
    }
    set_up(&port, baud).map_err(|errno| match errno {
        Errno::INVAL => DeviceError::Baud {
            path: path.to_owned(),
            baud,
        },
        errno => failed(errno.into()),
    })?;
    Ok(File::from(port))
}

fn set_up(port: &OwnedFd, baud: u32) -> Result<(), Errno> {
    // It would hang up.
    if baud == 0 {
        return Err(Errno::INVAL);
    }
    let mut modes: Termios = tcgetattr(port)?;
    modes.make_raw();
    modes.control_modes |= ControlModes::CLOCAL | ControlModes::CREAD;
    modes.control_modes -= ControlModes::CRTSCTS | ControlModes::CSTOPB;
    modes.set_speed(baud)?;
    tcsetattr(port, OptionalActions::Now, &modes)?;
    // What came before anybody listened.
    tcflush(port, QueueSelector::IOFlush)?;
    ioctl_tiocexcl(port)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(path: &str) -> String {
        open_device(Path::new(path), 115_200)
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn what_is_no_serial_port_is_named_with_the_way_out() {
        let missing = complaint("/dev/ttyUSB-none");
        assert!(missing.contains("/dev/ttyUSB-none") && missing.contains("plugged in"));
        assert!(complaint("/dev/null").contains("neither a serial port"));
        assert!(complaint("/etc/passwd").contains("neither a serial port"));
    }
}
