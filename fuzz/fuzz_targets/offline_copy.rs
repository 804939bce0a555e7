//! A file of `[secrets.offline]`: as it is, and the record that a file with the right key holds.

#![no_main]

use libfuzzer_sys::fuzz_target;
use roles_anywhere::offline_copy::CopyKey;
use roles_anywhere::offline_copy::record::CopyRecord;
use roles_anywhere::offline_copy::sealing::is_copy_name;
use roles_anywhere_client::secret::Entropy;

const NAME: &str = "copy-0123456789abcdef0123456789abcdef";

/// The same nonce each time.
struct NoEntropy;

impl Entropy for NoEntropy {
    fn bits(&self) -> u64 {
        7
    }
}

fuzz_target!(|data: &[u8]| {
    let key = CopyKey::new(&[7; 32]).expect("it is as long as a key");
    assert!(key.open(NAME, data).is_err(), "nobody knows the key");
    let Some(record) = CopyRecord::read(data) else { return };
    let mut again: Vec<u8> = Vec::new();
    record.write(&mut |bytes| again.extend(bytes));
    assert_eq!(again, data);
    let sealed = key.seal(&record, &NoEntropy);
    assert!(is_copy_name(&sealed.name));
    let opened = key.open(&sealed.name, &sealed.contents).expect("what was sealed is opened");
    assert_eq!(opened.identity, record.identity);
    assert!(key.open(NAME, &sealed.contents).is_err() || sealed.name == NAME);
});
