//! Parameters as a table for people.

use super::ValueColumn;
use crate::output::table::aligned;
use roles_anywhere_client::aws::parameter::Parameter;
use roles_anywhere_client::secret::SecretBytes;
use roles_anywhere_client::text::escape;
use roles_anywhere_client::time::Timestamp;

/// Renders parameters in rows, with a newline. A value is in one line: invisible characters are escaped.
pub(super) fn render(parameters: &[Parameter], values: ValueColumn) -> SecretBytes {
    let rows = |parameter: &Parameter| {
        let modified = parameter.last_modified.map(|it| Timestamp::from_unix(it / 1_000_000));
        [
            escape::line(&parameter.name).into_owned(),
            escape::line(&parameter.kind).into_owned(),
            parameter.version.map_or_else(String::new, |it| it.to_string()),
            modified.map_or_else(String::new, |it| it.to_string()),
        ]
    };
    let heading = ["NAME", "TYPE", "VERSION", "MODIFIED"].map(str::to_owned);
    let rows: Vec<_> = std::iter::once(heading).chain(parameters.iter().map(rows)).collect();
    if values == ValueColumn::Hidden {
        return SecretBytes::new((aligned(&rows) + "\n").into_bytes());
    }
    let escaped: Vec<_> = parameters.iter().map(|it| escape::line(it.value.expose())).collect();
    let columns = aligned(&rows);
    let width = columns.lines().map(|line| line.chars().count()).max().unwrap_or_default();
    // Large enough not to grow: a buffer left behind by growth would not be wiped.
    let length: usize = escaped.iter().map(|value| value.len() + 4).sum();
    let mut text = String::with_capacity(length + 4 * columns.len() + rows.len() * (width + 8));
    let values = std::iter::once("VALUE").chain(escaped.iter().map(|value| &**value));
    for (line, value) in columns.lines().zip(values) {
        text.push_str(line);
        text.extend(std::iter::repeat_n(' ', width + 2 - line.chars().count()));
        text.push_str(value);
        text.push('\n');
    }
    SecretBytes::new(text.into_bytes())
}
