//! A file of the cache: as it is, and as the JSON behind a check sum that is right.

#![no_main]

use std::io;

use libfuzzer_sys::fuzz_target;
use roles_anywhere::command::cache::{self, CacheFormat};
use roles_anywhere::command::credential_process::document::to_json;
use roles_anywhere::options::table::Origin;
use roles_anywhere::options::table::cache::CACHE_DIR;
use roles_anywhere::private_dir::{ConfiguredDir, DirEntry, Lock, ParentOwner, Store};
use roles_anywhere::session_cache::entry::{CacheEntry, with_checksum};
use roles_anywhere::session_cache::key::CacheKey;
use roles_anywhere::session_cache::policy::freshness;
use roles_anywhere_client::credentials::{AccessKey, Freshness};
use roles_anywhere_client::secret::SecretBytes;
use roles_anywhere_fuzz::{NOW, check_line};

const NAME: &str = "session-0123456789abcdef0123456789abcdef";

fuzz_target!(|data: &[u8]| {
    let name = CacheKey::parse(NAME).expect("it is a name");
    check(&name, SecretBytes::new(data.to_vec()));
    check(&name, with_checksum(&name, data));
});

fn check(name: &CacheKey, bytes: SecretBytes) {
    if let Some(entry) = CacheEntry::parse(name, bytes.expose()) {
        let again = entry.render(name);
        let same = CacheEntry::parse(name, again.expose()).expect("what was rendered is read");
        assert_eq!(same.render(name).expose(), again.expose());
        let session = &entry.session;
        let over = freshness(session, NOW) == Freshness::Expired;
        assert!(over || session.seconds_left(NOW) > 0, "what has ended is served");
        let credentials = &session.credentials;
        let key = AccessKey::from(credentials);
        let json = to_json(&key, credentials.expiration, Some(&credentials.account_id));
        assert!(serde_json::from_slice::<serde_json::Value>(json.expose()).is_ok());
    }
    let place = ConfiguredDir {
        path: "/c".into(),
        parent_owner: ParentOwner::AnyUser,
        origin: Origin::Flag(&CACHE_DIR),
    };
    let shown = cache::show(&place, &OneEntry(bytes.clone()), CacheFormat::Json, NOW);
    let json: serde_json::Value = serde_json::from_slice(shown.expect("it can be read").expose())
        .expect("it is JSON");
    assert_eq!(json["sessions"].as_array().map(Vec::len), Some(1));
    let shown = cache::show(&place, &OneEntry(bytes), CacheFormat::Text, NOW);
    let shown = shown.expect("it can be read");
    let shown = std::str::from_utf8(shown.expose()).expect("it is a text");
    shown.lines().for_each(check_line);
}

/// A cache of one entry; the fake store of the program is compiled for its unit tests only.
struct OneEntry(SecretBytes);

impl Store for OneEntry {
    fn read(&self, _name: &str) -> io::Result<Option<SecretBytes>> {
        Ok(Some(self.0.clone()))
    }

    fn write(&self, _name: &str, _contents: &[u8]) -> io::Result<()> {
        unreachable!("it is only looked at")
    }

    fn has(&self, _name: &str) -> io::Result<bool> {
        unreachable!("it is only looked at")
    }

    fn remove(&self, _name: &str) -> io::Result<()> {
        unreachable!("it is only looked at")
    }

    fn truncate(&self, _name: &str) -> io::Result<()> {
        unreachable!("it is only looked at")
    }

    fn sync(&self) -> io::Result<()> {
        unreachable!("it is only looked at")
    }

    fn try_lock(&self, _name: &str) -> io::Result<Option<Box<dyn Lock + '_>>> {
        unreachable!("it is only looked at")
    }

    fn list(&self, _matches: fn(&str) -> bool) -> io::Result<Option<Vec<DirEntry>>> {
        Ok(Some(vec![DirEntry { name: NAME.to_owned(), modified: NOW }]))
    }
}
