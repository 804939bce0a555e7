//! Properties of all policies and calls.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{ACCOUNT, ROLE, SESSION, session};
use crate::policy::pattern::{self, Glyph};
use crate::policy::*;

const ACTIONS: [&str; 4] = ["a:Get", "a:Put", "b:Get", "b:GetAll"];
const ACTION_PATTERNS: [&str; 7] = ["*", "a:*", "A:get", "b:Get*", "b:?et", "a:*t", "c:Get"];
const RESOURCES: [&str; 3] = ["arn:aws:x:r:1:one", "arn:aws:x:r:1:one/two", "arn:aws:x:r:2:one"];
const RESOURCE_PATTERNS: [&str; 6] = [
    "*",
    "arn:aws:x:*",
    "arn:aws:x:r:1:*",
    "arn:aws:x:r:?:one",
    "arn:aws:x:r:1:${aws:PrincipalTag/t}",
    "arn:aws:x:r:2:one",
];
const VALUES: [&str; 4] = ["one", "two", "One", ""];

fn one_of(values: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    proptest::sample::select(values)
}

fn conditions() -> impl Strategy<Value = Value> {
    let operator = one_of(&[
        "StringEquals",
        "StringNotEquals",
        "StringLike",
        "StringEqualsIgnoreCaseIfExists",
        "ForAllValues:StringEquals",
        "ForAnyValue:StringNotLike",
    ]);
    let key = one_of(&["aws:PrincipalTag/t", "aws:RequestTag/t"]);
    let operand = one_of(&["one", "*o", "T*", "${aws:PrincipalTag/t}", ""]);
    (operator, key, vec(operand, 1..3))
        .prop_map(|(operator, key, operands)| json!({ operator: { key: operands } }))
}

fn statement(effect: &'static str) -> impl Strategy<Value = Value> {
    let action = (any::<bool>(), vec(one_of(&ACTION_PATTERNS), 1..3));
    let resource = (any::<bool>(), vec(one_of(&RESOURCE_PATTERNS), 1..3));
    (action, resource, proptest::option::of(conditions())).prop_map(
        move |((not_action, actions), (not_resource, resources), condition)| {
            let mut statement = json!({ "Effect": effect });
            statement[if not_action { "NotAction" } else { "Action" }] = json!(actions);
            statement[if not_resource { "NotResource" } else { "Resource" }] = json!(resources);
            if let Some(condition) = condition {
                statement["Condition"] = condition;
            }
            statement
        },
    )
}

fn statements() -> impl Strategy<Value = Vec<Value>> {
    vec(prop_oneof![3 => statement("Allow"), 1 => statement("Deny")], 1..5)
}

/// An action, a resource and a context.
type Call = (&'static str, &'static str, Context);

fn call() -> impl Strategy<Value = Call> {
    let tag = || proptest::option::of(one_of(&VALUES));
    (one_of(&ACTIONS), one_of(&RESOURCES), tag(), tag()).prop_map(|(action, resource, of, with)| {
        let mut context = Context::default();
        if let Some(value) = of {
            context = context.with("aws:PrincipalTag/t", value);
        }
        if let Some(value) = with {
            context = context.with("aws:RequestTag/t", value);
        }
        (action, resource, context)
    })
}

fn read(kind: PolicyKind, statements: &[Value]) -> Policy {
    let document = json!({ "Version": "2012-10-17", "Statement": statements });
    Policy::from_value(kind, &document).unwrap()
}

/// Makes statements of an identity policy those of a resource's policy, for one of several callers.
fn attached(statements: &[Value], named: &'static str) -> Policy {
    let with = |statement: &Value| {
        let mut statement = statement.clone();
        statement["Principal"] = json!({ "AWS": named });
        statement
    };
    read(PolicyKind::Resource, &statements.iter().map(with).collect::<Vec<_>>())
}

/// Judges a call by three policies, of which the last two may be absent.
fn decide(
    identity: &[Value],
    limit: Option<&[Value]>,
    resource: Option<(&[Value], &'static str)>,
    (account, (action, resource_arn, context)): (&str, &Call),
) -> bool {
    let identity = read(PolicyKind::Identity, identity);
    let limit = limit.map(|statements| read(PolicyKind::Identity, statements));
    let resource = resource.map(|(statements, named)| attached(statements, named));
    let limits: Vec<NamedPolicy<'_>> = limit.iter().map(|policy| ("session", policy)).collect();
    let caller = session();
    Policies {
        identity: &[("identity", &identity)],
        session: &limits,
        resource: resource.as_ref().map(|policy| ("resource", policy)),
        resource_account: account,
    }
    .authorize(&AccessRequest::new(&caller, action, resource_arn, context.clone()))
    .is_ok()
}

fn named() -> impl Strategy<Value = &'static str> {
    one_of(&["*", ACCOUNT, ROLE, SESSION, "210987654321"])
}

fn account() -> impl Strategy<Value = &'static str> {
    one_of(&[ACCOUNT, "210987654321"])
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(100) })]

    #[test]
    fn an_explicit_deny_wins_wherever_it_is(
        (mut identity, mut limit, mut resource) in (statements(), statements(), statements()),
        (named, account, call) in (named(), account(), call()),
        (policy, at) in (0..3_usize, any::<proptest::sample::Index>()),
    ) {
        let deny = json!({ "Effect": "Deny", "Action": "*", "Resource": "*" });
        let named = if policy == 2 { "*" } else { named };
        let denying = [&mut identity, &mut limit, &mut resource].into_iter().nth(policy).unwrap();
        denying.insert(at.index(denying.len() + 1), deny);
        let allowed =
            decide(&identity, Some(&limit), Some((&resource, named)), (account, &call));
        prop_assert!(!allowed);
    }

    #[test]
    fn without_an_allow_there_is_no_access(
        denies in vec(statement("Deny"), 1..4),
        (named, account, call) in (named(), account(), call()),
    ) {
        let allowed = decide(&denies, None, Some((&denies, named)), (account, &call));
        prop_assert!(!allowed);
    }

    #[test]
    fn one_more_allow_takes_no_access_away(
        (identity, limit, resource) in (statements(), statements(), statements()),
        (named, account, call) in (named(), account(), call()),
        (policy, more) in (0..3_usize, statement("Allow")),
    ) {
        let before = decide(&identity, Some(&limit), Some((&resource, named)), (account, &call));
        let (mut identity, mut limit, mut resource) = (identity, limit, resource);
        [&mut identity, &mut limit, &mut resource].into_iter().nth(policy).unwrap().push(more);
        let after = decide(&identity, Some(&limit), Some((&resource, named)), (account, &call));
        prop_assert!(after || !before);
    }

    #[test]
    fn a_session_policy_gives_no_access(
        (identity, limit) in (statements(), statements()),
        call in call(),
    ) {
        let limited = decide(&identity, Some(&limit), None, (ACCOUNT, &call));
        prop_assert!(!limited || decide(&identity, None, None, (ACCOUNT, &call)));
    }

    #[test]
    fn an_element_and_its_negation_share_all_calls(
        (actions, resources) in
            (vec(one_of(&ACTION_PATTERNS), 1..4), vec(one_of(&RESOURCE_PATTERNS), 1..4)),
        call in call(),
    ) {
        let allows = |action: &str, resource: &str| {
            let statement =
                json!({ "Effect": "Allow", action: actions.clone(), resource: resources.clone() });
            decide(&[statement], None, None, (ACCOUNT, &call))
        };
        let found = [
            allows("Action", "Resource"),
            allows("NotAction", "Resource"),
            allows("Action", "NotResource"),
            allows("NotAction", "NotResource"),
        ];
        prop_assert_eq!(found.iter().filter(|allowed| **allowed).count(), 1);
    }

    #[test]
    fn an_operator_and_its_negation_share_all_values(
        (operator, negation) in proptest::sample::select(vec![
            ("StringEquals", "StringNotEquals"),
            ("StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"),
            ("StringLike", "StringNotLike"),
        ]),
        operands in vec("[aA*?]{0,3}|\\$\\{aws:userid\\}", 1..3),
        value in proptest::option::of("[aAb]{0,3}"),
    ) {
        let context = Context::default().with_all("aws:RequestTag/t", value);
        let call = (ACTIONS[0], RESOURCES[0], context);
        let holds = |operator: &str| {
            let statement = json!({ "Effect": "Allow", "Action": "*", "Resource": "*",
                "Condition": { operator: { "aws:RequestTag/t": operands.clone() } } });
            decide(&[statement], None, None, (ACCOUNT, &call))
        };
        prop_assert_ne!(holds(operator), holds(negation));
    }

    #[test]
    fn patterns_match_as_their_definition_says(
        glyphs in vec(
            proptest::sample::select(vec![
                Glyph::Literal('a'), Glyph::Literal(':'), Glyph::One, Glyph::Any,
                Glyph::OneInSegment, Glyph::AnyInSegment,
            ]),
            0..7,
        ),
        text in "[ab:]{0,8}",
    ) {
        let text: Vec<char> = text.chars().collect();
        let found = pattern::matches(&glyphs, &text.iter().collect::<String>());
        prop_assert_eq!(found, matches(&glyphs, &text));
    }

    #[test]
    fn any_document_is_read_or_refused_with_a_mistake(
        document in "([{}\\[\\]:,]|\"(Statement|Action|Condition|Bool|a:b|\\*|\\$\\{)\"|1|null){0,20}",
    ) {
        for kind in [PolicyKind::Trust, PolicyKind::Identity, PolicyKind::Resource] {
            if let Err(errors) = Policy::parse(kind, &document) {
                prop_assert!(errors.iter().next().is_some());
            }
        }
    }
}

/// The definition of wildcards: exponential, and easy to believe.
fn matches(glyphs: &[Glyph], text: &[char]) -> bool {
    let Some((glyph, glyphs)) = glyphs.split_first() else { return text.is_empty() };
    let taken = |is_taken: fn(char) -> bool| {
        text.split_first().filter(|(c, _)| is_taken(**c)).map(|(_, text)| text)
    };
    match glyph {
        Glyph::Literal(literal) => text.first() == Some(literal) && matches(glyphs, &text[1..]),
        Glyph::One => !text.is_empty() && matches(glyphs, &text[1..]),
        Glyph::OneInSegment => taken(|c| c != ':').is_some_and(|text| matches(glyphs, text)),
        Glyph::Any => (0..=text.len()).any(|count| matches(glyphs, &text[count..])),
        Glyph::AnyInSegment => (0..=text.len())
            .take_while(|count| !text[..*count].contains(&':'))
            .any(|count| matches(glyphs, &text[count..])),
    }
}
