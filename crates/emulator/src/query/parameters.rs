//! The parameters of a request of the Query protocol: scalars, and lists that count from 1.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use crate::message::Request;

/// The parameters of query and form. Of a name that is there twice the first value counts; what an
/// action does not know is ignored.
pub(crate) struct Parameters(HashMap<String, String>);

/// Without the values: a session token or a web identity token may be one.
impl fmt::Debug for Parameters {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

impl Parameters {
    /// Reads a request.
    pub(crate) fn of(request: &Request) -> Self {
        let mut parameters = HashMap::new();
        for (name, value) in request.form() {
            parameters.entry(name).or_insert(value);
        }
        Self(parameters)
    }

    /// Returns a scalar.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Returns the entries of a list of structures, `NAME.member.N.MEMBER`, each with its N and the
    /// values of these members; of a list of scalars, `NAME.member.N`, for the member `""`.
    pub(crate) fn list<'a, const N: usize>(
        &'a self,
        name: &str,
        members: [&str; N],
    ) -> Vec<(u32, [Option<&'a str>; N])> {
        let mut entries = BTreeMap::<u32, [Option<&'a str>; N]>::new();
        let prefix = format!("{name}.member.");
        for (parameter, value) in &self.0 {
            let Some(rest) = parameter.strip_prefix(&prefix) else { continue };
            let (index, member) = rest.split_once('.').unwrap_or((rest, ""));
            let (Ok(index), Some(position)) =
                (index.parse(), members.iter().position(|known| *known == member))
            else {
                continue;
            };
            entries.entry(index).or_insert([None; N])[position] = Some(value);
        }
        entries.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_two_counts_and_lists_are_in_order() {
        let query = "A=1&A=2&Tags.member.10.Key=c&Tags.member.2.Key=b&Tags.member.1.Value=x&\
                     Tags.member.1.Key=a&Tags.member.x.Key=no&Keys.member.1=k&Empty=";
        let request = Request { query: query.to_owned(), ..Request::default() };
        let parameters = Parameters::of(&request);
        assert_eq!(parameters.text("A"), Some("1"));
        assert_eq!(
            parameters.list("Tags", ["Key", "Value"]),
            [(1, [Some("a"), Some("x")]), (2, [Some("b"), None]), (10, [Some("c"), None])]
        );
        assert_eq!(parameters.list("Keys", [""]), [(1, [Some("k")])]);
        assert_eq!(parameters.list("Empty", [""]), []);
    }

    #[test]
    fn debug_does_not_print_values() {
        let request = Request { query: "Token=s3cret".to_owned(), ..Request::default() };
        assert_eq!(format!("{:?}", Parameters::of(&request)), r#"{"Token"}"#);
    }
}
