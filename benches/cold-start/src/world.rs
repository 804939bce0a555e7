//! The emulator that all programs talk to, and what it is made to answer.
//!
//! Each identity first makes one real CreateSession, signature and chain verified. Then the emulator
//! is scripted to give every POST one and the same answer unread: what is timed is the client, the
//! server's part is the same few microseconds for the tool and for the floor. A verifying server
//! would add its own milliseconds to both and so flatter the ratio.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;

use crate::BenchError;

/// An emulator in a process of its own, until it is dropped.
pub(crate) struct Emulator {
    child: Child,
    exports: Vec<(String, String)>,
    /// Kept open: the emulator must not die of a closed pipe.
    _stdout: BufReader<ChildStdout>,
}

impl Emulator {
    /// Starts one and waits for the variables that it exports.
    pub(crate) fn start(bin_dir: &Path) -> Result<Self, BenchError> {
        let program = bin_dir.join("roles-anywhere-emulator");
        let mut child = Command::new(&program)
            .arg("serve")
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|source| BenchError::Start { program, source })?;
        let stdout = child.stdout.take().ok_or(BenchError::Emulator("has no stdout"))?;
        let mut stdout = BufReader::new(stdout);
        let mut exports = Vec::new();
        while !["EMULATOR_CONTROL", "EMULATOR_DIR"].iter().all(|name| has(&exports, name)) {
            let mut line = String::new();
            let read = stdout.read_line(&mut line).map_err(BenchError::Control)?;
            if read == 0 {
                return Err(BenchError::Emulator("ended early"));
            }
            exports.extend(export(&line));
        }
        Ok(Self { child, exports, _stdout: stdout })
    }

    /// Returns what it exports.
    pub(crate) fn variables(&self) -> &[(String, String)] {
        &self.exports
    }

    /// Returns one of the variables that it exports.
    pub(crate) fn variable(&self, name: &str) -> Result<&str, BenchError> {
        self.exports
            .iter()
            .find(|(own, _)| own == name)
            .map(|(_, value)| value.as_str())
            .ok_or(BenchError::Emulator("exports too little"))
    }

    /// Has it give a session to every CreateSession from here on, without looking at it.
    pub(crate) fn answer_unread(&self) -> Result<(), BenchError> {
        let role = self.variable("ROLES_ANYWHERE_ROLE_ARN")?;
        let answer = json!({
            "credentialSet": [{
                "assumedRoleUser": {
                    "arn": "arn:aws:sts::123456789012:assumed-role/Workload/cold-start",
                    "assumedRoleId": "AROACOLDSTARTCOLDSTART:cold-start",
                },
                "credentials": {
                    "accessKeyId": "ASIACOLDSTARTCOLDSTAR",
                    "secretAccessKey": "s".repeat(40),
                    "sessionToken": "t".repeat(420),
                    "expiration": "2045-12-31T00:00:00Z",
                },
                "packedPolicySize": 10,
                "roleArn": role,
                "sourceIdentity": "CN=cold-start",
            }],
            "subjectArn": "arn:aws:rolesanywhere:us-east-1:123456789012:subject/cold-start",
        });
        let fault = json!({"operation": "CreateSession", "times": 0, "body": answer.to_string()});
        self.post("/faults", &fault.to_string())
    }

    #[expect(clippy::disallowed_methods, reason = "the one connection of the runner")]
    fn post(&self, path: &str, body: &str) -> Result<(), BenchError> {
        let control = self.variable("EMULATOR_CONTROL")?;
        let address = control.strip_prefix("http://").unwrap_or(control);
        let mut stream = TcpStream::connect(address).map_err(BenchError::Control)?;
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).map_err(BenchError::Control)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map_err(BenchError::Control)?;
        if answer.starts_with("HTTP/1.1 200") {
            Ok(())
        } else {
            Err(BenchError::Emulator("refuses the script"))
        }
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // SIGTERM, for it has a directory to remove.
        if let Ok(id) = i32::try_from(self.child.id()) {
            let _ = kill(Pid::from_raw(id), Signal::SIGTERM);
        }
        let _ = self.child.wait();
    }
}

fn has(exports: &[(String, String)], name: &str) -> bool {
    exports.iter().any(|(own, _)| own == name)
}

/// Reads `export NAME='value'`.
fn export(line: &str) -> Option<(String, String)> {
    let (name, quoted) = line.trim_end().strip_prefix("export ")?.split_once('=')?;
    let value = quoted.strip_prefix('\'')?.strip_suffix('\'')?.replace(r"'\''", "'");
    Some((name.to_owned(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_an_export_line() {
        let expected = Some(("A".to_owned(), "it's".to_owned()));
        assert_eq!(export("export A='it'\\''s'\n"), expected);
        assert_eq!(export("note: A='b'"), None);
    }
}
