//! A log in memory.

use std::sync::{Arc, Mutex, MutexGuard};

use crate::output::log::{Field, Level, Log, LogNotWritten};

/// Keeps the events of a daemon. Copies share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct RecordingLog(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    events: Vec<Event>,
    is_full: bool,
    refused: &'static [&'static str],
}

#[derive(Debug)]
struct Event {
    level: Level,
    what: String,
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

    /// Returns what was logged: `level: what name=value…`.
    pub(crate) fn lines(&self) -> Vec<String> {
        let line =
            |event: &Event| format!("{}: {} {}", event.level.as_str(), event.what, event.fields);
        self.state().events.iter().map(line).collect()
    }

    /// Returns what was logged, without levels and fields.
    pub(crate) fn events(&self) -> Vec<String> {
        self.state().events.iter().map(|event| event.what.clone()).collect()
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
    fn event(&self, level: Level, what: &str, fields: &[Field<'_>]) {
        assert!(!what.is_empty(), "an event has a name");
        let fields: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let fields = fields.join(" ");
        let mut state = self.state();
        for word in state.refused {
            assert!(!fields.contains(word), "{what} {fields}");
        }
        state.events.push(Event { level, what: what.to_owned(), fields });
    }

    fn record(&self, level: Level, what: &str, fields: &[Field<'_>]) -> Result<(), LogNotWritten> {
        if self.state().is_full {
            return Err(LogNotWritten);
        }
        self.event(level, what, fields);
        Ok(())
    }
}
