//! The text of every error that the program can print, as a terminal shows it: recorded in
//! `error_texts/`, one page for each area, to be read and reviewed as a whole.
//!
//! An enum of errors is listed in [`variants!`], so a new variant does not compile before it is added
//! there, and the test of its page fails before the page has an example of it. To add one:
//!
//! 1. add the name of the variant to its enum's list in `error_texts/AREA.rs`, and an example below it
//!    (for wrong command lines: a line in `error_texts/usage.rs`);
//! 2. record the page with `INSTA_UPDATE=always cargo test --lib error_texts`, and read its text: does
//!    it name the cause, and the next step?

mod access_keys;
mod actions;
mod credentials_file;
mod files;
mod hops;
mod identity;
mod keys;
mod keys_of_secrets;
mod parameters;
mod program;
mod references;
mod refusals;
mod requests;
mod rotation;
mod run;
mod served;
mod templates;
mod usage;
mod variables;

use std::any::type_name;
use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::output::error::Error;

/// An enum whose variants are listed.
trait Variants {
    /// The names of all variants.
    const NAMES: &'static [&'static str];

    /// Returns the name of the variant.
    fn variant(&self) -> &'static str;
}

/// Lists the variants of an enum. The `match` has no wildcard, so that the list is complete.
macro_rules! variants {
    ($name:ty: $($variant:ident)*) => {
        impl crate::error_texts::Variants for $name {
            const NAMES: &'static [&'static str] = &[$(stringify!($variant)),*];

            fn variant(&self) -> &'static str {
                match self {
                    $(Self::$variant { .. } => stringify!($variant),)*
                }
            }
        }
    };
}
use variants;

/// A page of printed errors.
#[derive(Default)]
struct Page {
    text: String,
    /// The enums and their variants of which there is an example.
    seen: BTreeSet<(&'static str, &'static str)>,
}

impl Page {
    /// Notes an example of a variant, and returns its heading.
    fn see<V: Variants>(&mut self, value: &V) -> String {
        self.seen.insert((type_name::<V>(), value.variant()));
        format!("{}::{}", short_name::<V>(), value.variant())
    }

    /// Adds the printed text of an error.
    fn add(&mut self, heading: &str, error: &Error) {
        let code = error.kind().exit_code();
        writeln!(self.text, "# {heading} (exit code {code})\n{error}\n").unwrap();
    }

    /// Adds examples of an enum, each as the error that it becomes. There must be one of each variant.
    fn add_all<V: Variants>(&mut self, examples: Vec<V>, mut error: impl FnMut(V) -> Error) {
        for example in examples {
            let heading = self.see(&example);
            self.add(&heading, &error(example));
        }
        self.check_has_all::<V>();
    }

    /// Checks that there is an example of each variant.
    fn check_has_all<V: Variants>(&self) {
        let missing: Vec<_> =
            V::NAMES.iter().filter(|name| !self.seen.contains(&(type_name::<V>(), name))).collect();
        assert!(missing.is_empty(), "no example of {}: {missing:?}", type_name::<V>());
    }

    /// Compares the page with the recorded one.
    fn compare(&self, name: &str) {
        let mut settings = insta::Settings::new();
        settings.set_snapshot_path("error_texts");
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(name, self.text));
    }
}

/// Returns the name of a type without its module.
fn short_name<T>() -> &'static str {
    let name = type_name::<T>();
    name.rsplit("::").next().unwrap_or(name)
}
