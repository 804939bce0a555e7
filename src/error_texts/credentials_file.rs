//! The AWS credentials file, which `update` edits.

use std::io;
use std::path::PathBuf;

use rustix::io::Errno;

use super::{Page, variants};
use crate::credentials_file::conflicts::LongLivedKey;
use crate::credentials_file::port::ProfileFileError;
use crate::credentials_file::reconcile::NotSettled;
use crate::credentials_file::{ProfileError, SyntaxError};
use crate::output::error::Error;

variants!(ProfileFileError:
    Busy NotSettled ForeignOwner Read Write Directory NotRegular Dangling ForeignLink TooLarge InTheWay
    Text
);
variants!(NotSettled: Locked Removed Empty Shorter Recent Open);
variants!(ProfileError: Value OfSecret Utf16 Syntax LongLived);
variants!(SyntaxError:
    Encoding ByteOrderMark NoSection NoSetting SectionTwice SettingTwice Nested Indent
);

fn path() -> PathBuf {
    "/home/me/.aws/credentials".into()
}

#[test]
fn errors_of_the_credentials_file_have_these_texts() {
    let mut page = Page::default();
    page.add_all(file_errors(), Error::from);
    let signs = vec![
        NotSettled::Locked,
        NotSettled::Removed,
        NotSettled::Empty,
        NotSettled::Shorter,
        NotSettled::Recent,
        NotSettled::Open(4711),
    ];
    page.add_all(signs, |source| ProfileFileError::NotSettled { path: path(), source }.into());
    let text = |source| Error::from(ProfileFileError::Text { path: path(), source });
    page.add_all(text_errors(), text);
    let syntax = vec![
        SyntaxError::Encoding { line: 3 },
        SyntaxError::ByteOrderMark,
        SyntaxError::NoSection { line: 1 },
        SyntaxError::NoSetting { line: 3 },
        SyntaxError::SectionTwice { line: 9, first: 1 },
        SyntaxError::SettingTwice { line: 4, first: 2 },
        SyntaxError::Nested { line: 5 },
        SyntaxError::Indent { line: 6 },
    ];
    page.add_all(syntax, |source| text(source.into()));
    page.compare("credentials_file");
}

fn file_errors() -> Vec<ProfileFileError> {
    let denied = || io::Error::from(Errno::ACCESS);
    vec![
        ProfileFileError::Busy { path: path() },
        ProfileFileError::NotSettled { path: path(), source: NotSettled::Recent },
        ProfileFileError::ForeignOwner { path: path(), owner: 1000 },
        ProfileFileError::Read { path: path(), source: denied() },
        ProfileFileError::Write { path: path(), source: denied() },
        ProfileFileError::Directory { path: "/home/me/.aws".into(), source: denied() },
        ProfileFileError::NotRegular { path: path() },
        ProfileFileError::Dangling { path: path() },
        ProfileFileError::ForeignLink { path: path(), owner: 1000 },
        ProfileFileError::TooLarge { path: path() },
        ProfileFileError::InTheWay { path: "/home/me/.aws/.credentials.roles-anywhere".into() },
        ProfileFileError::Text { path: path(), source: ProfileError::Utf16 },
    ]
}

fn text_errors() -> Vec<ProfileError> {
    let key = |id: Option<&str>| {
        let key_id = id.map(str::to_owned);
        ProfileError::LongLived(LongLivedKey { profile: "default".to_owned(), key_id })
    };
    vec![
        ProfileError::Value("sessionToken"),
        ProfileError::OfSecret("aws_secret_access_key"),
        ProfileError::Utf16,
        SyntaxError::NoSetting { line: 3 }.into(),
        key(Some("AKIAIOSFODNN7EXAMPLE")),
        key(Some("ASIAIOSFODNN7EXAMPLE")),
        key(None),
    ]
}
