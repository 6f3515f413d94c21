//! Running a command of the user's: text in, text out, both bounded.

use std::io::{self, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;

use redis_ipc::Failure;

/// Longest result, in bytes: what fits a message of the bus by default.
const LONGEST_RESULT: usize = 1024 * 1024;

/// How much of the end of standard error the caller is told, in bytes.
const TOLD_OF_STDERR: usize = 1024;

/// Runs `command` with `sh -c`, `input` on its standard input and `variables` in its
/// environment; returns what it prints. Its standard error is passed on as it comes. Blocks
/// until it ends.
///
/// It gets a process group of its own: Ctrl-C asks us to stop, and stopping means to finish what
/// is at hand.
pub(crate) fn run(
    command: &str,
    variables: &[(&str, &str)],
    input: &str,
) -> Result<String, Failure> {
    // A text of a peer may hold what no variable can.
    let variables = variables
        .iter()
        .map(|(name, value)| (name, value.replace('\0', "")));
    let child = Command::new("/bin/sh")
        .args(["-c", command])
        .envs(variables)
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| Failure::new("exec", format!("cannot run /bin/sh: {error}")))?;
    let done = talk(child, input)
        .map_err(|error| Failure::new("exec", format!("lost touch with the command: {error}")))?;
    judge(done)
}

/// What a command came to.
struct Done {
    status: ExitStatus,
    output: Vec<u8>,
    complaint: String,
}

/// All three at once: a command may write before it has read, and to both of its outputs.
fn talk(mut child: Child, input: &str) -> io::Result<Done> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    thread::scope(|scope| {
        // A command that does not want its input closes it: no error of ours.
        scope.spawn(|| stdin.map(|mut pipe| pipe.write_all(input.as_bytes())));
        let complaint = scope.spawn(|| stderr.map(pass_on).unwrap_or_default());
        let mut output = Vec::new();
        if let Some(pipe) = stdout {
            let limit = LONGEST_RESULT as u64 + 1;
            pipe.take(limit).read_to_end(&mut output)?;
        }
        if output.len() > LONGEST_RESULT {
            child.kill()?;
        }
        let status = child.wait()?;
        let complaint = complaint.join().unwrap_or_default();
        Ok(Done {
            status,
            output,
            complaint,
        })
    })
}

/// Copies to our standard error; returns the end of it.
fn pass_on(mut pipe: impl Read) -> String {
    let mut end = Vec::new();
    let mut chunk = [0; 1024];
    while let Ok(count @ 1..) = pipe.read(&mut chunk) {
        let read = &chunk[..count];
        let _ = io::stderr().write_all(read);
        end.extend_from_slice(read);
        let surplus = end.len().saturating_sub(TOLD_OF_STDERR);
        end.drain(..surplus);
    }
    String::from_utf8_lossy(&end).trim().to_owned()
}

fn judge(done: Done) -> Result<String, Failure> {
    if done.output.len() > LONGEST_RESULT {
        let message = format!("the command printed more than {LONGEST_RESULT} bytes");
        return Err(Failure::new("bad-result", message));
    }
    if !done.status.success() {
        let code = match (done.status.code(), done.status.signal()) {
            (Some(code), _) => format!("exit-{code}"),
            (_, Some(signal)) => format!("signal-{signal}"),
            _ => "exit".to_owned(),
        };
        let message = match &*done.complaint {
            "" => format!("the command ended with {}", done.status),
            complaint => complaint.to_owned(),
        };
        return Err(Failure::new(code, message));
    }
    match String::from_utf8(done.output) {
        Ok(text) if text.trim().is_empty() => Ok("{}".to_owned()),
        Ok(text) => Ok(text),
        Err(_) => Err(Failure::new(
            "bad-result",
            "the command printed what is not UTF-8",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(command: &str) -> String {
        run(command, &[], "{}").unwrap_err().code().to_owned()
    }

    #[test]
    fn input_goes_in_and_output_comes_out() {
        assert_eq!(run("cat", &[], "{\"a\":1}").unwrap(), "{\"a\":1}");
        assert_eq!(run("printf %s \"$X\"", &[("X", "a\0b")], "").unwrap(), "ab");
        assert_eq!(run("true", &[], "").unwrap(), "{}");
    }

    #[test]
    fn large_texts_go_through_in_both_directions_at_once() {
        let large = format!("{{\"a\":\"{}\"}}", "x".repeat(900_000));
        assert_eq!(run("cat", &[], &large).unwrap(), large);
        assert_eq!(run("true", &[], &large).unwrap(), "{}");
    }

    #[test]
    fn failures_have_the_code_and_the_last_words() {
        let failure = run("echo no paper >&2; exit 3", &[], "").unwrap_err();
        assert_eq!((failure.code(), failure.message()), ("exit-3", "no paper"));
        let silent = run("exit 4", &[], "").unwrap_err();
        assert_eq!(silent.message(), "the command ended with exit status: 4");
        assert_eq!(code("kill -9 $$"), "signal-9");
        assert_eq!(code("no-such-program-here"), "exit-127");
    }

    #[test]
    fn output_without_end_ends_the_command() {
        assert_eq!(code("yes"), "bad-result");
        assert_eq!(code("printf '\\377'"), "bad-result");
    }
}
