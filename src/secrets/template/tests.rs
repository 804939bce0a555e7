//! Templates of both syntaxes, with values that are made up.

use super::*;
use crate::secrets::value::ResolvedValue;
use roles_anywhere_client::aws::get_secret_value::{SecretValue, SecretVersion};
use roles_anywhere_client::secret::Secret;

fn parse(text: &str, syntax: TemplateSyntax) -> Result<Template, Vec<TemplateMistake>> {
    Template::parse("a.conf", &SecretBytes::new(text.as_bytes().to_vec()), syntax)
}

fn jinja(text: &str) -> Template {
    parse(text, TemplateSyntax::Jinja).unwrap_or_else(|mistakes| panic!("{mistakes:?}"))
}

/// Returns the mistakes, one a line.
fn mistakes(text: &str, syntax: TemplateSyntax) -> String {
    let mistakes = parse(text, syntax).unwrap_err();
    mistakes.iter().map(|mistake| format!("{mistake}\n")).collect()
}

fn references(template: &Template) -> Vec<String> {
    template.references().iter().map(ToString::to_string).collect()
}

fn resolved(value: ResolvedValue) -> Resolved {
    Resolved { value, is_json: false, version: None }
}

fn text(text: &str) -> Resolved {
    resolved(ResolvedValue::Text(Secret::new(text.to_owned())))
}

/// Renders a template whose references have these values.
fn render(template: &Template, values: &[(&str, Resolved)]) -> Result<String, RenderError> {
    let value = |reference: String| {
        let found = values.iter().find(|(name, _)| *name == reference);
        found.unwrap_or_else(|| panic!("no value for {reference}")).1.clone()
    };
    let values: Vec<_> = references(template).into_iter().map(value).collect();
    let bytes = template.render(&values)?;
    Ok(String::from_utf8(bytes.expose().to_vec()).unwrap())
}

#[test]
fn dynamic_references_are_replaced_in_any_text() {
    let template = parse(
        "a: {{resolve:ssm:/a}}{{resolve:ssm:/a}}\r\n{ {{ x }} {{resolve:secretsmanager:b::k}}",
        TemplateSyntax::CloudFormation,
    )
    .unwrap();
    let secret = "{{resolve:secretsmanager:b:SecretString:k}}";
    // A value is not scanned again.
    let values = [("{{resolve:ssm:/a}}", text("{{resolve:ssm:/b}}")), (secret, text("ü"))];
    assert_eq!(
        render(&template, &values).unwrap(),
        "a: {{resolve:ssm:/b}}{{resolve:ssm:/b}}\r\n{ {{ x }} ü"
    );
}

#[test]
fn bytes_that_are_not_utf_8_are_kept() {
    let bytes = b"\xff\n{{resolve:ssm:/a}}\xe4{{resolve:ssm:/b}}\xc3".to_vec();
    let template =
        Template::parse("a", &SecretBytes::new(bytes), TemplateSyntax::CloudFormation).unwrap();
    let rendered = template.render(&[text("1"), text("2")]).unwrap();
    assert_eq!(rendered.expose(), b"\xff\n1\xe42\xc3");
}

#[test]
fn references_that_would_stay_text_are_mistakes() {
    let text =
        "# sm://is a comment\nsee sm://a\na = sm://a\nb: \"ssm:///b\"\n{{ resolve:ssm:/a }}\n";
    insta::assert_snapshot!(mistakes(text, TemplateSyntax::CloudFormation), @"
    a.conf, line 3: `sm://` and `ssm://` are text in a template: use `{{resolve:…}}`
    a.conf, line 4: `sm://` and `ssm://` are text in a template: use `{{resolve:…}}`
    a.conf, line 5: expected `{{resolve:SERVICE:NAME}}`, in lower case and without spaces, with SERVICE `secretsmanager`, `ssm` or `ssm-secure`
    ");
    let text = "a = {{ secret(\"a\") }}\n{% if parameter('b') %}{{resolve:ssm:a b}}{% endif %}\n";
    insta::assert_snapshot!(mistakes(text, TemplateSyntax::CloudFormation), @"a.conf, line 1: this is Jinja: pass `--syntax jinja`");
    let text = "a = sm://a\n{# b = sm://b #}\n";
    insta::assert_snapshot!(mistakes(text, TemplateSyntax::Jinja), @r#"a.conf, line 1: `sm://` and `ssm://` are text in a template: use `{{ secret("NAME") }}`"#);
    let text = "{{ secret('a') }}\nb = {{resolve:ssm:/b}}\n";
    insta::assert_snapshot!(mistakes(text, TemplateSyntax::Jinja), @r#"a.conf, line 2: `{{resolve:…}}` is not Jinja: use `{{ secret("NAME") }}`, or pass `--syntax cloudformation`"#);
}

#[test]
fn all_mistakes_are_found_with_their_lines() {
    let text = "x\n{{resolve:ssm:a b}} {{resolve:ssm:/ok}}\n\n{{resolve:sm:x}}{{resolve:ssm:x\n";
    insta::assert_snapshot!(mistakes(text, TemplateSyntax::CloudFormation), @"
    a.conf, line 2: `{{resolve:…}}` cannot contain spaces
    a.conf, line 4: expected `secretsmanager`, `ssm` or `ssm-secure` after `{{resolve:`
    a.conf, line 4: `{{resolve:` is not closed by `}}` on its line
    ");
    let text = "{{ secret(name) }}\n{{ secret('a b') | upper }}\n{% if x is odd %}{{ env('A') }}{% endif %}\n\
        {{ parameter('a', 'b') }}{{ secret('a#*') }}{{ secret() }}";
    insta::assert_snapshot!(mistakes(text, TemplateSyntax::Jinja), @"
    a.conf, line 1: `secret` expects one name in quotes, because all values are read before anything is rendered
    a.conf, line 2: there is no filter `upper`: there are `json`, `b64`, `urlencode`, `shquote`, `replace`, `default`
    a.conf, line 2: the name cannot contain a space
    a.conf, line 3: there is no test `odd`: there are `defined`, `undefined`
    a.conf, line 3: there is no function `env`: there are `secret` and `parameter`
    a.conf, line 4: `parameter` expects one name in quotes, because all values are read before anything is rendered
    a.conf, line 4: `#*` cannot be used in a template
    a.conf, line 4: `secret` expects one name in quotes, because all values are read before anything is rendered
    ");
}

#[test]
fn errors_of_syntax_quote_no_string_of_the_template() {
    let texts = [
        "a\n{{ secret('hunter2' }}",
        "{{ 'hunter2",
        "{% hunter2 %}",
        "{% if 'hunter2' %}",
        "{{ 12345678901234567890123456789012345678901234567890 }}",
        "{% include 'hunter2' %}",
        "{{ '\\uhunter2' }}",
        "{# hunter2",
        "{% for 'hunter2' in x %}",
        "{% set secret('hunter2') = 1 %}",
    ];
    let mut all = String::new();
    for text in texts {
        all.push_str(&mistakes(text, TemplateSyntax::Jinja));
    }
    insta::assert_snapshot!(all, @"
    a.conf, line 2: unexpected `}`, expected `,`
    a.conf, line 1: unexpected end of string
    a.conf, line 1: unknown statement hunter2
    a.conf, line 1: unexpected end of input, expected end of block
    a.conf, line 1: invalid integer (too large)
    a.conf, line 1: unknown statement include
    a.conf, line 1: this is not Jinja
    a.conf, line 1: unexpected end of comment
    a.conf, line 1: unexpected string, expected identifier
    a.conf, line 1: unexpected `(`, expected assignment operator
    ");
    let bytes = SecretBytes::new(b"a\nb\xff".to_vec());
    let mistakes = Template::parse("a", &bytes, TemplateSyntax::Jinja).unwrap_err();
    assert_eq!(mistakes[0].to_string(), "a, line 2: it is not UTF-8");
}

#[test]
fn references_of_all_branches_are_known_beforehand() {
    let text = "{% if parameter('/a') == '1' %}{{ secret('b').c.d }}{% else %}{{ secret(\"e\")[\"f g\"] }}\
        {% endif %}{% set s = secret('h') %}{% for k in s if secret('i') %}{{ s[k] }}{% endfor %}\
        {{ secret('j?stage=AWSPREVIOUS').k | default(parameter('/l')) }}{{ [secret('m#n').o, {'x': secret('p')}] }}\
        {{ 'a' if secret('q') is defined else secret('r')[secret('s')] }}{{ secret('b').c.d }}\
        {% with x = secret('t') %}{{ x.y }}{% endwith %}{% filter b64 %}{{ secret('u') }}{% endfilter %}";
    insta::assert_snapshot!(references(&jinja(text)).join("\n"), @"
sm://b#c.d
sm://e#f%20g
sm://h
sm://i
sm://j#k?stage=AWSPREVIOUS
sm://m#n.o
sm://p
sm://q
sm://r
sm://s
sm://t
sm://u
ssm:///a
ssm:///l
");
}

#[test]
fn values_are_inserted_as_they_are() {
    let text_of = "<b>{{ secret('a') }}</b>\n{{ parameter('/p') }}{{ secret('a').m }}\n";
    let values = [
        ("sm://a", text("{\"m\": \"<&'\\\"\"}")),
        ("ssm:///p", text("{{ secret('x') }}")),
        ("sm://a#m", text("<&'\"")),
    ];
    assert_eq!(
        render(&jinja(text_of), &values).unwrap(),
        "<b>{\"m\": \"<&'\\\"\"}</b>\n{{ secret('x') }}<&'\"\n"
    );
}

#[test]
fn members_of_an_object_can_be_read_one_by_one() {
    let object = r#"{"a.b":"dotted","port":5432,"on":false,"inner":{"x":"deep"},"none":null}"#;
    let values = [("sm://db", text(object))];
    let rows = [
        (
            "{% for k in d %}{{ k }}={{ d[k] if k != 'none' }} {% endfor %}",
            "a.b=dotted inner={\"x\":\"deep\"} none= on=false port=5432 ",
        ),
        ("{{ d.inner.x }} {{ d['a.b'] }} {{ d['po' ~ 'rt'] }}", "deep dotted 5432"),
        ("{{ d.none is defined }} {{ d.zzz | default('no') }} {{ 'port' in d }}", "false no true"),
    ];
    for (body, expected) in rows {
        let template = jinja(&format!("{{% set d = secret('db') %}}{body}"));
        assert_eq!(render(&template, &values).unwrap(), expected, "{body}");
    }
    // The whole and members of it in one template.
    let template = jinja(
        "{{ secret('db').inner.x }} {{ secret('db').inner }} {% set d = secret('db') %}{{ d.port }}{{ d.inner.x }}",
    );
    let known = [
        ("sm://db", text(object)),
        ("sm://db#inner", text(r#"{"x":"deep"}"#)),
        ("sm://db#inner.x", text("deep")),
    ];
    assert_eq!(render(&template, &known).unwrap(), r#"deep {"x":"deep"} 5432deep"#);
}

#[test]
fn filters_write_values_for_other_formats() {
    let value = "a b/'\"\n\\ü$%";
    let values = [("sm://a", text(value))];
    let rows = [
        ("json", "\"a b/'\\\"\\n\\\\ü$%\""),
        ("b64", "YSBiLyciClzDvCQl"),
        ("urlencode", "a%20b%2F%27%22%0A%5C%C3%BC%24%25"),
        ("shquote", "'a b/'\\''\"\n\\ü$%'"),
        ("replace('\\\\', '\\\\\\\\') | replace('/', '')", "a b'\"\n\\\\ü$%"),
        ("urlencode | json", "\"a%20b%2F%27%22%0A%5C%C3%BC%24%25\""),
    ];
    for (filter, expected) in rows {
        let template = jinja(&format!("{{{{ secret('a') | {filter} }}}}"));
        assert_eq!(render(&template, &values).unwrap(), expected, "{filter}");
    }
}

#[test]
fn binary_secrets_are_written_as_base64_only() {
    let binary = || resolved(ResolvedValue::Binary(SecretBytes::new(vec![0, 255])));
    let values = [("sm://a", binary())];
    assert_eq!(render(&jinja("{{ secret('a') | b64 }}"), &values).unwrap(), "AP8=");
    for expression in ["", "| json", "| shquote", "| urlencode", "~ 'x'"] {
        let template = jinja(&format!("\n{{{{ secret('a') {expression} }}}}"));
        let error = render(&template, &values).unwrap_err();
        assert_eq!(error.problem, RenderProblem::Binary, "{expression}");
        assert_eq!(error.line, 2);
    }
}

/// The details of minijinja's errors quote values.
#[test]
fn what_is_undefined_or_does_not_fit_is_an_error_without_values() {
    let values = [
        ("sm://a", text("hunter2")),
        ("sm://o", text(r#"{"x":"hunter2"}"#)),
        ("sm://a?optional", resolved(ResolvedValue::Absent)),
    ];
    let rows = [
        "{{ x }}",
        "{{ x.y }}",
        "{{ secret('a?optional') }}",
        "{{ secret('a?optional') | json }}",
        "{% set o = secret('o') %}{{ o.y }}",
        "{% for k in x %}{% endfor %}",
        "{{ secret('a') + 1 }}",
        "{{ secret('a') * 'x' }}",
        "{% set a = secret('a') %}{{ a.x() }}",
        "{{ -secret('a') }}",
        "{% for a, b in secret('o') %}{% endfor %}",
        "{{ secret('a') | json(1) }}",
        "{{ secret('a') | default }}",
        "{{ 1 // 0 }}",
        "{% set f = secret %}{{ f.x }}",
    ];
    let mut all = String::new();
    for row in rows {
        match parse(row, TemplateSyntax::Jinja) {
            Ok(template) => {
                let error = render(&template, &values).unwrap_err().to_string();
                all.push_str(&format!("{row}: {error}\n"));
            }
            Err(mistakes) => all.push_str(&format!("{row}: {}\n", mistakes[0])),
        }
    }
    insta::assert_snapshot!(all, @"
    {{ x }}: a.conf, line 1: a value is undefined
    {{ x.y }}: a.conf, line 1: a value is undefined
    {{ secret('a?optional') }}: a.conf, line 1: a value is undefined
    {{ secret('a?optional') | json }}: a.conf, line 1: a value is undefined
    {% set o = secret('o') %}{{ o.y }}: a.conf, line 1: a value is undefined
    {% for k in x %}{% endfor %}: a.conf, line 1: a value is undefined
    {{ secret('a') + 1 }}: a.conf, line 1: a value does not fit the operation
    {{ secret('a') * 'x' }}: a.conf, line 1: a value does not fit the operation
    {% set a = secret('a') %}{{ a.x() }}: a.conf, line 1: a value has no such method
    {{ -secret('a') }}: a.conf, line 1: a value does not fit the operation
    {% for a, b in secret('o') %}{% endfor %}: a.conf, line 1: a value cannot be unpacked
    {{ secret('a') | json(1) }}: a.conf, line 1: too many arguments
    {{ secret('a') | default }}: a.conf, line 1: an argument is missing
    {{ 1 // 0 }}: a.conf, line 1: a value does not fit the operation
    {% set f = secret %}{{ f.x }}: a.conf, line 1: a value is undefined
    ");
    let template =
        jinja("{{ secret('a?optional') | default('d') }}{{ secret('a?optional') is defined }}");
    assert_eq!(render(&template, &values).unwrap(), "dfalse");
}

#[test]
fn names_and_members_are_written_as_a_reference_needs_them() {
    let text =
        "{{ secret('a')['b #?&=%'] }}{{ parameter('/a?label=x').k }}{{ secret('a?default=x').k }}";
    insta::assert_snapshot!(references(&jinja(text)).join("\n"), @"
sm://a#b%20%23%3F%26=%25
sm://a#k?default=x
ssm:///a#k?label=x
");
}

#[test]
fn what_is_optional_and_absent_is_false_and_undefined() {
    let absent = || resolved(ResolvedValue::Absent);
    let values = [("sm://n?optional", absent()), ("sm://n#a?optional", absent())];
    let read = "{% if false %}{{ secret('n?optional').a }}{{ secret('n?optional') }}{% endif %}";
    let rows = [
        ("{% if secret('n?optional') %}yes{% else %}no{% endif %}", "no"),
        ("{% if secret('n?optional') is defined %}yes{% else %}no{% endif %}", "no"),
        ("{% if secret('n?optional').a %}yes{% else %}no{% endif %}", "no"),
        ("{{ secret('n?optional') is undefined }}", "true"),
        (
            "{{ secret('n?optional') | default('d') }}{{ secret('n?optional').a | default('e') }}",
            "de",
        ),
        ("{{ secret('n?optional') or 'other' }}", "other"),
    ];
    for (body, expected) in rows {
        for text in [body.to_owned(), format!("{body}{read}")] {
            assert_eq!(render(&jinja(&text), &values).unwrap(), expected, "{text}");
        }
    }
    for body in ["{{ secret('n?optional') }}", "{{ 'a' ~ secret('n?optional') }}"] {
        let error = render(&jinja(&format!("\n{body}{read}")), &values).unwrap_err();
        assert_eq!((error.line, error.problem), (2, RenderProblem::Undefined), "{body}");
    }
}

#[test]
fn members_that_are_no_strings_are_true_and_equal_as_in_json() {
    let object = r#"{"t":true,"f":false,"z":0,"z2":0.0,"z3":-0e5,"one":1,"x":1.50,"big":12345678901234567890123,
        "n":null,"e":"","no":"false","o":{},"l":[ ],"l1":[0]}"#;
    let rows = [
        ("t", "true", true),
        ("f", "false", false),
        ("z", "0", false),
        ("z2", "0.0", false),
        ("z3", "-0e5", false),
        ("one", "1", true),
        ("x", "1.50", true),
        ("big", "12345678901234567890123", true),
        ("no", "false", true),
        ("o", "{}", false),
        ("l", "[ ]", false),
        ("l1", "[0]", true),
        ("e", "", false),
    ];
    let of_secret = |key: &str| {
        let reference = Reference::parse(&format!("sm://s#{key}")).unwrap();
        let value = SecretValue::Text(Secret::new(object.to_owned()));
        let (arn, name) = (String::new(), String::new());
        let version = SecretVersion {
            arn,
            name,
            version_id: None,
            version_stages: vec![],
            created: None,
            value,
        };
        crate::secrets::value::of_secret(&reference, &version).unwrap()
    };
    for (key, written, is_true) in rows {
        let body = "{{ v }} {{ v | json }} {{ 'yes' if v else 'no' }}";
        let expected = format!("{written} \"{written}\" {}", if is_true { "yes" } else { "no" });
        let template = jinja(&format!("{{% set v = secret('s').{key} %}}{body}"));
        // An empty member is an error where it is read by itself.
        if key != "e" {
            let values = [(&*format!("sm://s#{key}"), of_secret(key))];
            assert_eq!(render(&template, &values).unwrap(), expected, "{key}");
        }
        let template = jinja(&format!("{{% set s = secret('s') %}}{{% set v = s.{key} %}}{body}"));
        assert_eq!(render(&template, &[("sm://s", text(object))]).unwrap(), expected, "{key}");
    }
    let template = jinja(
        "{% set s = secret('s') %}{{ s.t == true }} {{ s.f == false }} {{ s.one == 1 }} {{ s.no == 'false' }} \
        {{ 'yes' if s.n else 'no' }} {{ s.n is defined }} {{ 'yes' if s else 'no' }}",
    );
    let rendered = render(&template, &[("sm://s", text(object))]).unwrap();
    assert_eq!(rendered, "true true true true no false yes");
}
