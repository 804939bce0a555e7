//! Keys and passwords in secrets.

use super::*;

const ID: &str = "AKIAIOSFODNN7EXAMPLE";

fn secret(text: &str) -> SecretValue {
    SecretValue::Text(Secret::new(text.to_owned()))
}

fn key(id: &str, secret: &str) -> AccessKey {
    AccessKey { id: id.to_owned(), secret: Secret::new(secret.to_owned()), session_token: None }
}

#[test]
fn all_usual_names_of_a_key_are_read() {
    for text in [
        r#"{"aws_access_key_id":"AKIAIOSFODNN7EXAMPLE","aws_secret_access_key":"s","UserName":"u"}"#,
        r#"{"AccessKeyId":"AKIAIOSFODNN7EXAMPLE","SecretAccessKey":"s","user":"u"}"#,
        r#"{"accessKeyId":"AKIAIOSFODNN7EXAMPLE","secretAccessKey":"s","user_name":"u"}"#,
        r#"{"AWS_ACCESS_KEY_ID":"AKIAIOSFODNN7EXAMPLE","AWS_SECRET_ACCESS_KEY":"s","userName":"u"}"#,
        r#"{"access-key":"AKIAIOSFODNN7EXAMPLE","secret-key":"s","iam-user":"u","token":null}"#,
    ] {
        let found = KeyInSecret::parse(&secret(text)).unwrap();
        assert_eq!((found.key.id.as_str(), found.key.secret.expose()), (ID, "s"), "{text}");
        assert_eq!(found.user.as_deref(), Some("u"), "{text}");
    }
}

#[test]
fn what_is_no_long_term_key_is_refused() {
    let rows = [
        ("hunter2", RotatedValueError::NotAnObject),
        ("{}", RotatedValueError::NoKeyId),
        (r#"{"AccessKeyId":"not a key","SecretAccessKey":"s"}"#, RotatedValueError::NoKeyId),
        (r#"{"AccessKeyId":"AKIAIOSFODNN7EXAMPLE"}"#, RotatedValueError::NoSecretKey),
        (
            r#"{"AccessKeyId":"AKIAIOSFODNN7EXAMPLE","SecretAccessKey":7}"#,
            RotatedValueError::NoSecretKey,
        ),
        // The secret would be shown as the id.
        (
            r#"{"AccessKeyId":"WJALRXUTNFEMIK7MDENGBPXRFICYEXAMPLEKEYAB","SecretAccessKey":"AKIAIOSFODNN7EXAMPLE"}"#,
            RotatedValueError::NoSecretKey,
        ),
        (
            r#"{"AccessKeyId":"AKIAIOSFODNN7EXAMPLE","SecretAccessKey":"s","SessionToken":"t"}"#,
            RotatedValueError::SessionToken,
        ),
        (
            r#"{"AccessKeyId":"AKIAIOSFODNN7EXAMPLE","access_key_id":"AKIAIOSFODNN7EXAMPL2","SecretAccessKey":"s"}"#,
            RotatedValueError::Ambiguous,
        ),
    ];
    for (text, expected) in rows {
        assert_eq!(KeyInSecret::parse(&secret(text)).unwrap_err(), expected, "{text}");
    }
    let binary = SecretValue::Binary(SecretBytes::new(vec![0]));
    assert_eq!(KeyInSecret::parse(&binary).unwrap_err(), RotatedValueError::Binary);
}

#[test]
fn the_rest_of_the_json_stays_as_it_is_written() {
    let text = "{ \"n\" : 1.0E+06,\n  \"SecretAccessKey\":  \"s\" ,\"AccessKeyId\":\"AKIAIOSFODNN7EXAMPLE\", \"AWS_ACCESS_KEY_ID\": \"AKIAIOSFODNN7EXAMPLE\"}\n";
    let new = KeyInSecret::replaced(&secret(text), &key("AKIANEW", "a\"b/+ä")).unwrap();
    assert_eq!(
        new.expose(),
        "{ \"n\" : 1.0E+06,\n  \"SecretAccessKey\":  \"a\\\"b/+ä\" ,\"AccessKeyId\":\"AKIANEW\", \"AWS_ACCESS_KEY_ID\": \"AKIANEW\"}\n"
    );
}

#[test]
fn a_password_is_a_member_or_the_whole_secret() {
    let new = Secret::new("p\\w".to_owned());
    let replaced = |text: &str, key| {
        with_password(&secret(text), key, &new).map(|text| text.expose().to_owned())
    };
    assert_eq!(replaced("hunter2", None).unwrap(), "p\\w");
    let json = r#"{"u": "x", "password" : "old", "o": {"password":"deep"}, "a.b": "dot", "i": 1}"#;
    assert_eq!(
        replaced(json, Some("password")).unwrap(),
        r#"{"u": "x", "password" : "p\\w", "o": {"password":"deep"}, "a.b": "dot", "i": 1}"#
    );
    assert_eq!(
        replaced(json, Some("o.password")).unwrap(),
        r#"{"u": "x", "password" : "old", "o": {"password":"p\\w"}, "a.b": "dot", "i": 1}"#
    );
    assert!(replaced(json, Some("a.b")).unwrap().contains(r#""a.b": "p\\w""#));
    assert_eq!(replaced(json, None), Err(RotatedValueError::WholeObject));
    assert_eq!(replaced(json, Some("i")), Err(RotatedValueError::NotText));
    assert_eq!(replaced(json, Some("z")), Err(RotatedValueError::NoMember { count: 5 }));
    assert_eq!(replaced("hunter2", Some("z")), Err(RotatedValueError::NotAnObject));
    assert_eq!(replaced("[\"hunter2\"]", None).unwrap(), "p\\w");
}

#[test]
fn commands_read_objects_as_json_and_others_as_texts() {
    let values = [("current", &secret("{\"a\": 1}")), ("pending", &secret("p\"w"))];
    let input = command_input("set", ("arn", "v"), &values).unwrap();
    assert_eq!(
        std::str::from_utf8(input.expose()).unwrap(),
        "{\"step\":\"set\",\"secret\":\"arn\",\"version_id\":\"v\",\"current\":{\"a\": 1},\"pending\":\"p\\\"w\"}\n"
    );
}
