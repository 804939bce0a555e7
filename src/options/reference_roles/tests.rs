//! Which roles are planned for references.

use std::any::Any;

use super::*;
use crate::command::resolve::{PrintedReferences, Resolve};
use crate::command::{ALL, PlanInputs, plan};
use crate::test_support::FakeConfigFiles;

const FILE: &str = r#"
[identity.host]
certificate = "/file.pem"
[role.one]
trust-anchor-arn = "arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/a"
profile-arn = "arn:aws:rolesanywhere:eu-central-1:123456789012:profile/a"
role-arn = "arn:aws:iam::123456789012:role/One"
[role.two]
trust-anchor-arn = "arn:aws:rolesanywhere:eu-west-1:123456789012:trust-anchor/a"
profile-arn = "arn:aws:rolesanywhere:eu-west-1:123456789012:profile/a"
role-arn = "arn:aws:iam::123456789012:role/Two"
[role.unused]
trust-anchor-arn = "arn:aws:rolesanywhere:eu-west-1:123456789012:trust-anchor/a"
profile-arn = "arn:aws:rolesanywhere:eu-west-1:123456789012:profile/a"
role-arn = "arn:aws:iam::123456789012:role/Unused"
"#;

#[test]
fn only_a_role_that_a_reference_names_is_planned() {
    let environment = Environment::new([("HOME".to_owned(), "/home/u".to_owned())]);
    let files = FakeConfigFiles::one("/home/u/.config/roles-anywhere/config.toml", FILE);
    let inputs = PlanInputs { config_files: &files, ..PlanInputs::of(&environment) };
    let words = "roles-anywhere resolve --role one sm://a sm://b?role=one sm://c?role=two";
    let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
    let plan: Box<dyn Any> = plan(ALL, &words, &inputs).unwrap();
    let Resolve { printed, references, .. } = *plan.downcast().expect("it is the plan of resolve");
    let PrintedReferences::Values(reader) = printed else { panic!("no values") };
    let roles = reader.roles().expect("roles are used");
    let named = roles.named(&references, &environment, inputs.paths);
    assert_eq!(named.others.keys().collect::<Vec<_>>(), [&"two"]);
    let regions =
        [None, Some("one"), Some("two")].map(|name| named.role(name).unwrap().region.clone());
    assert_eq!(
        regions.map(|region| region.to_string()),
        ["eu-central-1", "eu-central-1", "eu-west-1"]
    );
}
