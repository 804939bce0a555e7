//! A log in memory.

use std::sync::{Arc, Mutex, MutexGuard};

use crate::output::log::events::LogEvent;
use crate::output::log::{Field, Log, LogNotWritten};

/// Keeps the events of a daemon. Copies share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct RecordingLog(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    events: Vec<RecordedEvent>,
    is_full: bool,
    refused: &'static [&'static str],
}

#[derive(Debug)]
struct RecordedEvent {
    event: &'static LogEvent,
    fields: String,
}

impl RecordingLog {
    /// Returns a log that panics if a field holds one of these words.
    pub(crate) fn refusing(words: &'static [&'static str]) -> Self {
        let log = Self::default();
        log.state().refused = words;
        log
    }

    /// Makes the log take no records, as on a full disk, or take them again.
    pub(crate) fn set_full(&self, is_full: bool) {
        self.state().is_full = is_full;
    }

    /// Returns what was logged: `level: event name=value…`.
    pub(crate) fn lines(&self) -> Vec<String> {
        let line = |it: &RecordedEvent| {
            format!("{}: {} {}", it.event.level.as_str(), it.event.name, it.fields)
        };
        self.state().events.iter().map(line).collect()
    }

    /// Returns the names of the logged events.
    pub(crate) fn events(&self) -> Vec<String> {
        self.state().events.iter().map(|event| event.event.name.to_owned()).collect()
    }

    /// Drops what was logged.
    pub(crate) fn clear(&self) {
        self.state().events.clear();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl Log for RecordingLog {
    fn event(&self, event: &'static LogEvent, fields: &[Field<'_>]) {
        for (name, _) in fields {
            assert!(event.fields.contains(name), "{} has no field {name}", event.name);
        }
        let fields: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let fields = fields.join(" ");
        let mut state = self.state();
        for word in state.refused {
            assert!(!fields.contains(word), "{} {fields}", event.name);
        }
        state.events.push(RecordedEvent { event, fields });
    }

    fn record(&self, event: &'static LogEvent, fields: &[Field<'_>]) -> Result<(), LogNotWritten> {
        if self.state().is_full {
            return Err(LogNotWritten);
        }
        self.event(event, fields);
        Ok(())
    }
}
